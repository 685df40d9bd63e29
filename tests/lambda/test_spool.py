"""Outside Lambda, records wait on the local disk until CloudWatch takes them."""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tenant_bedrock
from tenant_bedrock import connect
from tenant_bedrock.parts import RecordText
from tenant_bedrock.spool import Spool, SpoolError
from tests.tools.localaws.small_functions import wait_until
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NO_CLOUDWATCH = Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER)
CALLS_AND_IS_KILLED = """
import os, signal
from tenant_bedrock import connect

connection = connect()
client = connection.chat("claude").client
client.meta.events.register("before-send", lambda **_: os.kill(os.getpid(), signal.SIGKILL))
connection.chat("claude").invoke("killed")
"""
RECORD = RecordText("an-id", "end", "2026-11-26T00:00:00.000Z", '{"tenantBedrock":{}}')


@pytest.fixture
def directory(acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
    monkeypatch.setenv("TENANT_BEDROCK_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setattr(Spool, "retry_seconds", 0.2)
    return tmp_path / "spool"


@pytest.fixture
def phases(acme: Any) -> Callable[[], list[tuple[str, str]]]:
    """The id and phase of each record that CloudWatch has."""
    return lambda: [
        (record["tenantBedrock"]["recordId"], record["tenantBedrock"]["phase"])
        for record in acme.written()
    ]


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_a_record_waits_in_a_private_file_and_is_delivered_when_cloudwatch_is_back(
    acme: Any, directory: Path, phases: Callable[[], list[tuple[str, str]]]
) -> None:
    acme.control.fault(NO_CLOUDWATCH)
    connection = connect()
    receipt = connection.chat("claude").invoke("hello").response_metadata["record"]

    assert receipt["delivery"] == "spilled"
    (file,) = _files(directory)
    assert file.name == f"{receipt['id']}.end"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parents[:3]} == {0o700}
    assert json.loads(file.read_text().partition("\n")[2])["input"]

    acme.control.clear_faults()
    wait_until(lambda: (receipt["id"], "end") in phases())
    wait_until(lambda: not _files(directory))


def test_nothing_stays_in_the_spool_after_a_delivered_call(acme: Any, directory: Path) -> None:
    connection = connect()
    connection.chat("claude").invoke("hello")
    list(connection.chat("claude").stream("hello"))

    assert _files(directory) == []


def test_nothing_is_printed(acme: Any, directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    acme.control.fault(NO_CLOUDWATCH)
    connect().chat("claude").invoke("a prompt")

    output = capfd.readouterr()
    assert output.out == ""
    assert "a prompt" not in output.err


def test_the_next_process_delivers_what_a_killed_one_has_left(
    acme: Any, directory: Path, phases: Callable[[], list[tuple[str, str]]]
) -> None:
    program = [sys.executable, "-c", CALLS_AND_IS_KILLED]
    killed = subprocess.run(program, cwd=Path(tenant_bedrock.__file__).parents[1], check=False)
    assert killed.returncode == -signal.SIGKILL
    (mark,) = _files(directory)
    record_id, _, phase = mark.name.partition(".")
    assert phase == "start"
    assert (record_id, "start") not in phases()

    connection = connect()

    wait_until(lambda: (record_id, "start") in phases())
    wait_until(lambda: not mark.parent.exists())
    assert connection.settings.tenant == "acme"


def test_the_files_of_a_living_process_are_left_to_it(tmp_path: Path) -> None:
    living = Spool(tmp_path / "base" / "spool", "living")
    other = Spool(tmp_path / "base" / "spool", "other")
    living.write_copy(RECORD, "TimeoutError")

    assert list(other.waiting()) == []
    assert list(living.waiting()) == [RECORD]
    living.write_copy(RECORD, "TimeoutError")
    del living
    assert list(other.waiting()) == [RECORD]


def test_a_record_that_was_not_put_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "base" / "spool", "own")
    spool.write_copy(RECORD, "TimeoutError")

    waiting = spool.waiting()
    assert next(waiting) == RECORD
    waiting.close()  # type: ignore[attr-defined]

    assert list(spool.waiting()) == [RECORD]


def test_a_full_spool_refuses_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenant_bedrock.spool._MAX_BYTES", 100)
    spool = Spool(tmp_path / "base" / "spool", "own")
    spool.write_copy(RECORD, "TimeoutError")

    with pytest.raises(SpoolError, match="100 bytes"):
        spool.write_mark(RecordText("another", "start", RECORD.timestamp, RECORD.text))
    spool.remove(RECORD.record_id)
    spool.write_mark(RecordText("another", "start", RECORD.timestamp, RECORD.text))


@pytest.mark.parametrize("problem", ["mode", "link", "file"])
def test_a_directory_that_others_can_read_or_replace_is_refused(
    tmp_path: Path, problem: str
) -> None:
    directory = tmp_path / "spool"
    if problem == "mode":
        directory.mkdir(mode=0o755)
        directory.chmod(0o755)
    elif problem == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        directory.symlink_to(tmp_path / "elsewhere")
    else:
        directory.write_text("")

    with pytest.raises(OSError, match="chmod 700|is not a directory|File exists"):
        Spool(directory / "acme", "own")


def test_without_a_spool_a_copy_goes_to_stdout(
    acme: Any, directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    acme.control.fault(NO_CLOUDWATCH)

    receipt = connect().chat("claude").invoke("hello").response_metadata["record"]

    assert receipt["delivery"] == "spilled"
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["record.start", "record.spilled"]


def test_processes_that_start_at_once_keep_their_directories(tmp_path: Path) -> None:
    """Another process may look for leftovers between the making of a directory and its locking."""
    directory = tmp_path / "base" / "spool"
    first = Spool(directory, "first")
    (directory / ".starting").mkdir()

    assert list(first.waiting()) == []
    assert (directory / ".starting").exists()


def test_what_another_process_has_delivered_no_longer_counts_as_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenant_bedrock.spool._MAX_BYTES", 100)
    other = Spool(tmp_path / "base" / "spool", "other")
    other.write_copy(RECORD, "TimeoutError")
    spool = Spool(tmp_path / "base" / "spool", "own")
    with pytest.raises(SpoolError):
        spool.write_mark(RecordText("another", "start", RECORD.timestamp, RECORD.text))

    other.remove(RECORD.record_id)

    spool.write_mark(RecordText("another", "start", RECORD.timestamp, RECORD.text))


def test_a_directory_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "base" / "spool", "own")
    shutil.rmtree(tmp_path / "base")

    spool.write_copy(RECORD, "TimeoutError")

    assert list(spool.waiting()) == [RECORD]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"5\n{}", b'["one"]\n{}'])
def test_a_damaged_file_does_not_keep_the_others_from_delivery(
    tmp_path: Path, content: bytes
) -> None:
    dead = Spool(tmp_path / "base" / "spool", "dead")
    dead.write_copy(RECORD, "TimeoutError")
    (tmp_path / "base" / "spool" / "dead" / "a-damaged.end").write_bytes(content)
    del dead

    assert list(Spool(tmp_path / "base" / "spool", "own").waiting()) == [RECORD]
    assert not (tmp_path / "base" / "spool" / "dead").exists()
