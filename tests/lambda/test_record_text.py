"""A record's text can be masked, divided and joined without being broken."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenant_bedrock import json_text, record
from tenant_bedrock.delivery import EVENT_BYTES
from tenant_bedrock.function_log import LINE_BYTES
from tenant_bedrock.model_call import ModelCall
from tenant_bedrock.parts import RecordText, split
from tenant_bedrock.settings import Settings
from tenant_bedrock.streamed_answer import StreamedAnswer
from tools.bench.local_tenant import SETTINGS
from tools.records.record_text import decode

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Texts with many of the characters that JSON escapes, and of the symbols that stand for them.
    | st.text()
    | st.text(st.sampled_from('\x00\x07\x1b\n\r\t\b\f\x7f"\\/nu0a4*␀␊␛␡␤␦é😀@.')),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _text(value: Any) -> str:
    return json_text.for_record(json_text.dumps(value))


def _scrubbed(value: Any) -> Any:
    """The value without the unpaired surrogates, which no event can hold."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


# --- encoding ---


@given(JSON)
def test_every_value_is_read_as_it_was_written(value: Any) -> None:
    text = _text(value)

    assert json.loads(decode(text)) == _scrubbed(value)
    json.loads(text)  # it is JSON without decoding, too


@given(JSON)
def test_no_escape_holds_a_letter_or_a_digit(value: Any) -> None:
    assert set(re.findall(r"\\(.)", _text(value))) <= {'"', "\\"}


@given(st.lists(st.text(st.sampled_from('ab1\n\t"\\␊\x00é.@-'))), st.data())
def test_a_text_with_any_of_its_words_masked_keeps_its_structure(
    texts: list[str], data: Any
) -> None:
    text = _text({"texts": texts})
    words = list(re.finditer(r"\w+", text[10:]))
    for word in data.draw(st.lists(st.sampled_from(words), unique=True)) if words else ():
        start = word.start() + 10
        text = text[:start] + "*" * len(word[0]) + text[start + len(word[0]) :]

    read = json.loads(decode(text))["texts"]

    assert [re.sub(r"\w", "*", masked) for masked in read] == [
        re.sub(r"\w", "*", written) for written in texts
    ]


def test_a_masked_number_is_read_as_its_asterisks() -> None:
    text = _text({"card": 4111111111111111, "list": [1.5, 48.137, True], "text": '":1*'})
    masked = text.replace("4111111111111111", "*" * 16).replace("48.137", "**.***")

    assert json.loads(decode(masked)) == {
        "card": "*" * 16,
        "list": [1.5, "**.***", True],
        "text": '":1*',
    }


def test_bytes_numbers_and_surrogates_that_json_lacks_become_texts() -> None:
    value = {"image": b"\x00\xff", "scores": [float("nan"), {"most": float("inf")}, 0.5]}

    read = json.loads(_text({**value, "half": "half \ud83d", "set": {1}}))

    assert read == {
        "image": "AP8=",
        "scores": ["nan", {"most": "inf"}, 0.5],
        "half": "half ?",
        "set": "{1}",
    }


# --- numbers and incomplete texts ---

LARGE_NUMBERS = ["1" * 309, "-" + "9" * 400, "1" * 5_000, "1e999", "-1E+400", "1" * 400 + ".5"]


@pytest.mark.parametrize("number", LARGE_NUMBERS)
def test_a_number_beyond_a_double_is_a_string_of_its_text(number: str) -> None:
    for text in (number, f'{{"a":[{number}]}}', "[" * 5_000 + number + "]" * 5_000):
        assert f'"{number}"' in json_text.dumps(json_text.loads(text))


@pytest.mark.parametrize("number", ["9" * 308, "-0.0", "1e308", "0.1", "-" + "1" * 308])
def test_a_number_within_a_double_stays_a_number(number: str) -> None:
    (read,) = json.loads(json_text.dumps(json_text.loads(f"[{number}]")))

    assert str(read) == str(json.loads(number))


def test_a_negative_zero_keeps_its_sign() -> None:
    assert json_text.dumps(json_text.loads("[-0]")) == "[-0.0]"


@pytest.mark.parametrize(
    "number",
    [10**309, -(10**309), 10**5_000, {10**5_000: 1}],
    ids=["309 zeros", "negative", "5,000 zeros", "a name"],
)
def test_a_large_integer_of_python_is_a_string_of_its_digits(number: Any) -> None:
    ((read,),) = json.loads(json_text.dumps({"list": [number]})).values()

    digits = next(iter(read)) if isinstance(read, dict) else read
    assert digits.lstrip("-").startswith("10")
    assert len(digits) >= 310


@given(JSON)
def test_an_unescaped_text_means_the_same(value: Any) -> None:
    text = json.dumps(value)

    assert json.loads(json_text.unescaped(text), strict=False) == json.loads(text)


@given(JSON, st.booleans(), st.data())
def test_an_incomplete_text_has_no_escape_with_a_letter_or_a_digit(
    value: Any, ensure_ascii: bool, data: Any
) -> None:
    text = json.dumps(value, ensure_ascii=ensure_ascii)
    text = text[: data.draw(st.integers(0, len(text)))]

    unescaped = json_text.unescaped(text)

    # Only the last escape may be incomplete, and nothing stands after it.
    whole = re.sub(r"\\(?:u[0-9a-f]{0,3})?\Z", "", unescaped)
    assert set(re.findall(r"\\(.)", whole, re.DOTALL)) <= {'"', "\\"}


# --- masking by the log group's policy ---

SECRETS = ["ann@example.com", "4111 1111 1111 1111", "192.168.0.1"]
NEIGHBOURS = [*map(chr, range(0x20)), '"', "\\", "/", "␊", "␦", " "]
POLICY_NAMES = ["EmailAddress", "CreditCardNumber", "IpAddress"]


@pytest.fixture
def masked(acme: Any) -> Any:
    """The tenant, whose record log group masks addresses and card numbers."""
    identifiers = [f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in POLICY_NAMES]
    policy = {
        "Name": "masking",
        "Version": "2021-06-01",
        "Statement": [
            {
                "Sid": "audit",
                "DataIdentifier": identifiers,
                "Operation": {"Audit": {"FindingsDestination": {}}},
            },
            {
                "Sid": "mask",
                "DataIdentifier": identifiers,
                "Operation": {"Deidentify": {"MaskConfig": {}}},
            },
        ],
    }
    group = "/bedrock/local/acme/records"
    logs = acme.client("logs")
    logs.put_data_protection_policy(logGroupIdentifier=group, policyDocument=json.dumps(policy))
    yield acme
    logs.delete_data_protection_policy(logGroupIdentifier=group)


@pytest.mark.parametrize("secret", SECRETS)
def test_what_stands_beside_a_value_neither_hides_it_nor_breaks_the_record(
    masked: Any, secret: str
) -> None:
    prompt = "line" + "".join(f"{beside}{secret}{beside}" for beside in NEIGHBOURS)

    masked.connect().chat("claude").invoke(prompt)

    record = masked.records()[-1]
    (block,) = record["input"]["inputBodyJson"]["messages"][0]["content"]
    assert block["text"] == prompt.replace(secret, "*" * len(secret))
    assert secret not in json.dumps(record)


@pytest.mark.parametrize("secret", SECRETS)
def test_an_unfinished_tool_input_hides_no_value_either(masked: Any, secret: str) -> None:
    escapes = [r"\n", r"\t", r"\r", r"\b", r"\f", r"\/", r"\"", r"\\ ", r"\u000a", r"\u0000"]
    text = '{"note": "line' + "".join(f"{escape}{secret}{escape}" for escape in escapes)
    answer = StreamedAnswer()
    answer.add(
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}}}
    )

    call = ModelCall(operation="ConverseStream", model_id="a-model", stream=answer)
    settings = Settings.model_validate(SETTINGS)
    written = record.write(call, "incomplete", settings, "arn:aws:sts::1:assumed-role/a/b").text

    logs = masked.client("logs")
    group, stream = "/bedrock/local/acme/records", f"partial-{secret[:3]}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    event = {"timestamp": int(time.time() * 1000), "message": written}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    (read,) = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert secret not in read["message"]
    body = json.loads(decode(read["message"]))["output"]["outputBodyJson"]
    (block,) = body["output"]["message"]["content"]
    assert block["toolUse"]["input"].count("*" * len(secret)) == len(escapes)


# --- parts ---


def _record_text(text: str) -> RecordText:
    value = {"input": {"inputBodyJson": {"text": text}}}
    return RecordText("r1", "end", "2026-11-23T00:00:00.000Z", _text(value))


@pytest.mark.parametrize("limit", [EVENT_BYTES, LINE_BYTES])
@pytest.mark.parametrize(
    "text",
    ["plain " * 200_000, '"\\' * 300_000, "é😀\n" * 150_000, "\x00␊" * 120_000, "x" * 1_100_000],
)
def test_a_record_too_large_is_split_and_can_be_joined(text: str, limit: int) -> None:
    record = _record_text(text)

    messages = split(record, limit)

    pieces = [json.loads(message) for message in messages]
    assert len(pieces) > 1
    assert all(len(message.encode()) <= limit for message in messages)
    ours = [piece["tenantBedrock"] for piece in pieces]
    assert [part["part"] for part in ours] == list(range(1, len(pieces) + 1))
    assert {part["parts"] for part in ours} == {len(pieces)}
    assert {piece["timestamp"] for piece in pieces} == {record.timestamp}
    joined = "".join(piece["body"] for piece in pieces)
    assert {part["sha256"] for part in ours} == {hashlib.sha256(joined.encode()).hexdigest()}
    assert joined == record.text
    assert json.loads(decode(joined))["input"]["inputBodyJson"]["text"] == text


def test_a_record_that_fits_is_one_event() -> None:
    record = _record_text("short")

    assert split(record, EVENT_BYTES) == [record.text]


@pytest.mark.parametrize("separator", ["\n", " "])
def test_a_part_ends_where_no_value_is_divided(separator: str) -> None:
    record = _record_text(f"ann@example.com{separator}" * 100_000)

    bodies = [json.loads(message)["body"] for message in split(record, LINE_BYTES)]

    assert all(body.startswith("ann@example.com") for body in bodies[1:])


def test_masked_parts_can_be_joined_and_read() -> None:
    text = 'x\n"ann@example.com"\\ann@example.com\t' * 30_000
    record = _record_text(text)

    pieces = [
        message.replace("ann@example.com", "*" * 15) for message in split(record, EVENT_BYTES)
    ]

    assert len(pieces) > 1
    joined = "".join(json.loads(piece)["body"] for piece in pieces)
    read = json.loads(decode(joined))["input"]["inputBodyJson"]["text"]
    assert read == text.replace("ann@example.com", "*" * 15)


def test_a_value_too_deep_is_a_string_of_its_json_text() -> None:
    value: Any = {"text": "a\nann@example.com ␊"}
    for _ in range(json_text.MAX_DEPTH):
        value = [value]

    text = _text(value)
    read = json.loads(decode(text))
    for _ in range(json_text.MAX_DEPTH):
        (read,) = read

    assert "nann@" not in text
    assert json.loads(read, strict=False) == {"text": "a\nann@example.com ␊"}
