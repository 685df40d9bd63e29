"""InvokeModel and its stream with the bodies of Claude and Nova, and ApplyGuardrail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EventStreamError

from tests.tools.localaws.aws import DEFAULT_PROJECT, OPERATIONS, document, refusal
from tools.localaws.faults import Fault

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
    s3, control = connect("s3", keys), connect("bedrock", keys)
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    control.put_model_invocation_logging_configuration(
        loggingConfig={"s3Config": {"bucketName": "bucket"}}
    )
    connect("bedrock-runtime", keys).invoke_model(modelId=NOVA, body=json.dumps(BODIES[NOVA]))
    [stored] = s3.list_objects_v2(Bucket="bucket")["Contents"]
    record = json.load(s3.get_object(Bucket="bucket", Key=stored["Key"])["Body"])
    assert record["operation"] == "InvokeModel"
    assert record["input"]["inputBodyJson"] == BODIES[NOVA]
    assert record["output"]["outputBodyJson"]["usage"]["inputTokens"] == 3
    metrics = connect("cloudwatch", keys).list_metrics(Namespace="AWS/Bedrock")["Metrics"]
    assert "Invocations" in {metric["MetricName"] for metric in metrics}


def chunks(bedrock: Any, model: str) -> list[dict[str, Any]]:
    response = bedrock.invoke_model_with_response_stream(
        modelId=model, body=json.dumps(BODIES[model])
    )
    return [json.loads(event["chunk"]["bytes"]) for event in response["body"]]


def test_streams_claudes_events_and_bedrocks_counts(bedrock: Any) -> None:
    events = chunks(bedrock, CLAUDE)
    assert [events[0]["type"], *(event["type"] for event in events[-2:])] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    text = "".join(
        event["delta"]["text"] for event in events if "index" in event and "delta" in event
    )
    assert "one two three" in text
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == (
        3,
        events[-2]["usage"]["output_tokens"],
    )


def test_streams_novas_events_and_bedrocks_counts(bedrock: Any) -> None:
    events = chunks(bedrock, NOVA)
    deltas = [event["contentBlockDelta"]["delta"]["text"] for event in events[1:-3]]
    assert "one two three" in "".join(deltas)
    assert events[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] == 3


def test_breaks_a_native_stream_with_an_exception(local_aws: LocalAws, bedrock: Any) -> None:
    broken = {"after_events": 2, "exception": "throttlingException"}
    local_aws.control.fault(Fault(service="bedrock-runtime", stream=broken))
    with pytest.raises(EventStreamError, match="throttlingException"):
        chunks(bedrock, CLAUDE)
    assert chunks(bedrock, CLAUDE)


def test_a_stream_needs_the_permission_that_converse_stream_needs(
    local_aws: LocalAws, connect: Connect
) -> None:
    arn = f"arn:aws:bedrock:eu-central-1::foundation-model/{NOVA}"
    model = {"Action": "bedrock:InvokeModel", "Resource": arn}
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(DEFAULT_PROJECT, model)])
    client = connect("bedrock-runtime", keys)
    body = json.dumps(BODIES[NOVA])
    code, _ = refusal(client.invoke_model_with_response_stream, modelId=NOVA, body=body)
    assert code == "AccessDeniedException"
    stream = {**model, "Action": "bedrock:InvokeModelWithResponseStream"}
    keys = local_aws.control.account(OPERATIONS, "streaming", [document(DEFAULT_PROJECT, stream)])
    assert chunks(connect("bedrock-runtime", keys), NOVA)


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
