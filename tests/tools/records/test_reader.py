"""Reading the records back: parts are joined, copies dropped, masks allowed for, and damage is said."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenant_bedrock import json_text
from tenant_bedrock.delivery import EVENT_BYTES
from tenant_bedrock.function_log import LINE_BYTES, log_line
from tenant_bedrock.parts import RecordText, split
from tools.cli.console import visible
from tools.command_error import CommandError
from tools.commands import gaps, logs
from tools.records.bedrock_counts import Counts, compare, whole_periods
from tools.records.event import differ_by_masks_alone
from tools.records.reader import RecordFilter, RecordReader, parse_time, refuse_an_empty_window


def _split(record, limit):
    """The parts that the package writes of a record."""
    details = record["tenantBedrock"]
    text = json_text.for_record(json_text.dumps(record))
    return split(
        RecordText(details["recordId"], details["phase"], record["timestamp"], text), limit
    )


def _record(record_id="r1", phase="end", text="hello", **members):
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "modelId": "anthropic.claude-x",
        "input": {"inputBodyJson": {"messages": [{"role": "user", "content": [{"text": text}]}]}},
        "tenantBedrock": {"recordId": record_id, "phase": phase, "alias": "claude"},
        **members,
    }


def _line(record, message="record.spilled"):
    return json.dumps({"level": "ERROR", "message": message, "record": record})


def _reader(*delivered, spilled=()):
    reader = RecordReader()
    for message in delivered:
        reader.add_message(
            message if isinstance(message, str) else json.dumps(message), "delivered"
        )
    for record in spilled:
        reader.add_message(_line(record), "spilled")
    return reader


def test_parts_are_joined_in_whatever_order_they_come():
    record = _record(text="long " * 500_000)
    pieces = _split(record, EVENT_BYTES)
    assert len(pieces) > 2

    reader = _reader(*reversed(pieces))

    assert [entry.record for entry in reader.entries()] == [record]
    assert reader.damage() == []


def test_a_missing_part_is_reported():
    pieces = _split(_record(text="long " * 500_000), EVENT_BYTES)

    reader = _reader(pieces[0], *pieces[2:])

    assert reader.entries() == []
    assert reader.damage() == [f"Record r1 (end): part 2 of {len(pieces)} is missing."]


def test_a_changed_part_is_reported():
    pieces = _split(_record(text="long " * 500_000), EVENT_BYTES)

    reader = _reader(*pieces[:-1], pieces[-1].replace("long", "lung"))

    assert reader.entries() == []
    (sentence,) = reader.damage()
    assert sentence.startswith("Record r1 (end) was altered")


@pytest.mark.parametrize("position", [0, 1, 4])
def test_a_forged_part_does_not_hide_the_true_record(position):
    """A forger may write before, between and after the true parts."""
    record = _record(text="word ann@example.com " * 110)
    true_parts = _split(record, 2_000)
    assert len(true_parts) > 4
    forged_part = true_parts[1].replace("word", "ward", 1)
    for may_be_masked in (True, False):
        reader = RecordReader(may_be_masked=may_be_masked)
        for part in [*true_parts[:position], forged_part, *true_parts[position:]]:
            reader.add_message(part, "delivered")

        assert [entry.record for entry in reader.entries()] == [record]
        assert reader.damage() == ["Record r1 (end): part 2 exists twice, and the two differ."]


@pytest.mark.parametrize("is_masked_first", [True, False])
def test_of_a_part_that_is_there_twice_the_one_that_is_masked_less_is_read(is_masked_first):
    record = _record(text="word ann@example.com " * 110)
    first, second, *rest = _split(record, 2_000)
    copies = [second, _masked(second)]
    assert copies[0] != copies[1]

    reader = _reader(*(reversed(copies) if is_masked_first else copies), first, *rest)

    assert [entry.record for entry in reader.entries()] == [record]
    assert (reader.damage(), reader.masked_records) == ([], 0)


def test_a_masked_record_is_shown_though_it_cannot_be_checked():
    pieces = _split(_record(text="long " * 500_000), EVENT_BYTES)

    reader = _reader(*(piece.replace("long long", "*********") for piece in pieces))

    assert len(reader.entries()) == reader.masked_records == 1
    assert reader.damage() == []


def test_a_spilled_copy_makes_up_for_a_missing_part():
    record = _record(text="long " * 500_000)
    pieces = _split(record, EVENT_BYTES)
    lines = [json.loads(part) for part in _split(record, LINE_BYTES)]

    reader = _reader(*pieces[1:], spilled=lines)

    assert [(entry.place, entry.record) for entry in reader.entries()] == [("spilled", record)]
    assert reader.damage() == []


def test_a_copy_is_dropped_and_one_that_differs_is_reported():
    assert _reader(_record(), _record(), spilled=[_record()]).damage() == []
    assert len(_reader(_record(), _record()).entries()) == 1

    (sentence,) = _reader(_record(), spilled=[_record(text="another")]).damage()
    assert sentence == "Record r1 (end) exists twice, and the two differ."


@pytest.mark.parametrize(
    ("phases", "phase"),
    [
        (["start"], "start"),
        (["end", "start"], "end"),
        (["start", "incomplete", "end"], "end"),
        (["incomplete", "start"], "incomplete"),
        (["error", "start"], "error"),
    ],
)
def test_a_call_is_shown_once_as_far_as_it_came(phases, phase):
    (entry,) = _reader(*(_record(phase=phase) for phase in phases)).entries()

    assert entry.phase == phase


def test_a_start_mark_on_stdout_names_a_gap():
    reader = RecordReader()
    reader.add_message(_line(_record(phase="start"), "record.start"), "spilled")

    (entry,) = reader.entries()
    assert "not recorded" in logs.row(entry)


def test_what_is_no_record_is_left_out_and_counted():
    reader = _reader("not JSON", "[1]", "{}", '"text"', json.dumps(_record()))

    assert len(reader.entries()) == 1
    assert reader.foreign_events == 4


@pytest.mark.parametrize(
    ("record_filter", "record_ids"),
    [
        (RecordFilter(), ["early", "late", "failed"]),
        (RecordFilter(since=datetime(2026, 11, 23, 12, tzinfo=UTC)), ["late", "failed"]),
        (RecordFilter(until=datetime(2026, 11, 23, 12, tzinfo=UTC)), ["early"]),
        (RecordFilter(model="claude"), ["early", "failed"]),
        (RecordFilter(model="amazon.nova-x"), ["late"]),
        (RecordFilter(error="any"), ["failed"]),
        (RecordFilter(error="ThrottlingException"), ["failed"]),
        (RecordFilter(error="ValidationException"), []),
    ],
)
def test_records_are_chosen_by_time_model_and_error(record_filter, record_ids):
    nova = {"recordId": "late", "phase": "end", "alias": "nova"}
    reader = _reader(
        _record("early", timestamp="2026-11-23T11:59:59.999Z"),
        _record("late", modelId="amazon.nova-x", tenantBedrock=nova),
        _record(
            "failed",
            "error",
            timestamp="2026-11-23T12:00:01.000Z",
            errorCode="ThrottlingException",
        ),
    )

    assert [entry.id for entry in reader.entries(record_filter)] == record_ids


def test_a_time_is_a_date_or_so_long_ago():
    assert parse_time("2026-11-23T14:00") == datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert parse_time("2026-11-23T14:00+02:00") == datetime(2026, 11, 23, 12, tzinfo=UTC)
    for text, ago in (("30m", {"minutes": 30}), ("12h", {"hours": 12}), ("7d", {"days": 7})):
        assert abs(datetime.now(UTC) - timedelta(**ago) - parse_time(text)) < timedelta(minutes=1)
    for text in ("yesterday", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00+14:00"):
        with pytest.raises(CommandError, match="is not a valid time; write one such as"):
            parse_time(text)


@pytest.mark.parametrize("command", [gaps, logs])
@pytest.mark.parametrize(
    "times",
    [("1h", "2h"), ("1h", "2020-01-01"), ("2999-01-01", "2999-01-02"), ("2999-01-01", None)],
)
def test_a_window_that_no_record_is_in_is_refused(command, times, monkeypatch):
    """The answer would be that every call is accounted for."""
    since, until = times
    arguments = ["--env", "dev", "--tenant", "acme", "--since", since]
    monkeypatch.setattr("sys.argv", ["x", *arguments, *(["--until", until] if until else [])])

    with pytest.raises(CommandError, match=r"^SINCE= must be before UNTIL= and before now\.$"):
        command.main()


def test_a_window_before_now_is_not_refused():
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    for since, until in [(None, None), (now - hour, None), (now - hour, now + hour), (None, now)]:
        refuse_an_empty_window(since, until)


def test_a_hashed_prompt_is_shown_by_the_beginning_of_its_hash():
    record = _record()
    record["input"]["inputBodyJson"]["messages"][0]["content"] = [{"sha256": "ab" * 32, "bytes": 5}]

    assert "abababababab" in logs.row(_reader(record).entries()[0])


# --- masks ---

EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
NUMBER = re.compile(r"(?<![\w-])\d{9,}(?![\w-])")


def _masked(message, pattern=EMAIL):
    """A message as CloudWatch shows it: the pattern knows nothing of JSON."""
    return pattern.sub(lambda match: "*" * len(match[0]), message)


@pytest.mark.parametrize(
    "beside",
    ["\n", "\t", "\b", "\f", "\r", '"', "\\", "/", "é", "\x1f", "\x00", " ", "漢", "\\n", "\\u00"],
)
@pytest.mark.parametrize("limit", [EVENT_BYTES, 1_200])
def test_a_masked_record_is_read_whatever_stands_beside_the_mask(beside, limit):
    text = f"Write to{beside}ann@example.com{beside}bob@example.com{beside}now. " * 20
    for ensure_ascii in (True, False):
        whole = json.dumps(_record(text=text), ensure_ascii=ensure_ascii)
        messages = _split(json.loads(whole), limit) if limit < EVENT_BYTES else [whole]

        reader = _reader(*(_masked(message) for message in messages))

        assert reader.damage() == []
        (entry,) = reader.entries()
        prompt = entry.record["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"]
        assert "Write" in prompt
        assert "***" in prompt
        assert json.loads(entry.json) == entry.record
        logs.row(entry)


def test_a_masked_number_is_shown_as_masked():
    record = _record(input={"inputTokenCount": 4111111111111111, "inputBodyJson": {}})
    record["tenantBedrock"]["request"] = {"bytes": 4111111111111111}

    reader = _reader(_masked(json.dumps(record), NUMBER))

    (entry,) = reader.entries()
    assert reader.damage() == []
    assert logs.row(entry)[2] == "-/-"


@pytest.mark.parametrize(
    "member", ["modelId", "region", "alias", "timestamp", "errorCode", "invocationId"]
)
def test_a_masked_member_is_no_damage(member):
    record = _record(errorCode="Throttled", region="eu-central-1")
    record["tenantBedrock"]["invocationId"] = "5f0c9b1e"
    where = record if member in record else record["tenantBedrock"]
    where[member] = "*" * len(where[member])

    reader = _reader(record)

    assert reader.damage() == []
    (entry,) = reader.entries(RecordFilter(since=datetime(2026, 1, 1, tzinfo=UTC)))
    logs.row(entry)


def test_records_whose_ids_are_masked_are_not_taken_for_one():
    calls = [
        _record("*" * 36, phase, text) for text in ("one", "two") for phase in ("start", "end")
    ]

    reader = _reader(*calls)

    assert len(reader.entries()) == 4
    assert reader.damage() == []


def test_a_record_whose_mask_covers_json_is_shown_without_its_content():
    message = json.dumps(_record(text="ann@example.com", errorCode="x"))
    broken = message.replace('ann@example.com"}]}', "*" * 19)

    reader = _reader(_record(phase="start"), broken)

    (entry,) = reader.entries()
    assert (entry.phase, reader.masked_records, reader.damage()) == ("end", 1, [])
    assert "end, masked" in logs.row(entry)


EXTENSION = 'tenantBedrock":'


def _tool_record(**tool_input):
    """A record as the package writes it, whose answer is a tool's input with the names of a record's members."""
    content = [{"toolUse": {"toolUseId": "t1", "name": "log", "input": tool_input}}]
    output = {"outputBodyJson": {"output": {"message": {"role": "assistant", "content": content}}}}
    record = _record("0192f0aa-1111-7222", text="ann@example.com", output=output)
    extension = record.pop("tenantBedrock")
    return {**record, "tenantBedrock": extension}


@pytest.mark.parametrize("phase", ["planning", "start", "end"])
@pytest.mark.parametrize("is_line", [True, False])
@pytest.mark.parametrize("covered", ["", '"record":', 'record":{"sch', '"record.spilled"'])
def test_what_masks_leave_of_a_record_is_its_own(phase, is_line, covered):
    """Neither a tool's input nor the line that holds the record states its id, phase or time."""
    tool_input = {"recordId": "other", "phase": phase, "timestamp": "2020-01-01T00:00:00.000Z"}
    message = json.dumps(_tool_record(**tool_input), separators=(",", ":"))
    if is_line:
        message = log_line("ERROR", "record.spilled", message)
        message = message.replace(covered, "*" * len(covered))
    reader = RecordReader()
    reader.add_message(message.replace('"text":"ann', "***********"), "delivered")

    (entry,) = reader.entries()
    assert (entry.id, entry.phase, entry.is_readable) == ("0192f0aa-1111-7222", "end", False)
    assert entry.record["timestamp"] == "2026-11-23T12:00:00.000Z"
    assert reader.damage() == []


@pytest.mark.parametrize("time", ["2026-02-31T00:00:00Z", "yesterday", "***", ""])
def test_a_time_that_is_none_is_not_shown(time):
    reader = _reader(
        f'{{"timestamp":"{time}","tenantBedrock":{{"recordId":"r1","phase":"end"}},***'
    )

    assert [entry.record["timestamp"] for entry in reader.entries()] == [""]
    assert reader.entries(RecordFilter(since=datetime(2026, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("length", [3, 5, 9, 20])
@pytest.mark.parametrize("form", ["whole", "line", "part", "last part"])
def test_a_mask_is_never_damage_wherever_it_is(form, length):
    """Of a record in parts, the other parts are still there."""
    record = _tool_record(x="y")
    text = json.dumps(record, separators=(",", ":"))
    messages = _split(record, 1_200) if form.endswith("part") else [text]
    if form == "line":
        messages = [log_line("ERROR", "record.spilled", text)]
    position = -1 if form == "last part" else 0
    message = messages[position]
    for start in range(len(message) - length + 1):
        messages[position] = message[:start] + "*" * length + message[start + length :]
        reader = _reader(*messages)
        if EXTENSION in messages[position]:
            assert reader.entries(), messages[position]
        assert reader.damage() == [], messages[position]


def test_an_id_that_is_masked_in_one_event_alone_is_the_same_call():
    record_id = "0192f0aa-1111-7222-8333-444455556666"
    masked_id = record_id.replace("444455556666", "*" * 12)
    for ids in ((record_id, masked_id), (masked_id, record_id)):
        mark, record = _record(ids[0], "start"), _record(ids[1], "end")
        for messages in ([mark, record], [record, mark]):
            reader = _reader(*messages)
            assert [entry.phase for entry in reader.entries()] == ["end"]
            assert reader.damage() == []


def test_a_masked_id_that_may_be_of_several_calls_is_of_none_of_them():
    ids = ["0192f0aa-1111-7222-8333-444455556666", "0192f0aa-1111-7222-8333-444455557777"]
    masked = _record(ids[0].replace("444455556666", "*" * 12), "end")

    reader = _reader(masked, *(_record(record_id, "start") for record_id in ids))

    assert sorted(entry.phase for entry in reader.entries()) == ["end", "start", "start"]


@pytest.mark.parametrize("name", ["recordId", "sha256"])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_parts_belong_together_though_one_of_them_has_a_mask(name, position):
    parts = _split(_record("0192f0aa-1111-7222", text="long " * 400), 2_000)
    assert len(parts) > 4
    value = json.loads(parts[0])["tenantBedrock"][name]
    parts[position] = parts[position].replace(value, value[:8] + "*" * (len(value) - 8), 1)

    reader = _reader(*parts)

    (entry,) = reader.entries()
    assert (entry.id, reader.damage(), reader.masked_records) == ("0192f0aa-1111-7222", [], 0)


def test_parts_whose_text_is_broken_by_masks_are_shown_without_their_content():
    pieces = _split(_record(text="ann@example.com " * 100), 1_200)
    broken = [piece.replace('\\"', "***") for piece in pieces]

    reader = _reader(*broken)

    (entry,) = reader.entries()
    assert (entry.id, entry.phase, reader.damage()) == ("r1", "end", [])


@pytest.mark.parametrize("text", ["ann@example.com", "**** stars ****"])
def test_records_are_never_masked_where_no_policy_masks(text):
    pieces = _split(_record(text=f"{text} long " * 100), 1_200)
    intact, masked, altered = (RecordReader(may_be_masked=False) for _ in range(3))
    for piece in pieces:
        intact.add_message(piece, "delivered")
        masked.add_message(piece.replace("long", "****"), "delivered")
        altered.add_message(piece.replace("long", "lung"), "delivered")

    assert (len(intact.entries()), intact.damage(), intact.masked_records) == (1, [], 0)
    for reader in (masked, altered):
        assert "was altered" in "".join(reader.damage())
        assert (reader.entries(), reader.masked_records) == ([], 0)


def test_an_altered_record_with_an_asterisk_is_damaged():
    pieces = _split(_record(text="2 * 3 ** 4 long " * 100), 1_200)

    reader = _reader(*(piece.replace("long", "l*ng") for piece in pieces))

    assert "was altered" in "".join(reader.damage())
    assert reader.masked_records == 0


def test_a_record_with_asterisks_of_its_own_is_not_masked():
    reader = _reader(*_split(_record(text="**** stars **** " * 100), 1_200))

    assert (len(reader.entries()), reader.masked_records, reader.damage()) == (1, 0, [])


@pytest.mark.parametrize(
    ("one", "other", "is_masked_alone"),
    [
        ("to ann@x.com now", "to ********* now", True),
        ("to ********* now", "to ann@x.com now", True),
        ("ann@x.com ********", "********* bob@x.io", True),
        ("to ann@x.com now", "to ********* new", False),
        ("to ann@x.com now", "to **** now", False),
        ("hello", "h*llo", False),
        ("hello", "hullo", False),
        ("****", "****", True),
    ],
)
def test_only_masks_may_differ(one, other, is_masked_alone):
    assert differ_by_masks_alone(one, other) is is_masked_alone
    copies = _reader(_record(text=one), spilled=[_record(text=other)])
    assert (copies.damage() == []) is is_masked_alone


def test_of_two_copies_the_one_that_is_masked_less_is_shown():
    for texts in (("*********", "ann@x.com"), ("ann@x.com", "*********")):
        (entry,) = _reader(*(_record(text=text) for text in texts)).entries()
        assert "ann@x.com" in entry.json


# --- control characters that the package writes as symbols ---

SYMBOLS = "one␊two␉three␛ ␦␊ ␦␦"
PLAIN = "one\ntwo\tthree\x1b ␊ ␦"


@pytest.mark.parametrize("form", ["whole", "parts", "line", "line of a part"])
def test_symbols_are_the_control_characters_that_they_stand_for(form):
    text = json.dumps(_record(text=SYMBOLS * 200), ensure_ascii=False, separators=(",", ":"))
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    parts = [
        _part(1, 2, text[:500], sha256, recordId="r1"),
        _part(2, 2, text[500:], sha256, recordId="r1"),
    ]
    reader = {
        "whole": lambda: _reader(text),
        "parts": lambda: _reader(*parts),
        "line": lambda: _reader(spilled=[json.loads(text)]),
        "line of a part": lambda: _reader(spilled=parts),
    }[form]()

    (entry,) = reader.entries()
    assert (reader.damage(), reader.masked_records) == ([], 0)
    assert entry.record == json.loads(entry.json) == _record(text=PLAIN * 200)


def test_a_copy_with_symbols_is_the_same_record():
    delivered = json.dumps(_record(text="one␊two"), ensure_ascii=False)

    assert _reader(delivered, spilled=[_record(text="one\ntwo")]).damage() == []


@pytest.mark.parametrize("may_be_masked", [True, False])
@pytest.mark.parametrize(
    "member",
    [
        '"␦tenantBedrock":5',
        '"␦tenantBedrock":{"recordId":7,"phase":"zzz"}',
        '"␦tenantBedrock":{"recordId":"x","phase":"end","attempts":[7]}',
        '"␦timestamp":5',
        '"␦input":[1]',
    ],
)
def test_a_name_that_is_a_member_once_it_is_decoded_is_checked(member, may_be_masked):
    reader = RecordReader(may_be_masked=may_be_masked)
    reader.add_message(json.dumps(_record())[:-1] + f",{member}}}", "delivered")

    assert reader.entries() == []
    (sentence,) = reader.damage()
    assert sentence.startswith("An event among the records is malformed: ")


# --- JSON is the record's own ---


def test_the_json_of_a_record_is_the_text_that_was_put():
    message = (
        '{"schemaType": "ModelInvocationLog",  "timestamp":"2026-11-23T12:00:00.000Z",'
        '"n": 1.0, "e": 1e3, "u": "\\u00e9\\ud800", "tenantBedrock":{"recordId":"r1","phase":"end"} }'
    )
    assert _reader(message).entries()[0].json == message

    text = json.dumps(_record(text="é" * 5_000), separators=(",", ":"), ensure_ascii=False)
    assert _reader(*_split(json.loads(text), 1_200)).entries()[0].json == text


def test_the_json_of_a_record_is_one_line_also_if_it_was_put_on_several():
    message = json.dumps(_record(), indent=2)
    (entry,) = _reader(message).entries()

    assert (json.loads(entry.json), "\n" in entry.json) == (json.loads(message), False)


def test_a_line_holds_its_record_as_an_object():
    record = _record(text="é\n")
    reader = _reader(spilled=[record])

    assert json.loads(reader.entries()[0].json) == record
    assert reader.damage() == []


# --- malformed events ---


def _with(path, value):
    record = _part() if path[-1] in ("part", "parts", "sha256", "body") else _record()
    target = record
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = value
    return record


def _part(part=1, parts=2, body="x", sha256="ab" * 32, **details):
    ours = {"recordId": "p1", "phase": "end", "part": part, "parts": parts, "sha256": sha256}
    record = {key: value for key, value in _record().items() if key.startswith(("sch", "tim"))}
    return {**record, "tenantBedrock": {**ours, **details}, "body": body}


WRONG = [None, True, -1, 1.5, float("nan"), "", [], {}, [[]], "x"]
PATHS = {
    ("timestamp",): [None, True, 5, "", "yesterday", "2026-02-31T00:00:00.000Z", "2026-11-23", []],
    ("modelId",): [None, True, 5, [], {}],
    ("region",): [None, 5, [], {}],
    ("errorCode",): [None, 5, [], {}],
    ("input",): [None, True, 5, "x", []],
    ("input", "inputBodyJson"): [None, 5, "x", []],
    ("input", "inputTokenCount"): [None, True, -1, 1.5, "x", [], {}],
    ("output",): [None, 5, "x", []],
    ("output", "outputBodyJson"): [None, 5, "x"],
    ("output", "outputTokenCount"): [None, True, -1, float("inf"), "x", []],
    ("tenantBedrock",): [None, True, 5, "x", [], {}],
    ("tenantBedrock", "recordId"): [None, True, 5, "", [], {}],
    ("tenantBedrock", "phase"): [None, True, 5, "", "END", "ended", [], {}],
    ("tenantBedrock", "alias"): [None, 5, [], {}],
    ("tenantBedrock", "attempts"): [None, 5, "x", {}, [None], [5], [[]], [{"status": "200"}]],
    ("tenantBedrock", "request"): [
        None,
        5,
        "x",
        [],
        {"bytes": "x"},
        {"bytes": -1},
        {"bytes": 2**53},
        {"bytes": 10**4299},
        {"bytes": True},
    ],
    ("tenantBedrock", "part"): [None, True, 0, -1, 1.5, 3, "1", []],
    ("tenantBedrock", "parts"): [None, True, 0, -1, 1.5, "2", []],
    ("tenantBedrock", "sha256"): [None, 5, "", []],
    ("body",): [None, 5, [], {}],
}


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in PATHS.items() for value in values]
)
def test_a_member_of_a_wrong_type_is_damage_and_stops_nothing(path, value):
    reader = _reader(_record("good"), _with(path, value), _record("after"))

    assert [entry.id for entry in reader.entries()] == ["good", "after"]
    (sentence,) = reader.damage()
    assert sentence.startswith("An event among the records is malformed: ")


@pytest.mark.parametrize(
    "message",
    [
        json.dumps(_record())[:-1],
        json.dumps(_record()) + "}",
        json.dumps(_record()).replace('"hello"', "hello"),
        json.dumps(_record()).replace('"hello"', "[" * 100_000 + "]" * 100_000),
        json.dumps(_record()).replace('"hello"', "9" * 10_000),
        json.dumps(_record()).replace("hello", "\x00"),
        json.dumps(_record()).replace('"hello"', "NaN"),
        json.dumps(_record()).replace('"hello"', "-1e999"),
        json.dumps({"message": "record.spilled", "record": _record()})[:-1],
    ],
    ids=[
        "cut",
        "too long",
        "no string",
        "nested",
        "huge number",
        "control",
        "NaN",
        "infinite",
        "a cut line",
    ],
)
def test_a_record_that_is_no_json_is_damage(message):
    reader = _reader(message, _record("after"))

    assert [entry.id for entry in reader.entries()] == ["after"]
    assert len(reader.damage()) == 1


@pytest.mark.parametrize(
    "filling", ["\\", "*", '"', 'a*"', "a", '"\\', "\\u00", '"recordId":"', "[", "␦"]
)
def test_any_text_is_read_in_linear_time(filling):
    """A regular expression that tried every division of this text would not end."""
    reader = _reader('{"tenantBedrock" "recordId" ***"' + filling * 100_000)

    assert len(reader.damage()) + reader.masked_records == 1


def test_a_part_may_state_any_number_of_parts():
    reader = _reader(_part(parts=10**12), _part(part=10**12, parts=10**12))

    (sentence,) = reader.damage()
    assert sentence == (
        "Record p1 (end): part 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 999,999,999,988 more of "
        "1,000,000,000,000 is missing."
    )


def test_contradictory_parts_do_not_hide_the_record():
    text = json.dumps(_record("p1"))
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    true_parts = [_part(1, 2, text[:50], sha256), _part(2, 2, text[50:], sha256)]
    false_parts = [_part(1, 3, "x", sha256), _part(1, 2, "x", sha256), _part(2, 2, "y", "cd" * 32)]

    for events in ([*true_parts, *false_parts], [*false_parts, *true_parts]):
        reader = _reader(*events)
        assert [entry.json for entry in reader.entries()] == [text]
        assert reader.damage()


def test_parts_of_another_record_are_damage():
    text = json.dumps(_record("another"))
    sha256 = hashlib.sha256(text.encode()).hexdigest()

    reader = _reader(_part(1, 2, text[:50], sha256), _part(2, 2, text[50:], sha256))

    assert reader.entries() == []
    assert reader.damage() == ["Record p1 (end) is malformed: its parts state another recordId."]


def test_an_id_cannot_forge_a_line_of_the_output():
    (sentence,) = _reader(
        _part(recordId="x\n\x1b[2K  Every call is accounted for." + "x" * 500)
    ).damage()

    assert sentence.isprintable()
    assert len(sentence) < 250


def test_a_minimal_record_is_shown():
    (entry,) = _reader(
        {
            "timestamp": "2026-11-23T12:00:00.000Z",
            "tenantBedrock": {"recordId": "r1", "phase": "end", "attempts": [{"status": 200}]},
        }
    ).entries()

    assert logs.row(entry)[:7] == ("2026-11-23 12:00:00", "", "-/-", "-", "end", "delivered", "r1")


def test_a_record_without_a_body_says_why():
    record = _record(input={"inputTokenCount": 3}, output={"outputTokenCount": 5})
    record["tenantBedrock"]["buildErrors"] = {"input": "RecursionError", "output": "TypeError"}

    cells = logs.row(_reader(record).entries()[0])

    assert cells[2] == "3/5"
    assert cells[-2:] == ("(not written: RecursionError)", "(not written: TypeError)")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["end", "start", "r1", "****", "2026-11-23T12:00:00.000Z"]),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3)
    ),
    max_leaves=8,
)


def _paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _paths(part, (*path, name))
    if isinstance(value, list):
        for index, part in enumerate(value):
            yield from _paths(part, (*path, index))


@st.composite
def _mutated(draw):
    """An event of which one member is something else, is missing, or of which the text is changed."""
    output = {
        "outputBodyJson": {
            "output": {"message": {"content": [{"text": "hi"}]}},
            "metrics": {"latencyMs": 5},
            "stopReason": "end_turn",
        },
        "outputTokenCount": 5,
    }
    full = _record(output=output, region="eu-central-1", errorCode="x")
    full["tenantBedrock"] |= {"attempts": [{"status": 200, "ms": 1.5}], "latencies": {"totalMs": 5}}
    mark = _record(phase="start")
    mark["tenantBedrock"]["request"] = {"bytes": 100}
    record = copy.deepcopy(draw(st.sampled_from([full, mark, _part(), _line(full)])))
    if isinstance(record, str):
        record = json.loads(record)
    path = draw(st.sampled_from(list(_paths(record))))
    if path:
        target = record
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = draw(JSON)
    text = json.dumps(record, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(text)))
        text = (
            text[:start] + draw(st.sampled_from(["", "****", "*", "\\", '"'])) + text[start + 4 :]
        )
    return text


@settings(max_examples=400, deadline=None)
@given(
    st.lists(JSON.map(json.dumps) | st.text() | _mutated(), max_size=5),
    st.booleans(),
)
def test_no_event_stops_a_reader(messages, may_be_masked):
    reader = RecordReader(may_be_masked=may_be_masked)
    for message in messages:
        reader.add_message(message, "delivered")
        reader.add_message(message, "spilled")
    hour = timedelta(hours=1)
    window = whole_periods(datetime.now(UTC) - hour, datetime.now(UTC))
    entries = reader.entries(RecordFilter(window.since, window.until)) + reader.entries()
    assert all(visible(sentence) == sentence for sentence in reader.damage())
    logs.show(entries, as_json=False)
    logs.show(entries, as_json=True)
    comparison = compare(
        "a", "anthropic.claude-x", "eu-central-1", entries, Counts(3), window=window
    )
    gaps.show([comparison], entries, window)
    for entry in entries:
        assert json.loads(entry.json, parse_constant=pytest.fail) == entry.record


def test_a_time_that_no_calendar_has_is_refused():
    for text in ("99999999999d", "9" * 5000 + "h", "2026-13-01", ""):
        with pytest.raises(CommandError, match="is not a valid time"):
            parse_time(text)
