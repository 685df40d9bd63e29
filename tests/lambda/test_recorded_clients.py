"""The boto3 clients of a connection record every call and keep the stanza's terms."""

from __future__ import annotations

import io
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ResponseStreamingError

from tenant_bedrock import BadRequestError, ModelNotGrantedError, NotRecordedError
from tests.tools.localaws.small_functions import wait_until
from tools.bench.local_tenant import HAIKU, NOVA, REGION
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

TURN = [{"role": "user", "content": [{"text": "hello"}]}]
CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
}
GUARDRAIL = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/acme"


@pytest.fixture
def new_records(acme: Any) -> Callable[[], list[dict[str, Any]]]:
    """The records since the test began."""
    before = len(acme.records())
    return lambda: list(acme.records()[before:])


def _invoke(client: Any, model: str = "claude", **members: Any) -> dict[str, Any]:
    return dict(client.invoke_model(modelId=model, body=json.dumps({**CLAUDE, **members})))


@pytest.mark.parametrize("model", ["claude", HAIKU])
def test_a_client_takes_an_alias_or_a_model_id_and_names_the_record(acme: Any, model: str) -> None:
    client = acme.connect().client(REGION)
    answer = client.converse(modelId=model, messages=TURN)

    named = answer["ResponseMetadata"]["record"]
    record = acme.record(named["id"])
    assert (named["delivery"], named["alias"]) == ("delivered", "claude")
    assert record["modelId"] == HAIKU
    assert record["tenantBedrock"]["alias"] == "claude"
    assert record["output"]["outputBodyJson"]["output"] == answer["output"]


def test_an_answer_of_invoke_model_has_its_body_and_its_tokens_in_the_record(acme: Any) -> None:
    answer = _invoke(acme.connect().client(REGION))
    body = json.loads(answer["body"].read())

    record = acme.record(answer["ResponseMetadata"]["record"]["id"])
    assert record["operation"] == "InvokeModel"
    assert record["input"]["inputBodyJson"] == CLAUDE
    assert record["output"]["outputBodyJson"] == body
    counts = record["input"]["inputTokenCount"], record["output"]["outputTokenCount"]
    assert counts == (body["usage"]["input_tokens"], body["usage"]["output_tokens"])
    assert record["tenantBedrock"]["latencies"]["bedrockMs"] >= 1
    assert answer["ResponseMetadata"]["record"]["usage"]["inputTokens"] == counts[0]


def test_a_body_may_be_a_text_bytes_or_a_file(acme: Any, new_records: Any) -> None:
    client = acme.connect().client(REGION)
    text = json.dumps(CLAUDE)
    for body in (text, text.encode(), bytearray(text.encode()), io.BytesIO(text.encode())):
        client.invoke_model(modelId="claude", body=body)["body"].read()

    assert [record["input"]["inputBodyJson"] for record in new_records()] == [CLAUDE] * 4


def test_a_vector_is_recorded_by_its_size_and_hash(
    acme: Any, with_settings: Callable[..., None], permit: Callable[..., None]
) -> None:
    model = "amazon.titan-embed-text-v2:0"
    resource = f"arn:aws:bedrock:{REGION}::foundation-model/{model}"
    permit({"Action": "bedrock:InvokeModel", "Resource": resource})
    with_settings(
        models={"embed": {"model": model, "regions": [REGION]}}, quota={"max_tokens_per_call": 7}
    )
    client = acme.connect().client()
    answer = client.invoke_model(modelId="embed", body=json.dumps({"inputText": "hello"}))
    vector = json.loads(answer["body"].read())["embedding"]

    record = acme.record(answer["ResponseMetadata"]["record"]["id"])
    assert record["input"]["inputBodyJson"] == {"inputText": "hello"}
    digest = record["output"]["outputBodyJson"]["embedding"]
    assert (digest["numbers"], sorted(digest)) == (len(vector), ["bytes", "numbers", "sha256"])
    assert (record["input"]["inputTokenCount"], "outputTokenCount" in record["output"]) == (
        1,
        False,
    )


def test_a_name_that_stands_twice_in_a_body_is_refused(acme: Any, new_records: Any) -> None:
    twice = json.dumps(CLAUDE).replace('"max_tokens": 100', '"max_tokens": 100, "max_tokens": 7')
    with pytest.raises(BadRequestError, match="A name stands twice"):
        acme.connect().client(REGION).invoke_model(modelId="claude", body=twice)

    assert new_records() == []


def test_a_refused_call_of_invoke_model_is_recorded_as_an_error(
    acme: Any, new_records: Any
) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        acme.connect().client(REGION).invoke_model(modelId="claude", body=b"{}")

    (record,) = new_records()
    assert (record["errorCode"], record["tenantBedrock"]["phase"]) == (
        "ValidationException",
        "error",
    )


def test_an_answer_that_breaks_off_is_recorded_as_an_error(acme: Any, new_records: Any) -> None:
    client = acme.connect().client(REGION)
    send = client._endpoint.http_session.send

    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise OSError("canary")

        def stream(self, **_: Any) -> Any:
            raise OSError("canary")

    def broken(request: Any) -> Any:
        response = send(request)
        response.raw = Broken()
        return response

    client._endpoint.http_session.send = broken
    with pytest.raises(ResponseStreamingError):
        _invoke(client)

    (record,) = new_records()
    assert record["tenantBedrock"]["phase"] == "error"
    assert record["errorCode"] == "ResponseStreamingError"


def _stream(client: Any, model: str = "claude", **members: Any) -> Any:
    body = json.dumps({**CLAUDE, **members})
    return client.invoke_model_with_response_stream(modelId=model, body=body)["body"]


def test_a_native_stream_is_recorded_as_the_list_of_its_chunks(acme: Any, new_records: Any) -> None:
    client = acme.connect().client(REGION)
    chunks = [json.loads(event["chunk"]["bytes"]) for event in _stream(client)]

    (record,) = new_records()
    assert record["operation"] == "InvokeModelWithResponseStream"
    assert record["output"]["outputBodyJson"] == chunks
    metrics = chunks[-1]["amazon-bedrock-invocationMetrics"]
    assert record["input"]["inputTokenCount"] == metrics["inputTokenCount"]
    assert record["output"]["outputTokenCount"] == metrics["outputTokenCount"]
    latencies = record["tenantBedrock"]["latencies"]
    assert latencies["bedrockMs"] == metrics["invocationLatency"]
    assert 0 < latencies["firstTokenMs"] <= latencies["totalMs"]


def test_a_native_stream_is_recorded_before_its_last_chunk_is_passed_on(
    acme: Any, new_records: Any
) -> None:
    stream = _stream(acme.connect().client(REGION))
    for event in stream:
        is_last = b"invocationMetrics" in event["chunk"]["bytes"]
        assert len(new_records()) == is_last


@pytest.mark.parametrize("end", ["closed", "left", "broken"])
def test_a_native_stream_that_is_not_read_to_its_end_has_one_record(
    acme: Any, new_records: Any, end: str
) -> None:
    if end == "broken":
        acme.control.fault(Fault("bedrock-runtime", stream={"after_events": 3}))
    connection = acme.connect()
    with connection.invocation(None):
        stream = _stream(connection.client(REGION))
        next(iter(stream))
        if end == "closed":
            stream.close()
        if end == "broken":
            with pytest.raises(ResponseStreamingError):
                list(stream)
        del stream

    wait_until(lambda: bool(new_records()))  # the delivery thread may be writing it
    # Two threads may write a record at once; readers keep one for each id.
    (record,) = {record["tenantBedrock"]["recordId"]: record for record in new_records()}.values()
    phase = record["tenantBedrock"]["phase"]
    assert phase == ("error" if end == "broken" else "incomplete")
    assert record["output"]["outputBodyJson"][0]["type"] == "message_start"


def test_a_native_stream_needs_the_stanzas_streaming(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    with_settings(models={"claude": {"model": HAIKU, "regions": [REGION], "streaming": False}})
    with pytest.raises(ModelNotGrantedError, match="may not stream claude"):
        _stream(acme.connect().client(REGION))


@pytest.mark.parametrize("content", ["metadata", "hashed"])
def test_the_chunks_of_a_stream_are_reduced_as_the_stanza_says(
    acme: Any, with_settings: Callable[..., None], new_records: Any, content: str
) -> None:
    with_settings(content=content)
    chunks = list(_stream(acme.connect().client(REGION), system="canary"))

    (record,) = new_records()
    assert len(record["output"]["outputBodyJson"]) == len(chunks)
    assert not {"canary", "hello"} & set(json.dumps(record).replace('"', " ").split())


@pytest.mark.parametrize("content", ["metadata", "hashed"])
def test_a_native_body_is_reduced_as_the_stanza_says(
    acme: Any, with_settings: Callable[..., None], content: str
) -> None:
    with_settings(content=content)
    answer = _invoke(acme.connect().client(REGION), system="canary", temperature=0.5)

    record = acme.record(answer["ResponseMetadata"]["record"]["id"])
    text = json.dumps(record)
    assert "canary" not in text
    assert "hello" not in text
    request, reply = record["input"]["inputBodyJson"], record["output"]["outputBodyJson"]
    assert (request["max_tokens"], request["temperature"]) == (100, 0.5)
    assert reply["stop_reason"] == "end_turn"
    assert ("messages" in request, "content" in reply) == (content == "hashed",) * 2


def test_the_cap_holds_for_native_bodies(
    acme: Any, with_settings: Callable[..., None], new_records: Any
) -> None:
    with_settings(quota={"max_tokens_per_call": 7})
    client = acme.connect().client(REGION)
    for maximum in (8, "8", 8.0, True, None):
        with pytest.raises(BadRequestError, match="write 7 or less"):
            _invoke(client, max_tokens=maximum)
    nova = client.invoke_model(modelId="nova", body=json.dumps({"messages": TURN}))

    assert client.invoke_model(modelId="claude", body=json.dumps({**CLAUDE, "max_tokens": 3}))
    assert "text" in json.loads(nova["body"].read())["output"]["message"]["content"][0]
    sent = [record["input"]["inputBodyJson"] for record in new_records()]
    assert [body.get("max_tokens") for body in sent] == [None, 3]
    assert sent[0]["inferenceConfig"] == {"maxTokens": 7}


def test_the_guardrail_is_on_native_calls_and_no_other_is_taken(
    acme: Any, with_settings: Callable[..., None], permit: Callable[..., None]
) -> None:
    permit(
        {
            "Action": ["bedrock:InvokeModel"],
            "Resource": f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}",
            "Condition": {"StringEquals": {"bedrock:GuardrailIdentifier": f"{GUARDRAIL}:1"}},
        },
        {"Action": "bedrock:ApplyGuardrail", "Resource": GUARDRAIL},
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        _invoke(acme.connect().client(REGION))
    with_settings(guardrail={"arn": GUARDRAIL, "version": "1"})
    client = acme.connect().client(REGION)

    assert _invoke(client)["body"].read()
    with pytest.raises(BadRequestError, match="not the tenant's"):
        client.invoke_model(
            modelId="claude",
            body=json.dumps(CLAUDE),
            guardrailIdentifier=GUARDRAIL,
            guardrailVersion="2",
        )


def test_a_test_of_a_text_is_recorded(
    acme: Any, with_settings: Callable[..., None], permit: Callable[..., None]
) -> None:
    permit({"Action": "bedrock:ApplyGuardrail", "Resource": GUARDRAIL})
    with_settings(guardrail={"arn": GUARDRAIL, "version": "1"})
    text = {"source": "INPUT", "content": [{"text": {"text": "hello"}}]}
    answer = acme.connect().client(REGION).apply_guardrail(**text)

    record = acme.record(answer["ResponseMetadata"]["record"]["id"])
    assert (record["operation"], "modelId" in record) == ("ApplyGuardrail", False)
    assert record["input"]["inputBodyJson"] == text
    assert record["output"]["outputBodyJson"]["action"] == "NONE"


def test_a_text_is_tested_only_with_the_tenants_guardrail(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    text = {"source": "INPUT", "content": [{"text": {"text": "hello"}}]}
    other = {"guardrailIdentifier": GUARDRAIL, "guardrailVersion": "DRAFT"}
    with pytest.raises(ModelNotGrantedError, match="acme has no guardrail"):
        acme.connect().client(REGION).apply_guardrail(**text)
    with_settings(guardrail={"arn": GUARDRAIL, "version": "1"})
    with pytest.raises(BadRequestError, match="not the tenant's"):
        acme.connect().client(REGION).apply_guardrail(**text, **other)


def test_the_requests_per_second_hold_for_clients(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    with_settings(quota={"requests_per_second": 0.001})
    client = acme.connect().client(REGION)
    client.converse(modelId="claude", messages=TURN)
    before = len(acme.control.calls(service="bedrock-runtime"))
    waiting = threading.Thread(
        target=client.converse, kwargs={"modelId": "claude", "messages": TURN}, daemon=True
    )
    waiting.start()
    time.sleep(0.5)

    assert waiting.is_alive()
    assert len(acme.control.calls(service="bedrock-runtime")) == before


def test_a_required_audit_withholds_the_answer_of_a_client(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    with_settings(audit="required")
    client = acme.connect().client(REGION)
    acme.control.fault(Fault("logs", code="ServiceUnavailableException", status=503, times=FOREVER))

    with pytest.raises(NotRecordedError):
        _invoke(client)


def test_the_region_of_a_client_is_the_one_that_all_aliases_have_first(
    acme: Any, with_settings: Callable[..., None]
) -> None:
    assert acme.connect().client().meta.region_name == REGION
    assert acme.connect().client("eu-west-1").meta.region_name == "eu-west-1"
    with pytest.raises(ModelNotGrantedError, match="no model in the requested Region; write one"):
        acme.connect().client("us-east-1")
    with_settings(
        models={
            "claude": {"model": HAIKU, "regions": [REGION]},
            "nova": {"model": NOVA, "regions": ["eu-west-1"]},
        }
    )
    with pytest.raises(ModelNotGrantedError, match="Name a Region"):
        acme.connect().client()


def test_a_session_makes_the_recorded_client_and_no_other(acme: Any) -> None:
    connection = acme.connect()
    session = connection.session()

    assert isinstance(session, boto3.Session)
    assert session.region_name == REGION
    config = Config(read_timeout=120, user_agent_extra="library")
    client = session.client(service_name="bedrock-runtime", config=config)
    assert client is connection.client(REGION)
    assert session.client("bedrock-runtime", REGION, use_ssl=True, verify=None) is client
    assert session.client("bedrock-runtime", region_name="eu-west-1").meta.region_name == (
        "eu-west-1"
    )


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda session: session.client("sts"), "clients of bedrock-runtime only"),
        (lambda session: session.client("bedrock"), "clients of bedrock-runtime only"),
        (lambda session: session.resource("s3"), "no resources"),
        (lambda session: session.get_credentials(), "are not handed out"),
        (
            lambda session: session.client("bedrock-runtime")._get_credentials(),
            "are not handed out",
        ),
        (
            lambda session: session.client("bedrock-runtime", endpoint_url="http://localhost"),
            "Leave out endpoint_url",
        ),
        (
            lambda session: session.client("bedrock-runtime", "eu-central-1", verify=False),
            "Leave out verify",
        ),
    ],
)
def test_a_session_refuses_what_would_leave_no_record(
    acme: Any, attempt: Callable[[Any], Any], sentence: str
) -> None:
    with pytest.raises(BadRequestError, match=sentence):
        attempt(acme.connect().session())
