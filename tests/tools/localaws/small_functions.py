"""Small Lambda functions for these tests, each with a role, a log group and a zip."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import ACME, make_role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

REGION = "eu-central-1"
MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"

TRUST_LAMBDA = {
    "Sid": "LambdaMayActAsThisRole",
    "Principal": {"Service": "lambda.amazonaws.com"},
}


WRITE_LOG = {
    "Sid": "WriteLog",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": f"arn:aws:logs:{REGION}:{ACME}:log-group:/fn:log-stream:*",
}


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until other threads or processes make the condition true; the test fails after a minute."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("The condition did not become true within a minute.")


def zipped(**modules: str) -> bytes:
    """A zip with these Python modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, source in modules.items():
            archive.writestr(f"{name}.py", source)
    return buffer.getvalue()


@dataclass(frozen=True)
class Function:
    """A deployed function, and clients of its account's administrator."""

    local_aws: LocalAws
    name: str
    client: Any
    logs: Any

    def invoke(self, event: object = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """Invoke the function and return the response with its payload parsed."""
        payload = json.dumps(event).encode()
        answer = self.client.invoke(FunctionName=self.name, Payload=payload, **more)
        body = answer["Payload"].read()
        return {**answer, "Payload": json.loads(body) if body else None}

    def log(self) -> list[str]:
        """All messages in the function's log group, oldest first."""
        events = self.logs.filter_log_events(logGroupName=f"/{self.name}")["events"]
        return [event["message"] for event in events]

    def environments(self) -> list[dict[str, Any]]:
        """The function's execution environments."""
        environments: list[dict[str, Any]] = self.local_aws.control.post("lambda_environments", {})
        return environments


def deploy(
    local_aws: LocalAws,
    connect: Connect,
    source: str,
    *,
    permissions: Sequence[Mapping[str, Any]] = (WRITE_LOG,),
    **configuration: Any,  # noqa: ANN401
) -> Function:
    """Create a role, the log group ``/fn`` and the function ``fn`` with the module ``app``."""
    keys = local_aws.control.account(ACME)
    role = make_role(connect("iam", keys), "fn", TRUST_LAMBDA, *permissions)
    function = Function(local_aws, "fn", connect("lambda", keys), connect("logs", keys))
    function.logs.create_log_group(logGroupName="/fn")
    settings: dict[str, Any] = {
        "Code": {"ZipFile": zipped(app=source)},
        "Handler": "app.handler",
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/fn"},
        "Role": role,
        "Runtime": "python3.13",
        "Timeout": 10,
    }
    function.client.create_function(FunctionName="fn", **(settings | configuration))
    return function
