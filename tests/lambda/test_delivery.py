"""Each record reaches the customer's log group or the function's own log, complete and once."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tenant_bedrock import NotRecordedError, OutOfTimeError, delivery
from tenant_bedrock.handler import handler
from tenant_bedrock.parts import RecordText
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = "/bedrock/local/acme/records"


def _id(record: dict[str, Any]) -> str:
    return str(record["tenantBedrock"]["recordId"])


def test_a_large_record_arrives_in_parts(acme: Any) -> None:
    answer = handler({"prompt": "word " * 250_000, "model": "claude"}, None)

    assert answer["record"]["delivery"] == "delivered"
    ours = [record for record in acme.records() if _id(record) == answer["record"]["id"]]
    ours.sort(key=lambda part: part["tenantBedrock"]["part"])
    whole = json.loads("".join(part["body"] for part in ours))
    assert whole["input"]["inputTokenCount"] == 250_000
    assert len(ours) == ours[0]["tenantBedrock"]["parts"] > 1


def test_a_large_record_spills_in_lines_that_lambda_does_not_cut(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    answer = handler({"prompt": "word " * 100_000, "model": "claude"}, None)

    assert answer["record"]["delivery"] == "spilled"
    spilled = [
        json.loads(line) for line in capfd.readouterr().out.splitlines() if "record.spilled" in line
    ]
    assert len(spilled) > 1
    assert all(len(json.dumps(line)) < 262_144 for line in spilled)
    whole = json.loads("".join(line["record"]["body"] for line in spilled))
    assert _id(whole) == answer["record"]["id"]


def test_a_deleted_stream_is_made_again(acme: Any) -> None:
    first = handler({"prompt": "hello", "model": "claude"}, None)
    logs = acme.client("logs")
    for stream in logs.describe_log_streams(logGroupName=RECORDS)["logStreams"]:
        logs.delete_log_stream(logGroupName=RECORDS, logStreamName=stream["logStreamName"])

    second = handler({"prompt": "hello again", "model": "claude"}, None)

    assert [first["record"]["delivery"], second["record"]["delivery"]] == ["delivered"] * 2
    assert [_id(record) for record in acme.records()] == [second["record"]["id"]]


def test_one_throttle_is_waited_out(acme: Any) -> None:
    handler({"prompt": "hello", "model": "claude"}, None)
    acme.control.fault(Fault("logs", "PutLogEvents", code="ThrottlingException", status=400))

    answer = handler({"prompt": "hello", "model": "claude"}, None)

    assert answer["record"]["delivery"] == "delivered"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            Fault("logs", "PutLogEvents", code="ThrottlingException", times=FOREVER),
            "ThrottlingException",
        ),
        (
            Fault("logs", "PutLogEvents", code="AccessDeniedException", times=FOREVER),
            "AccessDeniedException",
        ),
        (Fault("logs", "PutLogEvents", drop="before", times=FOREVER), "ConnectionClosedError"),
        (Fault("logs", "PutLogEvents", delay_seconds=3, times=FOREVER), "ReadTimeoutError"),
    ],
    ids=["throttled", "permission revoked", "connection lost", "too slow"],
)
def test_whatever_is_wrong_with_cloudwatch_the_record_spills_and_the_caller_knows(
    acme: Any, capfd: pytest.CaptureFixture[str], fault: Fault, reason: str
) -> None:
    acme.control.fault(fault)

    answer = handler({"prompt": "hello there", "model": "claude"}, None)

    assert answer["answer"].endswith("hello there")
    assert answer["record"]["delivery"] == "spilled"
    line = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert line["reason"] == reason
    assert _id(line["record"]) == answer["record"]["id"]


def test_a_missing_group_spills_the_record(acme: Any, with_settings: Any, capfd: Any) -> None:
    with_settings(record_log_group="/bedrock/local/acme/elsewhere")

    answer = handler({"prompt": "hello", "model": "claude"}, None)

    assert answer["record"]["delivery"] == "spilled"
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["reason"] == "AccessDeniedException"


@pytest.mark.parametrize(
    "rejected",
    [
        {"tooNewLogEventStartIndex": 0},
        {"tooOldLogEventEndIndex": 1},
        {"expiredLogEventEndIndex": 1},
    ],
    ids=lambda rejected: next(iter(rejected)),
)
def test_an_event_rejected_inside_a_success_spills(
    acme: Any, capfd: pytest.CaptureFixture[str], rejected: dict[str, int]
) -> None:
    acme.control.fault(Fault("logs", "PutLogEvents", rejected=rejected, times=FOREVER))

    answer = handler({"prompt": "hello", "model": "claude"}, None)

    assert answer["record"]["delivery"] == "spilled"
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["reason"] == "RejectedError"


def test_only_the_rejected_events_of_a_batch_spill(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    connection = acme.connect()
    with connection.invocation(None):
        streams = [connection.chat("claude").stream(f"stream {number}") for number in range(3)]
        for stream in streams:
            next(stream)
        acme.control.fault(
            Fault("logs", "PutLogEvents", rejected={"tooNewLogEventStartIndex": 2}, times=FOREVER)
        )

    *marks, last = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    begun = {_id(mark["record"]) for mark in marks}
    assert (last["message"], last["reason"]) == ("record.spilled", "RejectedError")
    delivered = begun & {_id(record) for record in acme.records()}
    assert len(delivered) == 2
    assert delivered | {_id(last["record"])} == begun


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([600_000, 600_000], [1, 1]),
        ([500_000, 500_000], [2]),
        ([3_000_000], [1] * 6),
        ([500_000, 3_000_000, 400_000], [1, *[1] * 6, 1]),
    ],
    ids=["too large together", "just fitting", "one record in parts", "parts between others"],
)
def test_a_batch_keeps_to_cloudwatchs_limits(sizes: list[int], batches: list[int]) -> None:
    records = [RecordText("r1", "end", "2026-11-23T00:00:00.000Z", "x" * size) for size in sizes]

    groups = list(delivery._groups(records))

    actual = [batch for group in groups for batch in group.batches]
    assert [len(batch) for batch in actual] == batches
    for batch in actual:
        assert sum(len(text.encode()) + 26 for text in batch) <= 1_048_576
    assert [record for group in groups for record in group.records] == records


class _Context:
    """Lambda's context object with ``seconds`` left."""

    aws_request_id = "an-invocation"

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def test_a_delivery_keeps_within_the_time_of_the_invocation(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    handler({"prompt": "warm", "model": "claude"}, None)
    acme.control.fault(Fault("logs", delay_seconds=1.8, times=FOREVER))
    context = _Context(1.5)

    answer = handler({"prompt": "hello", "model": "claude"}, context)

    assert answer["record"]["delivery"] == "spilled"
    assert context.get_remaining_time_in_millis() > 0
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["reason"] == "TimeoutError"


def test_a_put_that_does_not_return_is_spilled_before_the_invocation_ends(
    acme: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The put began with ample time, so it has no deadline of its own."""
    monkeypatch.setattr(delivery, "AMPLE_SECONDS", 2)
    handler({"prompt": "warm", "model": "claude"}, None)
    acme.control.fault(Fault("logs", delay_seconds=1.9))
    capfd.readouterr()

    answer = handler({"prompt": "hello", "model": "claude"}, _Context(2.2))

    _, spilled = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (spilled["message"], spilled["reason"]) == ("record.spilled", "TimeoutError")
    assert _id(spilled["record"]) == answer["record"]["id"]
    # If Lambda had ended it before CloudWatch answered, the copy would be the record.
    assert answer["record"]["delivery"] == "delivered"


def test_an_open_call_is_recorded_shortly_before_the_deadline(acme: Any) -> None:
    connection = acme.connect()
    chat = connection.chat("claude")
    before = len(acme.records())
    with connection.invocation(_Context(2.6)):
        stream = chat.stream("one two three")
        next(stream)
        time.sleep(2)  # the caller is busy until one second before the deadline has passed
        # If Lambda had ended it here, this would be the record.
        assert [r["tenantBedrock"]["phase"] for r in acme.records()[before:]] == ["incomplete"]
        with pytest.raises(OutOfTimeError):
            list(stream)

    phases = [record["tenantBedrock"]["phase"] for record in acme.records()[before:]]
    assert phases == ["incomplete", "error"]


def test_a_required_audit_withholds_an_answer_that_is_not_acknowledged(
    acme: Any, with_settings: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with_settings(audit="required")
    assert handler({"prompt": "hello", "model": "claude"}, None)["answer"]
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    with pytest.raises(NotRecordedError, match=r"record [0-9a-f-]{36} \(spilled\)"):
        handler({"prompt": "hello", "model": "claude"}, None)

    line = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert line["message"] == "record.spilled"
    assert line["record"]["tenantBedrock"]["phase"] == "end"


def test_a_required_audit_ends_a_stream_with_an_error(acme: Any, with_settings: Any) -> None:
    with_settings(audit="required")
    connection = acme.connect()
    assert list(connection.chat("claude").stream("hello"))
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    with pytest.raises(NotRecordedError):
        list(connection.chat("claude").stream("hello"))


@contextmanager
def _full_stdout() -> Iterator[None]:
    """Replaces the process's stdout with a device that is full."""
    stdout, full = os.dup(1), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(full)
        os.close(stdout)


def test_a_required_audit_sends_nothing_when_stdout_is_full(acme: Any, with_settings: Any) -> None:
    with_settings(audit="required")
    with _full_stdout():
        chat = acme.connect().chat("claude")
    before = len(acme.control.calls(service="bedrock-runtime"))

    with pytest.raises(NotRecordedError, match="Nothing was sent"):
        chat.invoke("hello")

    assert len(acme.control.calls(service="bedrock-runtime")) == before


def test_by_default_neither_a_full_stdout_nor_cloudwatch_costs_the_answer(
    acme: Any,
) -> None:
    with _full_stdout():
        chat = acme.connect().chat("claude")
    recorded = chat.invoke("hello")
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))
    lost = chat.invoke("hello again")

    assert recorded.response_metadata["record"]["delivery"] == "delivered"
    assert lost.response_metadata["record"]["delivery"] == "lost"
    assert lost.text.endswith("hello again")


def test_the_record_of_a_failed_call_spills_too(acme: Any, capfd: Any) -> None:
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))

    with pytest.raises(Exception, match=r"record [0-9a-f-]{36} spilled"):
        handler({"prompt": "hello", "model": "claude"}, None)

    line = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert line["record"]["tenantBedrock"]["phase"] == "error"
