"""InvokeModel with the bodies of Claude and Nova."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import DEFAULT_PROJECT, OPERATIONS, document, log_invocations, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

CLAUDE = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "amazon.nova-lite-v1:0"
BODIES: dict[str, dict[str, Any]] = {
    CLAUDE: {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "one two three"}],
    },
    NOVA: {"messages": [{"role": "user", "content": [{"text": "one two three"}]}]},
}


@pytest.fixture
def bedrock(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("bedrock-runtime", local_aws.control.account(OPERATIONS))


def test_answers_claude_in_its_own_format(bedrock: Any) -> None:
    response = bedrock.invoke_model(modelId=CLAUDE, body=json.dumps(BODIES[CLAUDE]))
    answer = json.load(response["body"])
    assert answer["type"] == "message"
    assert "one two three" in answer["content"][0]["text"]
    assert answer["stop_reason"] == "end_turn"
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert (
        headers["x-amzn-bedrock-input-token-count"] == str(answer["usage"]["input_tokens"]) == "3"
    )
    assert headers["x-amzn-bedrock-output-token-count"] == str(answer["usage"]["output_tokens"])


def test_answers_nova_in_its_own_format(bedrock: Any) -> None:
    answer = json.load(bedrock.invoke_model(modelId=NOVA, body=json.dumps(BODIES[NOVA]))["body"])
    assert "one two three" in answer["output"]["message"]["content"][0]["text"]
    assert answer["usage"]["inputTokens"] == 3


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (CLAUDE, b"no JSON"),
        (CLAUDE, b"[]"),
        (CLAUDE, b"{}"),
        (CLAUDE, json.dumps({**BODIES[CLAUDE], "max_tokens": None}).encode()),
        (CLAUDE, json.dumps({**BODIES[CLAUDE], "messages": []}).encode()),
        (NOVA, b"{}"),
        ("meta.llama3-8b-instruct-v1:0", b'{"prompt": "hello"}'),
    ],
)
def test_refuses_a_body_that_the_model_does_not_read(bedrock: Any, model: str, body: bytes) -> None:
    assert refusal(bedrock.invoke_model, modelId=model, body=body)[0] == "ValidationException"


def test_needs_the_permission_that_converse_needs(local_aws: LocalAws, connect: Connect) -> None:
    arn = f"arn:aws:bedrock:eu-central-1::foundation-model/{NOVA}"
    model = {"Action": "bedrock:InvokeModel", "Resource": arn}
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(DEFAULT_PROJECT, model)])
    client = connect("bedrock-runtime", keys)
    assert client.invoke_model(modelId=NOVA, body=json.dumps(BODIES[NOVA]))["body"]
    code, _ = refusal(client.invoke_model, modelId=CLAUDE, body=json.dumps(BODIES[CLAUDE]))
    assert code == "AccessDeniedException"


def test_is_counted_and_logged_as_converse_is(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(OPERATIONS)
    logged = log_invocations(connect, keys)
    connect("bedrock-runtime", keys).invoke_model(modelId=NOVA, body=json.dumps(BODIES[NOVA]))
    [record] = logged()
    assert record["operation"] == "InvokeModel"
    assert record["input"]["inputBodyJson"] == BODIES[NOVA]
    assert record["output"]["outputBodyJson"]["usage"]["inputTokens"] == 3
    metrics = connect("cloudwatch", keys).list_metrics(Namespace="AWS/Bedrock")["Metrics"]
    assert "Invocations" in {metric["MetricName"] for metric in metrics}
