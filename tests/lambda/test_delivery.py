"""Records reach the customer's log group or the function's own log, whole and once."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tenant_bedrock import delivery
from tenant_bedrock.delivery import EVENT_BYTES, LINE_BYTES
from tenant_bedrock.handler import handler
from tenant_bedrock.parts import as_json, split
from tests.cloud.faults import FOREVER, Fault

RECORDS = "/bedrock/local/acme/records"


def _record(text: str) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-11-23T00:00:00.000Z",
        "input": {"inputBodyJson": {"text": text}},
        "tenantBedrock": {"recordId": "r1", "phase": "end"},
    }


@pytest.mark.parametrize("limit", [EVENT_BYTES, LINE_BYTES])
@pytest.mark.parametrize("text", ["plain " * 300_000, '"\\' * 600_000, "é😀\n" * 300_000])
def test_a_record_too_large_is_split_and_can_be_joined(text: str, limit: int) -> None:
    record = _record(text)

    pieces = [json.loads(piece) for piece in split(record, limit)]

    assert len(pieces) > 1
    assert all(len(piece.encode()) <= limit for piece in split(record, limit))
    ours = [piece["tenantBedrock"] for piece in pieces]
    assert [part["part"] for part in ours] == list(range(1, len(pieces) + 1))
    assert {part["parts"] for part in ours} == {len(pieces)}
    joined = "".join(piece["body"] for piece in pieces)
    assert {part["sha256"] for part in ours} == {hashlib.sha256(joined.encode()).hexdigest()}
    assert json.loads(joined) == record


def test_a_record_that_fits_is_one_event() -> None:
    record = _record("short")

    assert split(record, EVENT_BYTES) == [as_json(record)]


def test_bytes_are_base64_and_half_a_surrogate_pair_a_question_mark() -> None:
    record = _record("half \ud83d")
    record["image"] = b"\x00\xff"

    read = json.loads(as_json(record).encode())

    assert read["image"] == "AP8="
    assert read["input"]["inputBodyJson"]["text"] == "half ?"


def test_a_large_record_arrives_in_parts(acme: Any) -> None:
    answer = handler({"prompt": "word " * 250_000, "model": "claude"}, None)

    assert answer["record"]["delivery"] == "delivered"
    ours = [
        record
        for record in acme.records()
        if record["tenantBedrock"]["recordId"] == answer["record"]["id"]
    ]
    ours.sort(key=lambda part: part["tenantBedrock"]["part"])
    whole = json.loads("".join(part["body"] for part in ours))
    assert whole["input"]["inputTokenCount"] == 250_000
    assert len(ours) == ours[0]["tenantBedrock"]["parts"] > 1


def test_a_large_record_spills_in_lines_that_lambda_does_not_cut(
    acme: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    answer = handler({"prompt": "word " * 100_000, "model": "claude"}, None)

    assert answer["record"]["delivery"] == "spilled"
    spilled = [
        json.loads(line)
        for line in capsys.readouterr().out.splitlines()
        if "record.spilled" in line
    ]
    assert len(spilled) > 1
    assert all(len(json.dumps(line)) < 262_144 for line in spilled)
    whole = json.loads("".join(line["record"]["body"] for line in spilled))
    assert whole["tenantBedrock"]["recordId"] == answer["record"]["id"]


def test_a_deleted_stream_is_made_again(acme: Any) -> None:
    first = handler({"prompt": "hello", "model": "claude"}, None)
    logs = acme.client("logs")
    for stream in logs.describe_log_streams(logGroupName=RECORDS)["logStreams"]:
        logs.delete_log_stream(logGroupName=RECORDS, logStreamName=stream["logStreamName"])

    second = handler({"prompt": "hello again", "model": "claude"}, None)

    assert [first["record"]["delivery"], second["record"]["delivery"]] == ["delivered"] * 2
    assert [record["tenantBedrock"]["recordId"] for record in acme.records()] == [
        second["record"]["id"]
    ]


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
    acme: Any, capsys: pytest.CaptureFixture[str], fault: Fault, reason: str
) -> None:
    acme.control.fault(fault)

    answer = handler({"prompt": "hello there", "model": "claude"}, None)

    assert answer["answer"].endswith("hello there")
    assert answer["record"]["delivery"] == "spilled"
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["reason"] == reason
    assert line["record"]["tenantBedrock"]["recordId"] == answer["record"]["id"]


def test_a_missing_group_spills_the_record(acme: Any, with_settings: Any, capsys: Any) -> None:
    with_settings(record_log_group="/bedrock/local/acme/elsewhere")

    answer = handler({"prompt": "hello", "model": "claude"}, None)

    assert answer["record"]["delivery"] == "spilled"
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["reason"] == "AccessDeniedException"


def test_an_event_rejected_inside_a_success_spills(
    acme: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # CloudWatch rejects events older than 14 days, and answers 200.
    stopped = SimpleNamespace(time=lambda: 1_600_000_000.0)
    monkeypatch.setattr(delivery, "time", stopped)

    answer = handler({"prompt": "hello", "model": "claude"}, None)

    assert answer["record"]["delivery"] == "spilled"
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["reason"] == "RejectedError"


def test_the_record_of_a_failed_call_spills_too(acme: Any, capsys: Any) -> None:
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))

    with pytest.raises(Exception, match=r"record [0-9a-f-]{36} spilled"):
        handler({"prompt": "hello", "model": "claude"}, None)

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["record"]["tenantBedrock"]["phase"] == "error"
