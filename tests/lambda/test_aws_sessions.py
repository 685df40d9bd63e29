"""The operations role's keys are requested rarely, renewed early and used on while STS is down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenant_bedrock import aws_sessions, errors
from tenant_bedrock.handler import handler
from tools.localaws.faults import FOREVER, Fault

LONGER_THAN_A_SESSION = 4000
STS_IS_DOWN = Fault("sts", "AssumeRole", code="ServiceUnavailable", status=503, times=FOREVER)


@pytest.fixture
def keys_near_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_sessions, "ADVISORY_SECONDS", LONGER_THAN_A_SESSION)


def _ask() -> Any:
    return handler({"prompt": "hello", "model": "claude"}, None)


def test_sts_is_called_in_the_workloads_region(acme: Any) -> None:
    _ask()

    assert {call.region for call in acme.control.calls(action="sts:AssumeRole")} == {"eu-central-1"}


def test_keys_near_their_end_are_renewed(acme: Any, keys_near_their_end: None) -> None:
    before = acme.assume_role_calls()
    _ask()
    _ask()

    assert acme.assume_role_calls() >= before + 2


def test_while_sts_is_down_the_current_keys_are_used_and_sts_is_not_called(
    acme: Any, keys_near_their_end: None, caplog: pytest.LogCaptureFixture
) -> None:
    _ask()
    before = acme.assume_role_calls()
    acme.control.fault(STS_IS_DOWN)

    answers = [_ask() for _ in range(5)]

    assert [answer["record"]["delivery"] for answer in answers] == ["delivered"] * 5
    assert acme.assume_role_calls() == before + 2  # one renewal of two attempts, then a pause
    warnings = [entry for entry in caplog.records if entry.message == "session.not_renewed"]
    assert [vars(entry)["error"] for entry in warnings] == ["ClientError"]


def test_after_the_pause_sts_is_called_again(
    acme: Any, keys_near_their_end: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_sessions, "STS_PAUSE_SECONDS", 0)
    _ask()
    acme.control.fault(STS_IS_DOWN)
    _ask()
    acme.control.clear_faults()
    before = acme.assume_role_calls()

    _ask()

    assert acme.assume_role_calls() > before


def test_keys_about_to_expire_are_not_used_while_sts_is_down(
    acme: Any, keys_near_their_end: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_sessions, "MANDATORY_SECONDS", LONGER_THAN_A_SESSION)
    acme.control.fault(replace(STS_IS_DOWN, skip=1))

    with pytest.raises(
        errors.ModelFailedError,
        match=r"request to STS .* failed .*record .* deliv",
    ):
        _ask()


def test_sts_throttling_is_a_throttled_error(acme: Any) -> None:
    acme.control.fault(Fault("sts", "AssumeRole", code="Throttling", times=FOREVER))

    with pytest.raises(errors.ThrottledError, match="STS is throttling this account"):
        _ask()


def test_an_unreachable_sts_is_not_reported_as_a_refusal(acme: Any) -> None:
    acme.control.fault(Fault("sts", "AssumeRole", drop="before", times=FOREVER))

    with pytest.raises(
        errors.ModelFailedError, match="The request to STS for the operations role failed"
    ):
        _ask()


def test_a_process_without_keys_gets_a_sentence(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    with pytest.raises(
        errors.ModelFailedError, match="Check that this process has AWS credentials"
    ):
        _ask()
