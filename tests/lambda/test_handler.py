"""The handler in this process against the local AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.globals import set_debug

from tenant_bedrock import errors
from tenant_bedrock.handler import handler
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Callable


def test_answers_with_usage_model_and_record(acme: Any) -> None:
    answer = handler({"prompt": "one two three", "model": "claude"}, None)

    assert answer["answer"].endswith("You wrote: one two three")
    assert answer["model"] == "claude"
    assert answer["stop_reason"] == "end_turn"
    assert answer["usage"] == {
        "input_tokens": 3,
        "output_tokens": 16,
        "total_tokens": 19,
        "cache_read_input_tokens": 0,
        "cache_write_input_tokens": 0,
    }
    assert answer["record"]["delivery"] == "delivered"
    assert json.loads(json.dumps(answer)) == answer


def test_the_record_is_bedrocks_log_entry_plus_ours(acme: Any) -> None:
    event = {
        "messages": [
            {"role": "user", "content": "one two"},
            {"role": "assistant", "content": "three"},
            {"role": "user", "content": "four five six"},
        ],
        "system": "be brief",
        "model": "claude",
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n\n"],
    }
    answer = handler(event, None)

    record = acme.record(answer["record"]["id"])
    ours = record.pop("tenantBedrock")
    assert record.pop("requestId") == ours["attempts"][0]["requestId"]
    assert record.pop("timestamp").endswith("Z")
    bedrock_ms = record["output"]["outputBodyJson"].pop("metrics")["latencyMs"]
    assert record["output"]["outputBodyJson"].pop("usage")["totalTokens"] == 8 + 9
    assert record == {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "accountId": "111111111111",
        "identity": {"arn": "arn:aws:sts::111111111111:assumed-role/bedrock-local-acme/acme"},
        "region": "eu-central-1",
        "operation": "Converse",
        "modelId": "anthropic.claude-3-5-haiku-20241022-v1:0",
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": {
                "messages": [
                    {"role": "user", "content": [{"text": "one two"}]},
                    {"role": "assistant", "content": [{"text": "three"}]},
                    {"role": "user", "content": [{"text": "four five six"}]},
                ],
                "system": [{"text": "be brief"}],
                "inferenceConfig": {
                    "maxTokens": 9,
                    "temperature": 0.5,
                    "topP": 0.9,
                    "stopSequences": ["\n\n"],
                },
            },
            "inputTokenCount": 8,
            "cacheReadInputTokenCount": 0,
            "cacheWriteInputTokenCount": 0,
        },
        "output": {
            "outputContentType": "application/json",
            "outputBodyJson": {
                "output": {
                    "message": {"role": "assistant", "content": [{"text": answer["answer"]}]}
                },
                "stopReason": "max_tokens",
            },
            "outputTokenCount": 9,
        },
    }
    assert ours["phase"] == "end"
    assert (ours["tenant"], ours["environment"], ours["alias"]) == ("acme", "local", "claude")
    assert ours["baseModelId"] == "anthropic.claude-3-5-haiku-20241022-v1:0"
    assert ours["attempts"][0]["status"] == 200
    assert ours["latencies"]["bedrockMs"] == bedrock_ms
    assert ours["latencies"]["totalMs"] > 0


def test_the_start_mark_leaves_first_and_holds_no_content(
    acme: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = handler({"prompt": "canary-start-mark", "model": "claude"}, None)

    mark = json.loads(capfd.readouterr().out)
    assert mark["message"] == "record.start"
    assert mark["record"]["modelId"] == "anthropic.claude-3-5-haiku-20241022-v1:0"
    ours = mark["record"]["tenantBedrock"]
    assert (ours["recordId"], ours["phase"]) == (answer["record"]["id"], "start")
    assert ours["request"]["bytes"] > 0
    assert len(ours["request"]["sha256"]) == 64
    assert "canary-start-mark" not in json.dumps(mark)


def test_bedrock_is_called_as_the_operations_role_only(acme: Any) -> None:
    handler({"prompt": "hello", "model": "claude"}, None)

    (call,) = acme.control.calls(action="bedrock:InvokeModel", status=200)[-1:]
    assert call.principal_arn == "arn:aws:sts::111111111111:assumed-role/bedrock-local-acme/acme"


def test_later_invocations_do_not_call_sts(acme: Any) -> None:
    before = acme.assume_role_calls()
    for _ in range(3):
        handler({"prompt": "hello", "model": "claude"}, None)

    assert acme.assume_role_calls() == before + 1


@pytest.mark.parametrize(
    ("fault", "error_type", "code"),
    [
        (Fault("bedrock-runtime", code="ValidationException"), "ModelFailedError", "Validation"),
        (
            Fault("bedrock-runtime", code="ThrottlingException", status=429, times=FOREVER),
            "ThrottledError",
            "ThrottlingException",
        ),
        (
            Fault("bedrock-runtime", code="AccessDeniedException", status=403),
            "ModelAccessError",  # the message does not say that a policy lacks an allow
            "AccessDeniedException",
        ),
        (
            Fault("bedrock-runtime", code="InternalServerException", status=500, times=FOREVER),
            "ModelFailedError",
            "InternalServerException",
        ),
        (Fault("bedrock-runtime", drop="before", times=FOREVER), "ModelFailedError", "Connection"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bedrock_error_is_typed_and_recorded(
    acme: Any, fault: Fault, error_type: str, code: str
) -> None:
    acme.control.fault(fault)

    with pytest.raises(errors.TenantBedrockError) as caught:
        handler({"prompt": "canary-bedrock-error", "model": "claude"}, None)

    message = str(caught.value)
    assert type(caught.value).__name__ == error_type
    assert code in message
    assert "canary" not in message
    record = acme.record(message.split("record ")[1].split(maxsplit=1)[0])
    assert record["tenantBedrock"]["phase"] == "error"
    assert code in record["errorCode"]
    assert "canary-bedrock-error" in json.dumps(record["input"])
    assert "output" not in record


def test_a_region_that_the_role_does_not_allow_is_refused_by_bedrock(acme: Any) -> None:
    with pytest.raises(errors.ModelNotGrantedError, match="AccessDeniedException, request "):
        handler({"prompt": "hello", "model": "claude", "region": "eu-west-1"}, None)


def test_a_suspension_applies_at_once_and_is_named(acme: Any, permit: Callable[..., None]) -> None:
    granted = {
        "Action": "bedrock:InvokeModel",
        "Resource": "arn:aws:bedrock:eu-central-1::foundation-model/*",
    }
    permit(granted)
    event = {"prompt": "canary-suspended", "model": "claude"}
    handler(event, None)
    keys_before = acme.assume_role_calls()
    permit(granted, {"Effect": "Deny", "Action": "*", "Resource": "*"})

    with pytest.raises(errors.TenantSuspendedError, match="contact the operator") as caught:
        handler(event, None)

    message = str(caught.value)
    assert "canary" not in message
    record = acme.record(message.split("record ")[1].split(maxsplit=1)[0])
    assert record["errorCode"] == "AccessDeniedException"
    assert acme.assume_role_calls() == keys_before  # the session was open already

    permit(granted)
    assert handler(event, None)["answer"]


def test_both_attempts_of_a_retried_call_are_recorded(acme: Any) -> None:
    acme.control.fault(Fault("bedrock-runtime", code="InternalServerException", status=500))

    answer = handler({"prompt": "hello", "model": "claude"}, None)

    attempts = acme.record(answer["record"]["id"])["tenantBedrock"]["attempts"]
    assert [attempt["status"] for attempt in attempts] == [500, 200]
    assert attempts[0]["errorCode"] == "InternalServerException"


def test_a_refused_role_is_distinguished_from_a_refused_model(
    acme: Any, monkeypatch: pytest.MonkeyPatch, with_settings: Callable[..., None]
) -> None:
    with_settings(external_id="someone-elses-external-id")

    with pytest.raises(errors.RoleRefusedError, match=r"AccessDenied, request .*trust policy"):
        handler({"prompt": "hello", "model": "claude"}, None)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"model": "opus"}, "not granted to tenant acme; write one of: claude, nova."),
        ({}, "Name a model; tenant acme may call: claude, nova."),
        (
            {"model": "nova", "region": "us-east-1"},
            "may not call nova in the requested Region; write one of: eu-central-1.",
        ),
    ],
)
def test_what_is_not_granted_is_refused_before_any_call(
    acme: Any, members: dict[str, str], sentence: str
) -> None:
    before = len(acme.control.calls())

    with pytest.raises(errors.ModelNotGrantedError) as caught:
        handler({"prompt": "hello", **members}, None)

    assert sentence in str(caught.value)
    assert len(acme.control.calls()) == before


def test_the_only_model_needs_no_name(acme: Any, with_settings: Callable[..., None]) -> None:
    with_settings(models={"haiku": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}})

    assert handler({"prompt": "hello"}, None)["model"] == "haiku"


def test_debug_output_switched_on_later_is_noticed_too(acme: Any) -> None:
    event = {"prompt": "one", "model": "claude"}
    handler(event, None)
    set_debug(True)
    try:
        with pytest.raises(errors.PromptLeakError, match="Nothing was sent"):
            handler(event, None)
    finally:
        set_debug(False)
