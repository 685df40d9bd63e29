"""Helpers of the tests of the local AWS: policies, roles, sessions and refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tools.localaws.sts.sessions import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.tools.localaws.conftest import Connect

OPERATIONS = "111111111111"
ACME = "222222222222"
GLOBEX = "333333333333"

DEFAULT_PROJECT = {
    "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
    "Resource": "arn:aws:bedrock:*:*:project/default",
}
"""What every inference call needs beside the grant of its model."""


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A policy of these statements; a statement without Effect is an Allow."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", **statement} for statement in statements],
    }


def make_role(
    iam: Any,  # noqa: ANN401
    name: str,
    trust: Mapping[str, Any],
    *permissions: Mapping[str, Any],
    **settings: Any,  # noqa: ANN401
) -> str:
    """Create a role with one trust statement and one inline policy; return its ARN."""
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(document({"Action": "sts:AssumeRole", **trust})),
        **settings,
    )
    if permissions:
        iam.put_role_policy(
            RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(document(*permissions))
        )
    return str(role["Role"]["Arn"])


def assume(sts: Any, role_arn: str, **parameters: Any) -> Credentials:  # noqa: ANN401
    """Assume a role and return the session's keys; ClientError when that is refused."""
    keys = sts.assume_role(**{"RoleArn": role_arn, "RoleSessionName": "acme", **parameters})
    keys = keys["Credentials"]
    return Credentials(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], keys["Expiration"]
    )


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:  # noqa: ANN401
    """The error code and message of a refused call; the test fails if the call succeeds."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def log_invocations(connect: Connect, keys: Credentials) -> Callable[[], list[dict[str, Any]]]:
    """Let Bedrock log into a new bucket; returns what reads the records that are there."""
    s3 = connect("s3", keys)
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    connect("bedrock", keys).put_model_invocation_logging_configuration(
        loggingConfig={"s3Config": {"bucketName": "bucket"}}
    )

    def records() -> list[dict[str, Any]]:
        stored = s3.list_objects_v2(Bucket="bucket").get("Contents", [])
        return [
            json.load(s3.get_object(Bucket="bucket", Key=item["Key"])["Body"]) for item in stored
        ]

    return records
