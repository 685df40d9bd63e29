"""Whatever fails, every paid call of the packaged function has a record or is a named gap.

The caller gets the answer or a typed error each time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools.bench.local_tenant import ONE_MODEL, SETTINGS, deploy
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = "/bedrock/local/acme/records"
EXECUTION = "bedrock-local-acme-execution"
STS_IS_DOWN = Fault("sts", "AssumeRole", code="ServiceUnavailable", status=503, times=FOREVER)
# Dropped at the end; otherwise it would count as paid during a later test.
SLOWER_THAN_THE_FUNCTION = Fault("bedrock-runtime", delay_seconds=5, drop="before")

STREAMS = """
import time

from tenant_bedrock import connect

connection = connect()
left_open = []

def handler(event, context):
    if event.get("forget"):
        left_open.append(connection.chat("claude").stream(event["prompt"]))
        return next(left_open[-1]).text
    with connection.invocation(context):
        chunks = []
        for chunk in connection.chat("claude").stream(event["prompt"]):
            chunks.append(chunk)
            if len(chunks) == event.get("leave_after"):
                break
            if len(chunks) == event.get("sleep_after"):
                time.sleep(60)
        return {"chunks": len(chunks)}
"""


class Ledger:
    """The calls that Bedrock answered and those that are recorded since it was opened."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self._known = {entry.id for entry in function.reader().entries()}
        self._answered = self._count()

    def paid(self) -> int:
        return self._count() - self._answered

    def entries(self) -> list[Any]:
        book = self._function.reader()
        assert book.damage() == []
        return [entry for entry in book.entries() if entry.id not in self._known]

    def phases(self) -> list[str]:
        return [entry.phase for entry in self.entries()]

    def attempts(self) -> int:
        """The least number of exchanges that are recorded; a mark alone counts as one."""
        ours = [entry.record["tenantBedrock"] for entry in self.entries()]
        return sum(len(item["attempts"]) if item.get("attempts") else 1 for item in ours)

    def _count(self) -> int:
        return len(self._function.tenant.control.calls(service="bedrock-runtime", status=200))


@pytest.fixture
def ledger(function: Any) -> Ledger:
    return Ledger(function)


@pytest.mark.parametrize(
    ("fault", "delivery"),
    [
        (Fault("logs", "PutLogEvents", code="ThrottlingException", times=1), "delivered"),
        (Fault("logs", code="ThrottlingException", times=FOREVER), "spilled"),
        (Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER), "spilled"),
        (Fault("logs", delay_seconds=3, times=FOREVER), "spilled"),
        (Fault("logs", drop="before", times=FOREVER), "spilled"),
        (Fault("logs", "PutLogEvents", drop="after", times=FOREVER), "spilled"),
        (
            Fault("logs", "PutLogEvents", rejected={"tooNewLogEventStartIndex": 0}, times=FOREVER),
            "spilled",
        ),
    ],
    ids=[
        "one throttle",
        "throttled",
        "5xx",
        "timeouts",
        "connections lost",
        "answers lost",
        "rejected inside a 200",
    ],
)
def test_whatever_cloudwatch_does_the_answer_is_returned_and_recorded(
    function: Any, ledger: Ledger, fault: Fault, delivery: str
) -> None:
    function.tenant.control.fault(fault)

    answer = function.invoke({"prompt": "hello there"})

    assert answer["answer"].endswith("hello there")
    assert answer["record"]["delivery"] == delivery
    (entry,) = ledger.entries()
    assert (entry.id, entry.phase) == (answer["record"]["id"], "end")
    assert ledger.paid() == 1


def test_a_deleted_stream_is_made_again(function: Any, ledger: Ledger) -> None:
    function.invoke({"prompt": "hello"})
    logs = function.tenant.client("logs")
    for stream in logs.describe_log_streams(logGroupName=RECORDS)["logStreams"]:
        logs.delete_log_stream(logGroupName=RECORDS, logStreamName=stream["logStreamName"])

    answer = function.invoke({"prompt": "hello"})

    assert answer["record"]["delivery"] == "delivered"
    assert answer["record"]["id"] in {entry.id for entry in ledger.entries()}


def test_a_revoked_permission_spills(function: Any, ledger: Ledger) -> None:
    function.invoke({"prompt": "hello"})
    iam = function.tenant.client("iam")
    group = f"arn:aws:logs:eu-central-1:222222222222:log-group:{RECORDS}"
    deny = {"Effect": "Deny", "Action": "logs:PutLogEvents", "Resource": f"{group}:*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=EXECUTION, PolicyName="revoked", PolicyDocument=policy)
    try:
        answer = function.invoke({"prompt": "hello"})
    finally:
        iam.delete_role_policy(RoleName=EXECUTION, PolicyName="revoked")

    assert answer["record"]["delivery"] == "spilled"
    assert ledger.phases() == ["end", "end"]
    assert [entry.place for entry in ledger.entries()] == ["delivered", "spilled"]


def test_a_required_audit_withholds_what_cloudwatch_did_not_take(
    function: Any, ledger: Ledger
) -> None:
    function.configure(audit="required")
    function.tenant.control.fault(Fault("logs", code="ThrottlingException", times=FOREVER))

    error = function.invoke({"prompt": "hello"})

    assert error["errorType"] == "NotRecordedError"
    (entry,) = ledger.entries()
    assert entry.id in error["errorMessage"]
    assert (entry.phase, entry.place) == ("end", "spilled")


def test_keys_with_eight_minutes_left_work_on_while_sts_is_down(function: Any) -> None:
    function.tenant.control.advance_clock(-52 * 60)  # keys issued now expire in eight minutes
    try:
        function.invoke({"prompt": "hello"})
        function.tenant.control.fault(STS_IS_DOWN)
        answers = [function.invoke({"prompt": "hello"}) for _ in range(3)]
    finally:
        function.tenant.control.advance_clock(52 * 60)

    assert [answer["record"]["delivery"] for answer in answers] == ["delivered"] * 3


def test_without_keys_and_without_sts_the_error_has_a_type(function: Any, ledger: Ledger) -> None:
    function.configure(timeout=29)  # a new environment, without keys
    function.tenant.control.fault(STS_IS_DOWN)

    assert function.invoke({"prompt": "hello"})["errorType"] == "ModelFailedError"
    assert ledger.paid() == 0


@pytest.mark.parametrize(
    ("fault", "error_type", "paid"),
    [
        (
            Fault("bedrock-runtime", code="ThrottlingException", status=429, times=FOREVER),
            "ThrottledError",
            0,
        ),
        (
            Fault("bedrock-runtime", code="InternalServerException", status=500, times=FOREVER),
            "ModelFailedError",
            0,
        ),
        (Fault("bedrock-runtime", drop="after", times=FOREVER), "ModelFailedError", 2),
    ],
    ids=["throttled", "5xx", "answers lost, and paid for"],
)
def test_whatever_bedrock_does_each_attempt_is_recorded(
    function: Any, fault: Fault, error_type: str, paid: int
) -> None:
    trail = function.tenant.control
    before = len(trail.calls(service="bedrock-runtime"))
    ledger = Ledger(function)
    trail.fault(fault)

    error = function.invoke({"prompt": "hello"})

    assert error["errorType"] == error_type
    (entry,) = ledger.entries()
    assert entry.phase == "error"
    assert entry.id in error["errorMessage"]
    assert ledger.attempts() == len(trail.calls(service="bedrock-runtime")) - before == 2


def test_a_call_slower_than_the_function_is_given_up_in_time_and_sent_once(
    function: Any, ledger: Ledger
) -> None:
    function.configure(timeout=4)
    function.tenant.control.fault(SLOWER_THAN_THE_FUNCTION)

    error = function.invoke({"prompt": "hello there"})

    assert error["errorType"] == "OutOfTimeError"
    (entry,) = ledger.entries()
    assert "longer timeout" in error["errorMessage"]
    assert f"(record {entry.id} delivered)" in error["errorMessage"]
    assert (entry.phase, entry.place) == ("error", "delivered")
    (attempt,) = entry.record["tenantBedrock"]["attempts"]
    assert attempt["errorCode"] == "OutOfTimeError"


def test_a_silent_sts_does_not_end_the_function(function: Any, ledger: Ledger) -> None:
    function.configure(timeout=5)  # a new environment, without keys
    silent = Fault("sts", "AssumeRole", delay_seconds=15, drop="before", times=FOREVER)
    function.tenant.control.fault(silent)

    assert function.invoke({"prompt": "hello there"})["errorType"] == "OutOfTimeError"
    assert ledger.paid() == 0


def test_settings_without_a_timeout_change_nothing(function: Any, ledger: Ledger) -> None:
    settings = {**SETTINGS, "models": ONE_MODEL}  # as from an older module
    function.set_settings(json.dumps(settings), timeout=3)
    function.tenant.control.fault(SLOWER_THAN_THE_FUNCTION)

    assert function.invoke({"prompt": "hello there"})["errorType"] == "OutOfTimeError"
    assert ledger.phases() == ["error"]


def test_a_slow_call_is_recorded_in_time_even_without_cloudwatch(
    function: Any, ledger: Ledger
) -> None:
    function.configure(timeout=4)
    function.tenant.control.fault(SLOWER_THAN_THE_FUNCTION)
    function.tenant.control.fault(Fault("logs", delay_seconds=4, times=FOREVER))

    assert function.invoke({"prompt": "hello there"})["errorType"] == "OutOfTimeError"

    (entry,) = ledger.entries()
    assert (entry.phase, entry.place) == ("error", "spilled")


STEPS = [
    ("init", 0),
    ("before sts:AssumeRole", 0),
    ("after sts:AssumeRole", 0),
    ("before bedrock-runtime:Converse", 0),
    ("after bedrock-runtime:Converse", 0),
    ("before logs:CreateLogStream", 0),
    ("after logs:CreateLogStream", 0),
    ("before logs:PutLogEvents", 0),
    ("after logs:PutLogEvents", 0),
    ("before logs:PutLogEvents", 1),
    ("after logs:PutLogEvents", 1),
    ("response", 0),
]


@pytest.mark.parametrize(("step", "skip"), STEPS, ids=[f"{step} {skip}" for step, skip in STEPS])
def test_a_paid_call_is_recorded_or_marked_when_killed_at_any_step(
    function: Any, ledger: Ledger, step: str, skip: int
) -> None:
    function.kill(step, skip)

    response = function.invoke({"prompt": "hello there"})

    assert response.get("errorType") == "Runtime.ExitError" or response["answer"].endswith(
        "hello there"
    )
    assert ledger.paid() <= len(ledger.entries()) <= 1
    if "record" in response:
        assert [entry.id for entry in ledger.entries()] == [response["record"]["id"]]


def test_a_call_killed_while_bedrock_works_leaves_a_start_mark(
    function: Any, ledger: Ledger
) -> None:
    function.kill("after bedrock-runtime:Converse")

    function.invoke({"prompt": "canary-gap"})

    (gap,) = ledger.entries()
    assert ledger.paid() == 1
    assert gap.phase == "start"
    assert gap.record["tenantBedrock"]["request"]["bytes"] > 0
    assert "canary-gap" not in json.dumps(gap.record)


@pytest.fixture(scope="module")
def streams(tenant: Any) -> Any:
    """A customer's own handler that streams, in the same zip."""
    return deploy(tenant, "streams", "streams.handler", {"streams.py": STREAMS.encode()})


@pytest.fixture
def streaming(streams: Any, tenant: Any) -> Iterator[Any]:
    streams.configure()
    yield streams
    tenant.control.clear_faults()


@pytest.mark.parametrize(
    ("event", "fault", "kill", "phase"),
    [
        ({}, None, None, "end"),
        ({"leave_after": 3}, None, None, "incomplete"),
        ({}, Fault("bedrock-runtime", stream={"after_events": 4}), None, "error"),
        (
            {},
            Fault(
                "bedrock-runtime",
                stream={"after_events": 4, "exception": "throttlingException"},
            ),
            None,
            "error",
        ),
        ({}, None, "after bedrock-runtime:ConverseStream", "start"),
    ],
    ids=["whole", "left half way", "cut", "throttled in the middle", "killed"],
)
def test_a_stream_is_recorded_however_it_ends(
    streaming: Any, event: dict[str, int], fault: Fault | None, kill: str | None, phase: str
) -> None:
    ledger = Ledger(streaming)
    if fault is not None:
        streaming.tenant.control.fault(fault)
    if kill is not None:
        streaming.kill(kill)

    response = streaming.invoke({"prompt": "hello there", **event})

    assert ("errorType" in response) == (phase in {"error", "start"})
    assert ledger.phases() == [phase]


def test_an_open_call_is_recorded_before_lambda_ends_the_function(streaming: Any) -> None:
    streaming.configure(timeout=3)
    ledger = Ledger(streaming)

    error = streaming.invoke({"prompt": "hello there", "sleep_after": 3})

    assert error["errorType"] == "Sandbox.Timedout"
    (entry,) = ledger.entries()
    assert (entry.phase, entry.place) == ("incomplete", "delivered")
    assert "hello there" in json.dumps(entry.record["input"])


def test_what_a_frozen_environment_left_open_is_recorded_when_it_thaws(streaming: Any) -> None:
    ledger = Ledger(streaming)
    streaming.invoke({"prompt": "forgotten", "forget": True})
    assert ledger.phases() == ["start"]

    streaming.invoke({"prompt": "next"})

    assert sorted(ledger.phases()) == ["end", "incomplete"]
