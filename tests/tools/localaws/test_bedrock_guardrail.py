"""ApplyGuardrail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import GLOBEX, OPERATIONS, document, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

ARN = f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:guardrail/acme"
CALL: dict[str, Any] = {
    "content": [{"text": {"text": "hello"}}],
    "guardrailIdentifier": ARN,
    "guardrailVersion": "1",
    "source": "INPUT",
}
BLOCKED = [{"text": {"text": "Please BLOCK this text now"}}]


@pytest.fixture
def bedrock(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("bedrock-runtime", local_aws.control.account(OPERATIONS))


def word_policies(answer: dict[str, Any]) -> list[Any]:
    return [part["wordPolicy"] for part in answer["assessments"] if "wordPolicy" in part]


@pytest.mark.parametrize("source", ["INPUT", "OUTPUT"])
def test_a_text_passes_with_its_units_and_without_output(bedrock: Any, source: str) -> None:
    texts = [{"text": {"text": "x" * 900}}, {"text": {"text": "y" * 101}}]
    answer = bedrock.apply_guardrail(**{**CALL, "content": texts, "source": source})
    assert (answer["action"], answer["outputs"]) == ("NONE", [])
    assert (answer["usage"]["wordPolicyUnits"], answer["usage"]["topicPolicyUnits"]) == (2, 0)
    assert answer["guardrailCoverage"]["textCharacters"] == {"guarded": 1001, "total": 1001}
    [assessment] = answer["assessments"]
    assert assessment["invocationMetrics"]["usage"] == answer["usage"]
    assert word_policies(answer) == []


def test_the_stand_in_intervenes_where_a_text_asks_for_it(bedrock: Any) -> None:
    answer = bedrock.apply_guardrail(**{**CALL, "content": BLOCKED})
    assert answer["action"] == "GUARDRAIL_INTERVENED"
    assert "blocked" in answer["outputs"][0]["text"]
    word = {"action": "BLOCKED", "detected": True, "match": "BLOCK this text"}
    assert word_policies(answer) == [{"customWords": [word], "managedWordLists": []}]


def test_the_full_output_has_what_was_not_detected_too(bedrock: Any) -> None:
    answer = bedrock.apply_guardrail(**CALL, outputScope="FULL")
    word = {"action": "NONE", "detected": False, "match": "hello"}
    assert answer["action"] == "NONE"
    assert word_policies(answer) == [{"customWords": [word], "managedWordLists": []}]


@pytest.mark.parametrize("version", ["DRAFT", "12"])
def test_takes_an_id_of_the_callers_account_in_any_version(bedrock: Any, version: str) -> None:
    call = {**CALL, "guardrailIdentifier": "acme", "guardrailVersion": version}
    assert bedrock.apply_guardrail(**call)["action"] == "NONE"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("source", "BOTH"),
        ("guardrailVersion", "LATEST"),
        ("content", []),
        ("content", [{"image": {"format": "png", "source": {"bytes": b"png"}}}]),
    ],
)
def test_refuses_a_request_that_does_not_fit(bedrock: Any, member: str, value: object) -> None:
    assert bedrock.apply_guardrail(**CALL)["action"] == "NONE"
    code, _ = refusal(bedrock.apply_guardrail, **{**CALL, member: value})
    assert code == "ValidationException"


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("bedrock:ApplyGuardrail", ARN, True),
        ("bedrock:ApplyGuardrail", ARN.replace("acme", "globex"), False),
        ("bedrock:ApplyGuardrail", ARN.replace(OPERATIONS, GLOBEX), False),
        ("bedrock:InvokeModel", "*", False),
    ],
)
def test_is_authorized_on_the_guardrail(
    local_aws: LocalAws, connect: Connect, action: str, resource: str, *, allowed: bool
) -> None:
    grants = document({"Action": action, "Resource": resource})
    client = connect("bedrock-runtime", local_aws.control.account(OPERATIONS, "tenant", [grants]))
    if allowed:
        assert client.apply_guardrail(**CALL)["action"] == "NONE"
    else:
        code, message = refusal(client.apply_guardrail, **CALL)
        assert (code, "bedrock:ApplyGuardrail" in message) == ("AccessDeniedException", True)


def test_is_no_call_of_a_model(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(OPERATIONS)
    connect("bedrock-runtime", keys).apply_guardrail(**CALL)
    assert connect("cloudwatch", keys).list_metrics(Namespace="AWS/Bedrock")["Metrics"] == []
    [call] = local_aws.control.calls(action="bedrock:ApplyGuardrail")
    assert (call.resource, call.allowed) == (ARN, True)


def test_a_text_passes_a_guardrail_that_the_caller_may_apply(
    local_aws: LocalAws, connect: Connect
) -> None:
    arn = f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:guardrail/own"
    apply = {"Action": "bedrock:ApplyGuardrail", "Resource": arn}
    client = connect(
        "bedrock-runtime", local_aws.control.account(OPERATIONS, "tester", [document(apply)])
    )
    request = {
        "guardrailIdentifier": arn,
        "guardrailVersion": "1",
        "source": "INPUT",
        "content": [{"text": {"text": "hello"}}],
    }
    answer = client.apply_guardrail(**request)
    assert (answer["action"], answer["usage"]["wordPolicyUnits"]) == ("NONE", 1)
    other = {**request, "guardrailIdentifier": arn.replace("own", "other")}
    assert refusal(client.apply_guardrail, **other)[0] == "AccessDeniedException"
