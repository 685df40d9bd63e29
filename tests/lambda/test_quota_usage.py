"""A call that the guard's Deny refuses says until when, and the use of the quota can be asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tenant_bedrock import (
    BadRequestError,
    DeniedByPolicyError,
    QuotaReachedError,
    TenantSuspendedError,
    UsageNotReadError,
    connect,
    errors,
)
from tenant_bedrock.handler import handler
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = {"prompt": "hello", "model": "claude"}
NAME = "/bedrock/local/usage/acme"
PLACE = {"parameter": NAME, "region": "eu-central-1"}
ARN = f"arn:aws:ssm:eu-central-1:111111111111:parameter{NAME}"
GRANTED = {"Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*::foundation-model/*"}
READS = {"Action": "ssm:GetParameter", "Resource": ARN}
DENIED = {"Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*"}
SUSPENDED = {"Effect": "Deny", "Action": "*", "Resource": "*"}
END = datetime(2026, 11, 28, tzinfo=UTC)


def window(**members: object) -> dict[str, object]:
    return {
        "window": "day",
        "unit": "tokens",
        "used": 1_000_000,
        "limit": 1_000_000,
        "end": "2026-11-28T00:00:00Z",
        "state": "reached",
        "told": 100,
        **members,
    }


@pytest.fixture
def told(
    acme: Any, permit: Callable[..., None], with_settings: Callable[..., None]
) -> Callable[..., None]:
    """Makes the guard tell these windows, and gives the role a grant, its parameter and the statements."""
    with_settings(usage=PLACE)

    def tell(*windows: dict[str, object], policies: tuple[dict[str, Any], ...] = (DENIED,)) -> None:
        value = {"time": "2026-11-27T18:00:00Z", "next_read": "…", "windows": windows}
        acme.client("ssm", acme.operations).put_parameter(
            Name=NAME, Value=json.dumps(value), Type="String", Overwrite=True
        )
        permit(GRANTED, READS, *policies)

    return tell


def test_a_reached_quota_says_until_when(told: Callable[..., None]) -> None:
    told(window())
    with pytest.raises(QuotaReachedError, match="1,000,000 tokens a day is reached") as refused:
        handler(ASKED, None)
    assert refused.value.window_end == END
    assert "until 2026-11-28T00:00:00Z" in str(refused.value)


def test_of_several_reached_limits_the_last_one_to_end_counts(told: Callable[..., None]) -> None:
    told(window(), window(window="month", unit="usd", end="2026-12-01T00:00:00Z", limit=20))
    with pytest.raises(QuotaReachedError, match=r"20\.00 US dollars a month") as refused:
        handler(ASKED, None)
    assert refused.value.window_end == datetime(2026, 12, 1, tzinfo=UTC)


def test_the_limit_of_another_alias_does_not_explain_a_refusal(told: Callable[..., None]) -> None:
    told(window(alias="nova"))
    with pytest.raises(DeniedByPolicyError):
        handler(ASKED, None)
    told(window(alias="claude"))
    with pytest.raises(QuotaReachedError, match="for claude"):
        handler(ASKED, None)


@pytest.mark.parametrize("state", ["open", "warned"])
def test_a_deny_without_a_reached_quota_is_reported_as_before(
    told: Callable[..., None], state: str
) -> None:
    told(window(state=state))
    with pytest.raises(DeniedByPolicyError):
        handler(ASKED, None)


def test_a_suspension_is_told_apart_from_a_reached_quota(told: Callable[..., None]) -> None:
    """Suspended, the role may not read the parameter either, whatever it says."""
    told(window(), policies=(SUSPENDED,))
    with pytest.raises(TenantSuspendedError):
        handler(ASKED, None)


def test_a_throttle_does_not_ask_for_the_quota(acme: Any, told: Callable[..., None]) -> None:
    told(window(), policies=())
    before = len(acme.control.calls(action="ssm:GetParameter"))
    acme.control.fault(
        Fault(service="bedrock-runtime", code="ThrottlingException", status=429, times=10)
    )
    with pytest.raises(errors.ThrottledError):
        handler(ASKED, None)
    assert len(acme.control.calls(action="ssm:GetParameter")) == before


def test_systems_manager_that_does_not_answer_costs_little_time_and_nothing_else(
    acme: Any, told: Callable[..., None]
) -> None:
    told(window())
    acme.control.fault(Fault(service="ssm", drop="before"))
    with pytest.raises(DeniedByPolicyError):
        handler(ASKED, None)


def test_the_use_can_be_asked_for_without_calling_a_model(told: Callable[..., None]) -> None:
    told(window(used=5, state="open"), policies=())
    answer = handler({"usage": True}, None)
    assert answer == {
        "usage": {
            "is_enforced": True,
            "time": "2026-11-27T18:00:00Z",
            "windows": [
                {
                    "window": "day",
                    "unit": "tokens",
                    "used": 5,
                    "limit": 1_000_000,
                    "end": "2026-11-28T00:00:00Z",
                    "state": "open",
                    "alias": None,
                }
            ],
        }
    }
    assert json.loads(json.dumps(answer)) == answer


def test_a_stopped_tenant_may_ask_for_its_use(told: Callable[..., None]) -> None:
    told(window())
    assert connect().usage().reached("claude") is not None


def test_without_a_guard_nothing_is_enforced(acme: Any) -> None:
    usage = connect().usage()
    assert (usage.is_enforced, usage.windows) == (False, ())
    assert handler({"usage": True}, None)["usage"]["is_enforced"] is False


def test_before_the_guards_first_run_there_are_no_windows(
    acme: Any, permit: Callable[..., None], with_settings: Callable[..., None]
) -> None:
    other = f"{NAME}-new"
    with_settings(usage={**PLACE, "parameter": other})
    permit(GRANTED, {**READS, "Resource": f"{ARN}-new"})
    usage = connect().usage()
    assert (usage.is_enforced, usage.time, usage.windows) == (True, None, ())


def test_a_use_that_may_not_be_read_is_an_error_of_its_own(told: Callable[..., None]) -> None:
    told(window(), policies=(SUSPENDED,))
    with pytest.raises(UsageNotReadError, match="AccessDenied"):
        connect().usage()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"windows": [{}]}', '{"windows": 5, "time": 1}'])
def test_a_text_that_is_not_the_guards_is_an_error_of_its_own(
    acme: Any, told: Callable[..., None], text: str
) -> None:
    told(window())
    acme.client("ssm", acme.operations).put_parameter(
        Name=NAME, Value=text or " ", Type="String", Overwrite=True
    )
    with pytest.raises(UsageNotReadError, match="not what the guard writes"):
        connect().usage()
    with pytest.raises(DeniedByPolicyError):
        handler(ASKED, None)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"usage": False}, "usage must be true"),
        ({"usage": True, "prompt": "hello"}, "usage must be the only key"),
    ],
)
def test_usage_stands_alone_in_its_event(event: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        handler(event, None)


def test_a_raw_refusal_is_the_clients(told: Callable[..., None]) -> None:
    """Whoever calls the client itself gets AWS's error, and may ask from_model_call."""
    told(window())
    connection = connect()
    with pytest.raises(ClientError) as refused:
        connection.chat("claude").invoke("hello")
    error = errors.from_model_call(
        refused.value,
        connection.is_denied_everything,
        lambda: connection.reached_window("claude"),
    )
    assert isinstance(error, QuotaReachedError)
