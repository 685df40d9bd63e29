"""Calls that a tenant or somebody else makes by hand: of its role, of a model, and for its function's own keys."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from typing import TYPE_CHECKING, Any

from tools.cli.boto3_session import boto3_session

if TYPE_CHECKING:
    from collections.abc import Collection

    import boto3

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount

# Code that returns its keys; the account's owner can deploy it under the function's role.
LEAK = """
import os
def handler(event, context):
    return [os.environ["AWS_" + name] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
"""

# Regions far from each other, and the prefix of the profiles that each of them calls.
_ELSEWHERE = {"ap-southeast-2": "au.", "us-west-2": "us.", "eu-west-1": "eu."}


def model_elsewhere(called: str, model: str, regions: Collection[str]) -> tuple[str, str] | None:
    """Return the id that calls a model in a Region that is none of ``regions``, by the same route, and that Region.

    ``called`` is the id by which the model is called where it is granted: its own, or a profile's. None if there is no
    such Region.
    """
    for region, prefix in _ELSEWHERE.items():
        if region not in regions:
            return (model if called == model else f"{prefix}{model}"), region
    return None


def single_call_client(
    target: Target, caller: boto3.Session, service: str, region: str | None = None
) -> Any:  # noqa: ANN401 - boto3's clients have no common type
    """Return a client that never repeats a request, so that one call has one outcome."""
    return target.client(caller, service, region, retries={"total_max_attempts": 1})


def assume(
    target: Target,
    caller: boto3.Session,
    role_arn: str,
    session_name: str,
    external_id: str | None,
    *,
    seconds: int | None = None,
) -> boto3.Session:
    """Assume a role with or without an ExternalId; botocore's ClientError when it is refused."""
    options: dict[str, Any] = {} if external_id is None else {"ExternalId": external_id}
    if seconds is not None:
        options["DurationSeconds"] = seconds
    sts = single_call_client(target, caller, "sts")
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name, **options)
    return boto3_session(target.environment.operations_region, keys=answer["Credentials"])


def converse(
    target: Target,
    caller: boto3.Session,
    model: str,
    region: str,
    project: str | None = None,
    *,
    prompt: str = "Hello",
    streamed: bool = False,
    **options: Any,  # noqa: ANN401 - botocore checks an operation's parameters
) -> dict[str, Any]:
    """Return the answer of a model in a Region; the stream is not read.

    ``project`` is the id of a project; None to name none, as callers usually do. ``options`` are other members of
    the request. Raises botocore's ClientError when the call is refused.
    """
    bedrock = single_call_client(target, caller, "bedrock-runtime", region)

    # botocore knows the parameter from 1.44.8 on, and the locked one is older.
    def name_project(params: dict[str, Any], **_: object) -> None:
        body = {**json.loads(params["body"]), "projectIdentifier": project}
        params["body"] = json.dumps(body).encode()

    if project is not None:
        bedrock.meta.events.register_last("before-call.bedrock-runtime", name_project)
    operation = bedrock.converse_stream if streamed else bedrock.converse
    answer: dict[str, Any] = operation(
        modelId=model, messages=[{"role": "user", "content": [{"text": prompt}]}], **options
    )
    return answer


def read_record_group(target: Target, caller: boto3.Session, account: CustomerAccount) -> None:
    """Read the record log group of an account, which may be another than the caller's."""
    group = target.environment.record_log_group(account.tenant)
    arn = f"arn:{target.environment.partition}:logs:{account.region}:{account.account_id}:log-group:{group}"
    logs = single_call_client(target, caller, "logs", account.region)
    logs.filter_log_events(logGroupIdentifier=arn, limit=1)


def execution_session(
    target: Target,
    account: CustomerAccount,
    administrator: boto3.Session,
    name: str,
) -> boto3.Session:
    """Return a session with the function's own keys, obtained as the account's owner could.

    It makes a function ``name`` under the execution role and deletes it. Raises botocore's ClientError when the
    owner may not do so; the function may then remain.
    """
    client = single_call_client(target, administrator, "lambda", account.region)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zip_file:
        zip_file.writestr("leak.py", LEAK)
    role_name = f"{target.environment.base_name(account.tenant)}-execution"
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="leak.handler",
        Role=target.environment.role_arn(account.account_id, role_name),
        Code={"ZipFile": archive.getvalue()},
    )
    # A new function cannot be invoked before it is active:
    # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    keys = json.load(client.invoke(FunctionName=name)["Payload"])
    client.delete_function(FunctionName=name)
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return boto3_session(account.region, keys=dict(zip(names, keys, strict=True)))


def unused_name(prefix: str) -> str:
    """Return a name that nothing has yet."""
    return f"{prefix}-{secrets.token_hex(4)}"
