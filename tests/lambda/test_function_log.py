"""The function's own log takes whole messages, whatever happens to its pipe."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tenant_bedrock.function_log import FunctionLog
from tenant_bedrock.parts import RecordText

if TYPE_CHECKING:
    from collections.abc import Iterator


def _record(record_id: str, size: int = 0) -> RecordText:
    text = json.dumps({"tenantBedrock": {"recordId": record_id}, "x": "x" * size})
    return RecordText(record_id, "end", "2026-11-26T00:00:00.000Z", text)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A non-blocking pipe as the process's stdout; yields the end to read."""
    output, intake = os.pipe()
    os.set_blocking(intake, False)
    monkeypatch.setattr("tenant_bedrock.function_log._STDOUT", intake)
    monkeypatch.setattr("tenant_bedrock.function_log._WAIT_SECONDS", 0.05)
    yield output
    os.close(output)
    os.close(intake)


def _ids(pipe: int) -> list[str]:
    os.set_blocking(pipe, False)
    read = b""
    while True:
        try:
            read += os.read(pipe, 1_000_000)
        except BlockingIOError:
            break
    return [json.loads(line)["record"]["tenantBedrock"]["recordId"] for line in read.splitlines()]


def test_a_message_that_a_full_pipe_took_in_part_is_completed_before_the_next(pipe: int) -> None:
    log = FunctionLog()
    with pytest.raises(TimeoutError):
        log.write_copy(_record("large", 100_000), "TimeoutError")
    begun = os.read(pipe, 1_000_000)

    log.write_mark(_record("second"))

    rest = os.read(pipe, 1_000_000)
    lines = [json.loads(line) for line in (begun + rest).splitlines()]
    assert [line["record"]["tenantBedrock"]["recordId"] for line in lines] == ["large", "second"]


def test_a_message_of_which_nothing_was_written_is_not_kept(pipe: int) -> None:
    log = FunctionLog()
    for _ in range(48):  # of a thousand bytes each; the pipe holds 65,536
        log.write_mark(_record("fills", 1_200))
    with pytest.raises(TimeoutError):
        log.write_mark(_record("refused", 2_000))
    assert "refused" not in _ids(pipe)

    log.write_mark(_record("last"))

    assert _ids(pipe)[-1] == "last"


def test_a_process_without_stdout_is_told_that_nothing_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenant_bedrock.function_log._STDOUT", 9_999)

    with pytest.raises(OSError, match="Bad file descriptor"):
        FunctionLog().write_mark(_record("lost"))
