"""The zip as a Lambda function: under the real runtime interface client, in the local cloud."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from commands import package
from tests.cloud.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "bedrock-local-acme"
LOG = f"/aws/lambda/{NAME}"
SETTINGS = {
    "environment": "local",
    "external_id": "c0ffee00-c0ffee-c0ffee",
    "models": {
        "claude": {
            "model": "anthropic.claude-3-5-haiku-20241022-v1:0",
            "regions": ["eu-central-1", "eu-west-1"],
        }
    },
    "record_log_group": "/bedrock/local/acme/records",
    "role_arn": "arn:aws:iam::111111111111:role/bedrock-local-acme",
    "tenant": "acme",
}


@dataclass(frozen=True)
class Function:
    tenant: Any

    def invoke(self, event: object) -> dict[str, Any]:
        answer = self.tenant.client("lambda").invoke(
            FunctionName=NAME, Payload=json.dumps(event).encode()
        )
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        assert ("errorType" in payload) == ("FunctionError" in answer)
        return payload

    def set_settings(self, value: str) -> None:
        """New variables: the next invocation is in a new execution environment."""
        variables = {"TENANT_BEDROCK": value, "LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "k"}
        self.tenant.client("lambda").update_function_configuration(
            FunctionName=NAME, Environment={"Variables": variables}
        )

    def log(self) -> list[str]:
        """Every line of the function's own log."""
        logs = self.tenant.client("logs")
        streams = logs.describe_log_streams(logGroupName=LOG)["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=LOG, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def log_of(self, record_id: str) -> list[dict[str, Any]]:
        """The lines about one record; the platform brings them a moment after the answer."""
        for _ in range(50):
            found = [json.loads(line) for line in self.log() if record_id in line]
            if found:
                return found
            time.sleep(0.1)
        return []


@pytest.fixture(scope="module")
def function(tenant: Any) -> Function:
    code = package.build("host", lambda line: None).read_bytes()
    tenant.client("lambda").create_function(
        FunctionName=NAME,
        Architectures=["arm64"],
        Code={"ZipFile": code},
        Environment={"Variables": {}},
        Handler="tenant_bedrock.handler.handler",
        LoggingConfig={
            "ApplicationLogLevel": "INFO",
            "LogFormat": "JSON",
            "LogGroup": LOG,
            "SystemLogLevel": "INFO",
        },
        MemorySize=1024,
        Role="arn:aws:iam::222222222222:role/bedrock-local-acme-execution",
        Runtime="python3.13",
        Timeout=30,
    )
    made = Function(tenant)
    made.set_settings(json.dumps(SETTINGS))
    return made


@pytest.fixture(autouse=True)
def no_faults_left(tenant: Any) -> Iterator[None]:
    yield
    tenant.control.clear_faults()


def test_answers_and_records_in_a_stream_named_for_the_environment(function: Function) -> None:
    answer = function.invoke({"prompt": "one two three"})

    assert answer["answer"].endswith("one two three")
    assert answer["record"]["delivery"] == "delivered"
    assert function.tenant.record(answer["record"]["id"])["tenantBedrock"]["phase"] == "end"
    (mark,) = function.log_of(answer["record"]["id"])
    assert mark["message"] == "record.start"
    logs = function.tenant.client("logs")
    records = logs.describe_log_streams(logGroupName="/bedrock/local/acme/records")["logStreams"]
    own = logs.describe_log_streams(logGroupName=LOG)["logStreams"]
    assert [s["logStreamName"] for s in records] == [f"acme/{s['logStreamName']}" for s in own]


@pytest.mark.parametrize(
    ("event", "error_type", "sentence"),
    [
        ("canary", "BadRequestError", "The event is not a JSON object"),
        ({"prompt": ""}, "BadRequestError", "prompt must not be empty"),
        (
            {"prompt": "canary", "max_tokens": "canary"},
            "BadRequestError",
            "max_tokens must be a whole",
        ),
        ({"prompt": "canary", "model": "canary"}, "ModelNotGrantedError", "write one of: claude"),
        (
            {"prompt": "canary", "region": "eu-west-1"},
            "ModelNotGrantedError",
            "Bedrock refused the operations role this model",
        ),
    ],
)
def test_the_caller_sees_the_type_and_a_sentence_without_the_prompt(
    function: Function, event: object, error_type: str, sentence: str
) -> None:
    error = function.invoke(event)

    assert error["errorType"] == error_type
    assert sentence in error["errorMessage"]
    assert "canary" not in json.dumps(error)


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [
        (
            Fault("bedrock-runtime", code="ThrottlingException", status=429, times=FOREVER),
            "ThrottledError",
        ),
        (Fault("bedrock-runtime", code="ValidationException"), "ModelFailedError"),
        (Fault("bedrock-runtime", drop="before", times=FOREVER), "ModelFailedError"),
    ],
    ids=["throttled", "invalid", "connection lost"],
)
def test_bedrocks_failures_are_typed(function: Function, fault: Fault, error_type: str) -> None:
    function.tenant.control.fault(fault)

    error = function.invoke({"prompt": "canary"})

    assert error["errorType"] == error_type
    record_id = error["errorMessage"].split("record ")[1][:36]
    assert function.tenant.record(record_id)["tenantBedrock"]["phase"] == "error"
    assert "canary" not in json.dumps(error)


def test_a_spilled_record_is_one_line_of_the_functions_log(function: Function) -> None:
    function.tenant.control.fault(
        Fault(
            "logs",
            "PutLogEvents",
            account="222222222222",
            code="ThrottlingException",
            times=FOREVER,
        )
    )

    answer = function.invoke({"prompt": "spilled prompt"})

    assert answer["record"]["delivery"] == "spilled"
    assert answer["answer"].endswith("spilled prompt")
    lines = function.log_of(answer["record"]["id"])
    (spilled,) = [line for line in lines if line["message"] == "record.spilled"]
    assert spilled["level"] == "ERROR"
    assert spilled["record"]["tenantBedrock"]["phase"] == "end"
    assert "spilled prompt" in json.dumps(spilled["record"]["input"])


def test_no_prompt_is_in_the_functions_log_whatever_happens(function: Function) -> None:
    canary = "canary-4b1d"
    function.invoke({"prompt": canary})
    function.invoke(canary)
    function.invoke({"prompt": canary, "temperature": canary})
    function.invoke({canary: canary})
    function.invoke({"prompt": canary, "model": canary})
    function.invoke({"prompt": canary, "region": "eu-west-1"})
    function.tenant.control.fault(
        Fault("bedrock-runtime", code="ValidationException", message=f"You sent {canary}")
    )
    function.invoke({"prompt": canary})
    last = function.invoke({"prompt": f"the last {canary}"})

    assert function.log_of(last["record"]["id"])
    assert [line for line in function.log() if canary in line] == []


@pytest.mark.parametrize(
    ("settings", "error_type", "sentence"),
    [
        ("{", "SettingsError", "TENANT_BEDROCK is broken at: its JSON syntax"),
        (
            json.dumps({**SETTINGS, "external_id": "not-ours"}),
            "RoleRefusedError",
            "The operations role could not be assumed (AccessDenied, request ",
        ),
    ],
    ids=["broken settings", "another ExternalId"],
)
def test_a_wrong_deployment_is_a_sentence(
    function: Function, settings: str, error_type: str, sentence: str
) -> None:
    function.set_settings(settings)
    try:
        error = function.invoke({"prompt": "canary"})
    finally:
        function.set_settings(json.dumps(SETTINGS))

    assert error["errorType"] == error_type
    assert error["errorMessage"].startswith(sentence)
    assert "canary" not in json.dumps(error)
