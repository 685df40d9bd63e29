"""`make logs` and `make invoke` print what other people wrote, as text or byte for byte."""

import json
import os
import subprocess
import sys

import pytest

from tenant_bedrock import json_text
from tenant_bedrock.parts import RecordText, split
from tools.cli import function_call
from tools.command_error import CommandError
from tools.commands import invoke, logs
from tools.paths import ROOT
from tools.records.reader import RecordReader

HOSTILE = [
    "[/INST]",
    "x[i] = y[j]",
    "[red]a[/red]",
    "a:100:b",
    "\x1b]0;title\x07\x1b[2J",
    "\x9b2J",
    "\u202egnp.exe",
    "one\r\ntwo\u2028three",
    "\x7f\x00\b",
    "a\ud800b",
    "****",
]


def _split(record, limit):
    """The parts that the package writes of a record."""
    details = record["tenantBedrock"]
    text = json_text.for_record(json_text.dumps(record))
    return split(
        RecordText(details["recordId"], details["phase"], record["timestamp"], text), limit
    )


def _record(text, **members):
    answer = {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}}
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "modelId": text,
        "input": {"inputBodyJson": {"messages": [{"role": "user", "content": [{"text": text}]}]}},
        "output": {"outputBodyJson": {**answer, "stopReason": text}},
        "tenantBedrock": {"recordId": f"r1 {text}", "phase": "end", "alias": text},
        **members,
    }


def _entries(*messages):
    reader = RecordReader()
    for message in messages:
        reader.add_message(message, "delivered")
    assert reader.damage() == []
    return reader.entries()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_is_shown_as_one_row_of_text(text, capsys):
    logs.show(_entries(json.dumps(_record(text))), as_json=False)

    header, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1
    assert (header + rows[0]).isprintable()
    if text.isprintable():
        assert rows[0].count(text) >= 4  # alias, stop reason, prompt and answer; the id is cut


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_is_printed_as_the_json_that_was_put(text, capsysbinary):
    messages = [json.dumps(_record(text)), json.dumps(_record(text, n=1), ensure_ascii=False)]
    expected = messages[0].encode()

    logs.show(_entries(messages[0]), as_json=True)

    assert capsysbinary.readouterr().out == expected + b"\n"


def test_a_record_in_parts_is_printed_as_the_json_that_was_put(capsysbinary):
    record = _record("é [/INST] a:100:b " * 1_000)
    whole = _split(record, 10**9)[0]

    logs.show(_entries(*_split(record, 2_000)), as_json=True)

    assert capsysbinary.readouterr().out == whole.encode() + b"\n"


def _code(*, as_json, count):
    return (
        "import json, sys\n"
        "from tools.cli.console import run\n"
        "from tools.commands import logs\n"
        "from tools.records.reader import Entry\n"
        f"record = {_record('é漢 [/INST]')!r}\n"
        f"entries = [Entry(record, 'delivered')] * {count}\n"
        "def main():\n"
        f"    logs.show(entries, as_json={as_json})\n"
        "    return 1\n"
        "run(main)\n"
    )


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_records_are_printed_whatever_the_encoding_of_stdout(as_json, encoding):
    process = subprocess.run(
        [sys.executable, "-c", _code(as_json=as_json, count=3)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )

    assert (process.returncode, process.stderr) == (1, b"")
    if as_json:
        for line in process.stdout.splitlines():
            assert json.loads(line.decode()) == _record("é漢 [/INST]")


@pytest.mark.parametrize("as_json", [True, False])
def test_head_ends_the_output_quietly(as_json):
    """The exit code stays that of the command: the records were read before the first was printed."""
    code = _code(as_json=as_json, count=5_000)
    process = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | head -n 1; echo "${PIPESTATUS[0]}"', sys.executable, code],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )

    assert process.stderr == b""
    assert process.stdout.splitlines()[-1] == b"1"
    assert len(process.stdout.splitlines()) == 2


def _answer(text):
    return {
        "answer": text,
        "usage": {"input_tokens": 3, "output_tokens": 5},
        "record": {"id": "r1", "delivery": "delivered"},
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_an_answer_is_shown_as_text(text, capsys):
    invoke.show(json.dumps(_answer(text)))

    output = capsys.readouterr().out
    assert output.replace("\n", "").isprintable()
    assert output.endswith("\n\n3 tokens in, 5 out · record r1 delivered\n")
    if text.isprintable():
        assert output.startswith(f"{text}\n")


@pytest.mark.parametrize(
    ("redirection", "sentence"),
    [
        ("<&-", 'There is no prompt; write PROMPT="…" or pipe one in.'),
        ("</dev/null", 'There is no prompt; write PROMPT="…" or pipe one in.'),
        (
            "< <(printf 'caf\\xe9')",
            "The prompt is not UTF-8 text; convert it, for example by iconv.",
        ),
    ],
)
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_prompt_that_cannot_be_read_is_a_sentence(redirection, sentence, locale):
    command = f'"$0" -m tools.commands.invoke --env dev --tenant acme {redirection}'
    environment = {name: value for name, value in os.environ.items() if name != "PROMPT"}
    process = subprocess.run(
        ["bash", "-c", command, sys.executable],
        cwd=ROOT,
        env=environment | {"LC_ALL": locale, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=False,
    )

    assert (process.returncode, process.stderr.decode().strip()) == (1, sentence)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '"x"', "{}", '{"answer": "x"}', '{"usage": 5}', "[" * 100_000]
)
def test_an_answer_of_another_handler_is_refused(text):
    with pytest.raises(CommandError, match="is not of this project's handler; write JSON=1"):
        invoke.show(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"errorType": "ThrottledError", "errorMessage": "wait"}', "ThrottledError: wait"),
        ('{"errorType": 5, "errorMessage": ["[/INST]"]}', r"5: ['[/INST]']"),
        ("{}", "Unknown: no message"),
        ("not JSON", "Unknown: not JSON"),
        ("[1]", "Unknown: [1]"),
    ],
)
def test_the_error_of_any_function_is_a_sentence(text, message):
    assert str(function_call._function_error(text)) == message
