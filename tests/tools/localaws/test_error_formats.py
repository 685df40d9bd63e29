"""The form of an error in each of AWS's protocols, as it is on the wire and as botocore reads it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from tests.tools.localaws.aws import ACME, document, refusal
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

HELLO = [{"role": "user", "content": [{"text": "hello"}]}]


def answer_of(client: Any, operation: str, **parameters: Any) -> Any:
    """The HTTP response to a refused call, before botocore parses it."""
    answers: list[Any] = []
    client.meta.events.register(
        "before-parse.*", lambda response_dict, **_: answers.append(response_dict)
    )
    refusal(getattr(client, operation), **parameters)
    return answers[-1]


def parsed(body: bytes) -> ET.Element:
    return ET.fromstring(body)  # noqa: S314 - written by the local AWS


def nobody(local_aws: LocalAws, connect: Connect, service: str) -> Any:
    """A client of a user without permissions."""
    denied = document({"Effect": "Deny", "Action": "*", "Resource": "*"})
    return connect(service, local_aws.control.account(ACME, "nobody", [denied]))


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", ("decode_authorization_message", {"EncodedMessage": "x"}), "AccessDenied"),
        ("iam", ("list_roles", {}), "AccessDenied"),
        ("ec2", ("describe_vpcs", {}), "UnauthorizedOperation"),
        ("kms", ("list_keys", {}), "AccessDeniedException"),
        ("logs", ("describe_log_groups", {}), "AccessDeniedException"),
        ("dynamodb", ("list_tables", {}), "AccessDeniedException"),
        ("lambda", ("list_functions", {}), "AccessDeniedException"),
        ("bedrock", ("list_guardrails", {}), "AccessDeniedException"),
        (
            "bedrock-runtime",
            ("converse", {"modelId": "amazon.nova-lite-v1:0", "messages": HELLO}),
            "AccessDeniedException",
        ),
        ("s3", ("list_buckets", {}), "AccessDenied"),
        ("cloudwatch", ("list_metrics", {}), "AccessDenied"),
        ("sqs", ("list_queues", {}), "AccessDeniedException"),
    ],
)
def test_botocore_reads_the_code_the_message_and_the_request_id_in_every_protocol(
    local_aws: LocalAws,
    connect: Connect,
    service: str,
    call: tuple[str, dict[str, Any]],
    code: str,
) -> None:
    client = nobody(local_aws, connect, service)
    with pytest.raises(client.exceptions.ClientError) as refused:
        getattr(client, call[0])(**call[1])
    response = refused.value.response
    assert response["Error"]["Code"] == code
    assert "is not authorized to perform" in response["Error"]["Message"]
    assert re.fullmatch(r"[0-9a-f-]{36}", response["ResponseMetadata"]["RequestId"])


def test_a_query_error_is_xml_with_a_type(local_aws: LocalAws, connect: Connect) -> None:
    answer = answer_of(nobody(local_aws, connect, "iam"), "list_roles")
    error = parsed(answer["body"])
    assert error.tag == "ErrorResponse"
    assert error.findtext("Error/Type") == "Sender"
    assert error.findtext("RequestId") == answer["headers"]["x-amzn-RequestId"]
    assert answer["headers"]["Content-Type"] == "text/xml"
    assert "x-amzn-ErrorType" not in answer["headers"]


def test_an_ec2_error_is_a_list_of_errors(local_aws: LocalAws, connect: Connect) -> None:
    error = parsed(answer_of(nobody(local_aws, connect, "ec2"), "describe_vpcs")["body"])
    assert error.findtext("Errors/Error/Code") == "UnauthorizedOperation"
    assert error.findtext("RequestID")


@pytest.mark.parametrize(
    ("service", "operation", "version"),
    [("kms", "list_keys", "1.1"), ("dynamodb", "list_tables", "1.0")],
)
def test_a_json_error_has_its_code_in_the_body_and_the_services_version(
    local_aws: LocalAws, connect: Connect, service: str, operation: str, version: str
) -> None:
    answer = answer_of(nobody(local_aws, connect, service), operation)
    assert answer["headers"]["Content-Type"] == f"application/x-amz-json-{version}"
    assert json.loads(answer["body"])["__type"] == "AccessDeniedException"
    assert "x-amzn-ErrorType" not in answer["headers"]


def test_a_rest_json_error_has_its_code_in_a_header(local_aws: LocalAws, connect: Connect) -> None:
    answer = answer_of(nobody(local_aws, connect, "bedrock"), "list_guardrails")
    assert answer["headers"]["x-amzn-ErrorType"] == "AccessDeniedException"
    assert answer["headers"]["Content-Type"] == "application/json"
    assert list(json.loads(answer["body"])) == ["message"]


def test_an_error_of_lambda_says_whose_fault_it_is(local_aws: LocalAws, connect: Connect) -> None:
    client = connect("lambda", local_aws.control.account(ACME))
    for status, fault in ((429, "User"), (500, "Service")):
        code = "TooManyRequestsException" if status == 429 else "ServiceException"
        local_aws.control.fault(Fault("lambda", code=code, status=status))
        answer = answer_of(client, "list_functions")
        assert json.loads(answer["body"])["Type"] == fault


def test_an_s3_error_names_the_resource_and_both_ids(local_aws: LocalAws, connect: Connect) -> None:
    s3 = nobody(local_aws, connect, "s3")
    answer = answer_of(s3, "get_object", Bucket="bucket", Key="a<b")
    error = parsed(answer["body"])
    assert error.tag == "Error"
    assert error.findtext("Resource") == "/bucket/a<b"
    assert error.findtext("RequestId") == answer["headers"]["x-amz-request-id"]
    assert error.findtext("HostId") == answer["headers"]["x-amz-id-2"]
    assert answer["headers"]["Content-Type"] == "application/xml"
