"""What commands print."""

import io
import json
import os
import pty
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.cli import console
from tools.cli.console import visible
from tools.paths import ROOT

# What a prompt, an AWS error, a tfvars or Terraform may contain.
MARKUP = [
    "[/INST]",
    "x[i]",
    "[red]a[/red]",
    "[link=https://example.com]b[/link]",
    "a:100:b",
    "[[a]]",
]
HIDDEN = {
    "an escape sequence": "\x1b[31mred\x1b[0m",
    "a title": "\x1b]0;title\x07",
    "a C1 control": "\x9b31m",
    "a carriage return": "one\rtwo",
    "a backspace": "one\b\b\btwo",
    "DEL": "one\x7f",
    "NUL": "one\x00",
    "a bidirectional override": "\u202egnp.exe",
    "a bidirectional isolate": "\u2066a\u2069",
    "a zero-width space": "pay\u200bpal",
    "a byte order mark": "\ufeffa",
    "a line separator": "one\u2028two",
    "a paragraph separator": "one\u2029two",
    "a tag": "a\U000e0041",
    "a lone surrogate": "a\ud800b",
    "a soft hyphen": "a\u00adb",
    "a variation selector": "a\ufe0f",
    "a variation selector that hides a letter": "a\U000e0159",
    "a combining grapheme joiner": "a\u034fb",
    "a Hangul filler": "a\u3164b",
    "a halfwidth Hangul filler": "a\uffa0b",
    "a Hangul jamo filler": "a\u115f\u1160b",
    "a Khmer vowel": "a\u17b4\u17b5b",
    "a Mongolian variation selector": "a\u180b\u180fb",
    "a blank Braille pattern": "a\u2800b",
}


def run_code(code, *, encoding="utf-8", stdout=subprocess.PIPE):
    """Run code in a process of its own, whose stdout and stderr have the encoding."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        check=False,
    )


def on_a_terminal(code):
    """Run code on a terminal, and return the bytes that the terminal receives."""
    reader, writer = pty.openpty()
    process = run_code(code, stdout=writer)
    os.close(writer)
    output = os.read(reader, 100_000)
    os.close(reader)
    assert process.returncode == 0, process.stderr
    return output


def test_a_line_is_not_wrapped_in_a_pipe():
    process = run_code("from tools.cli.console import out; out.print('x' * 9000)")

    assert process.stdout == b"x" * 9000 + b"\n"


@pytest.mark.parametrize("text", MARKUP)
def test_text_is_never_markup(text, capsys):
    rows = console.table(text)
    rows.add_row(text)
    console.out.print(text)
    console.out.print(console.styled(text, (text, "bold")))
    console.out.print(rows)
    for print_line in (console.progress, console.warn, console.err.print):
        print_line(text)

    printed = capsys.readouterr()
    lines = [line.strip() for line in printed.out.splitlines()]
    assert lines == [text, text + text, text, text]
    assert [line.strip() for line in printed.err.splitlines()] == [text] * 3


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_a_character_that_could_change_a_terminal_is_an_escape(text, capsys):
    rows = console.table(text)
    rows.add_row(text)
    console.out.print(text)
    console.out.print(console.styled(text, (text, "bold")))
    console.out.print(rows)
    console.warn(text)

    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert len(lines) == 4
    assert all(line.isprintable() for line in [*lines, *printed.err.splitlines()])
    assert (
        "\\x" in printed.err or "\\u" in printed.err or "\\U" in printed.err or "\\r" in printed.err
    )


def test_a_cell_cannot_imitate_a_row(capsys):
    rows = console.table("alias", "tokens")
    rows.add_row("claude\nnova  0/0", "3/5")
    console.out.print(rows)

    assert capsys.readouterr().out.splitlines()[1:] == [r"claude\nnova  0/0  3/5   "]


def test_a_text_keeps_its_lines_and_its_words(capsys):
    console.out.print("naïve 漢字 👍\n\tनमस्ते\u00a0!")

    assert capsys.readouterr().out == "naïve 漢字 👍\n\tनमस्ते\u00a0!\n".expandtabs()


@given(st.text(st.characters(codec=None)))
def test_what_is_visible_is_printable_and_stays_so(text):
    assert re.sub(r"\s", "", visible(text)).isprintable()
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_text_is_printed_on_a_stream_of_any_encoding(encoding):
    code = (
        "from tools.cli.console import out, styled, table, warn\n"
        "rows = table('é漢'); rows.add_row('é漢')\n"
        "out.print('é漢'); out.print(styled(('✓', 'green'))); out.print(rows); warn('é漢')"
    )

    process = run_code(code, encoding=encoding)

    assert (process.returncode, process.stdout.count(b"\n")) == (0, 4), process.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_printed_byte_for_byte_whatever_the_encoding(encoding):
    text = '{"a":"é漢 [/INST] x[i] a:100:b \u202e \x7f \\u001b","b": 1.0}'

    process = run_code(
        f"from tools.cli.console import print_json_text; print_json_text({text!r})",
        encoding=encoding,
    )

    assert process.stdout == text.encode() + b"\n"


def test_json_with_a_lone_surrogate_is_still_utf_8():
    code = "from tools.cli.console import print_json; print_json({'a': chr(0xd800)})"

    assert json.loads(run_code(code).stdout.decode()) == {"a": "\ud800"}


def test_json_is_printed_to_a_stream_of_characters(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    console.print_json({"a": "é"}, indent=None)

    assert stream.getvalue() == '{"a": "é"}\n'


def test_json_on_a_terminal_has_escapes_and_the_same_value():
    value = {"a": "\x9b31m \x1b[31m \u202e \x7f \U000e0041 é \ufe0f \U000e0159 \u2800"}

    output = on_a_terminal(
        f"from tools.cli.console import print_json; print_json({value!r})"
    ).decode()

    assert json.loads(output) == value
    assert re.sub(r"[\r\n]", "", output).isprintable()
    assert not re.search("[\ufe0f\U000e0159\u2800]", output)


def test_json_that_python_calls_printable_has_escapes_too():
    output = on_a_terminal(
        "from tools.cli.console import print_json_text; print_json_text(chr(34) + chr(0xe0159) + chr(34))"
    )

    assert output.split() == [rb'"\udb40\udd59"']


def test_a_terminal_receives_no_escape_sequence_of_a_text():
    code = "from tools.cli.console import out; out.print('\\x1b]0;title\\x07 \\x9b31m')"

    assert on_a_terminal(code).split() == rb"\x1b]0;title\x07 \x9b31m".split()


@pytest.mark.parametrize(
    "print_line",
    ["out.print('x' * 1000)", "print_json({'a': 'x' * 1000})", "err.print('x' * 1000)"],
)
def test_a_closed_pipe_ends_the_output_and_not_the_command(print_line):
    code = (
        "from tools.cli.console import err, out, print_json, run\n"
        "def main():\n"
        f"    for _ in range(1000): {print_line}\n"
        "    return 3\n"
        "run(main)"
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdout=writer,
            stderr=writer if print_line.startswith("err") else subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)

    assert (process.returncode, process.stderr or b"") == (3, b"")


@pytest.mark.parametrize(
    ("text", "width", "line"),
    [
        ("one\n two", 10, "one two"),
        ("x" * 11, 10, "x" * 9 + "…"),
        ("漢" * 5, 10, "漢" * 5),
        ("漢" * 6, 10, "漢" * 4 + " …"),
        ("e\u0301" * 10, 10, "e\u0301" * 10),
    ],
)
def test_a_text_is_cut_by_its_width_on_the_terminal(text, width, line):
    assert console.shorten(text, width) == line


PROGRAM = (
    "import sys\n"
    "from tools.cli.console import out, run, warn, print_json\n"
    "def main():\n"
    "    warn('warned')\n"
    "    {line}\n"
    "    return 3\n"
    "run(main)"
)


def in_a_shell(redirection, line):
    code = PROGRAM.format(line=line)
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("line", ["out.print('x')", "print_json('x')", "sys.stdin.read()"])
@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_stops_no_command(redirection, line):
    process = in_a_shell(redirection, line)

    assert process.returncode == 3
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("line", ["out.print('x')", "print_json('x')", "print('x')"])
def test_an_output_that_is_full_is_a_sentence(line):
    process = in_a_shell(">/dev/full", f"{line}; sys.stdout.flush()")

    assert process.returncode == 1
    assert process.stderr.splitlines()[1:] == [
        (
            "A file or the output cannot be used: No space left on device. Check its permissions and "
            "the free space."
        )
    ]


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path):
    process = in_a_shell("", f"open({str(tmp_path)!r})")

    assert process.returncode == 1
    assert process.stderr.splitlines()[1].startswith(
        f"A file or the output cannot be used: {tmp_path}: Is a directory."
    )


def test_only_the_console_makes_text_of_rich():
    """A text that another module made could hold control characters, and markup would be read in it."""
    modules = [path for path in (ROOT / "tools").rglob("*.py") if path.name != "console.py"]
    pattern = re.compile(
        r"rich\.(markup|console)|^from rich|print_json\(json\.dumps|markup=", re.MULTILINE
    )

    assert [path for path in modules if pattern.search(path.read_text())] == []


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("InvalidClientTokenId", "The keys may have expired. Credentials of AWS come from"),
        ("ExpiredToken", "The keys may have expired. Credentials of AWS come from"),
        ("AccessDenied", "Allow this action"),
        ("Throttling", "wait if it was busy"),
    ],
)
def test_a_request_that_aws_refuses_is_a_sentence_that_says_what_to_do(code, advice):
    error = f"ClientError({{'Error': {{'Code': '{code}', 'Message': 'No.'}}}}, 'GetCallerIdentity')"
    program = (
        "from botocore.exceptions import ClientError\n"
        "from tools.cli.console import run\n"
        "def main():\n"
        f"    raise {error}\n"
        "run(main)"
    )
    process = run_code(program)

    assert process.returncode == 1
    text = process.stderr.decode()
    assert text.startswith(f"AWS refused GetCallerIdentity with {code}: No. ")
    assert advice in text
    assert "Traceback" not in text
