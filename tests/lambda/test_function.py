"""The zip as a Lambda function in the local AWS, under the real runtime interface client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.localaws.faults import FOREVER, Fault

LOG = "/aws/lambda/bedrock-local-acme"


def test_answers_and_records_in_a_stream_named_for_the_environment(function: Any) -> None:
    answer = function.invoke({"prompt": "one two three"})

    assert answer["answer"].endswith("one two three")
    assert answer["record"]["delivery"] == "delivered"
    assert function.tenant.record(answer["record"]["id"])["tenantBedrock"]["phase"] == "end"
    (mark,) = function.log_of(answer["record"]["id"])
    assert mark["message"] == "record.start"
    logs = function.tenant.client("logs")
    records = logs.describe_log_streams(logGroupName="/bedrock/local/acme/records")["logStreams"]
    functions = logs.describe_log_streams(logGroupName=LOG)["logStreams"]
    assert [s["logStreamName"] for s in records] == [
        f"acme/{s['logStreamName']}" for s in functions
    ]


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
            "Bedrock denied the operations role this model",
        ),
    ],
)
def test_the_caller_sees_the_type_and_a_sentence_without_the_prompt(
    function: Any, event: object, error_type: str, sentence: str
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
def test_bedrocks_failures_are_typed(function: Any, fault: Fault, error_type: str) -> None:
    function.tenant.control.fault(fault)

    error = function.invoke({"prompt": "canary"})

    assert error["errorType"] == error_type
    record_id = error["errorMessage"].split("record ")[1][:36]
    assert function.tenant.record(record_id)["tenantBedrock"]["phase"] == "error"
    assert "canary" not in json.dumps(error)


def test_a_spilled_record_is_one_line_of_the_functions_log(function: Any) -> None:
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


def test_no_prompt_is_in_the_functions_log_whatever_happens(function: Any) -> None:
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


def test_invalid_settings_are_reported_in_a_sentence(function: Any) -> None:
    function.set_settings("{")

    error = function.invoke({"prompt": "canary"})

    assert error["errorType"] == "SettingsError"
    assert "TENANT_BEDROCK is invalid at: its JSON syntax" in error["errorMessage"]
    assert "canary" not in json.dumps(error)


def test_another_tenants_external_id_is_refused_in_a_sentence(function: Any) -> None:
    function.configure(external_id="not-ours")

    error = function.invoke({"prompt": "canary"})

    assert error["errorType"] == "RoleRefusedError"
    assert error["errorMessage"].startswith(
        "The operations role could not be assumed (AccessDenied, request "
    )
    assert "canary" not in json.dumps(error)
