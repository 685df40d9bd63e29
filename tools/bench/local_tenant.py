"""Tenant acme in a local cloud, made as Terraform makes it: for the package's tests and the bench."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from tools.localaws.control import Control
from tools.packaging import build as package
from tools.records.reader import RecordReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.sts.sessions import Credentials

OPERATIONS = "111111111111"
CUSTOMER = "222222222222"
REGION = "eu-central-1"
HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "amazon.nova-lite-v1:0"
EXTERNAL_ID = "c0ffee00-c0ffee-c0ffee"
ROLE_ARN = f"arn:aws:iam::{OPERATIONS}:role/bedrock-local-acme"
EXECUTION_ARN = f"arn:aws:iam::{CUSTOMER}:role/bedrock-local-acme-execution"
RECORDS = "/bedrock/local/acme/records"
FUNCTION = "bedrock-local-acme"
LOG = f"/aws/lambda/{FUNCTION}"
SETTINGS: dict[str, Any] = {
    "environment": "local",
    "external_id": EXTERNAL_ID,
    "models": {
        "claude": {"model": HAIKU, "regions": [REGION, "eu-west-1"]},
        "nova": {"model": NOVA, "regions": [REGION]},
    },
    "record_log_group": RECORDS,
    "role_arn": ROLE_ARN,
    "tenant": "acme",
}
ONE_MODEL = {"claude": SETTINGS["models"]["claude"]}
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
PERMISSIONS: list[dict[str, Any]] = [
    {
        "Action": INVOKE,
        # eu-west-1 is in the settings and not here: Bedrock must refuse it.
        "Resource": [
            f"arn:aws:bedrock:{REGION}::foundation-model/{HAIKU}",
            f"arn:aws:bedrock:{REGION}::foundation-model/{NOVA}",
        ],
    }
]


@dataclass(frozen=True)
class Acme:
    """A tenant in the local cloud: its role in one account, its log group in the other."""

    url: str
    control: Control
    customer: boto3.Session
    operations: boto3.Session

    def client(self, service: str, session: boto3.Session | None = None) -> Any:  # noqa: ANN401
        """A client in the customer account, or of another session; an administrator's."""
        chosen: Any = session or self.customer
        return chosen.client(service, endpoint_url=self.url)

    def connect(self) -> Any:  # noqa: ANN401
        """``tenant_bedrock.connect()``; the bench has no use for it and no path to it."""
        return importlib.import_module("tenant_bedrock").connect()

    def records(self) -> list[dict[str, Any]]:
        """Every record in the record log group, oldest first, without the start marks."""
        return [r for r in self.written() if r["tenantBedrock"]["phase"] != "start"]

    def marks(self) -> list[dict[str, Any]]:
        """The start marks in the record log group; one is put only if Bedrock takes its time."""
        return [r for r in self.written() if r["tenantBedrock"]["phase"] == "start"]

    def written(self) -> list[dict[str, Any]]:
        """Everything in the record log group, oldest first."""
        return [json.loads(message) for message in self.messages(RECORDS)]

    def written_to_stdout(self) -> list[dict[str, Any]]:
        """Every start mark and spilled record in the function's own log, oldest first."""
        lines = [message for message in self.messages(LOG) if '"tenantBedrock"' in message]
        return [json.loads(line)["record"] for line in lines]

    def messages(self, group: str) -> list[str]:
        """The messages of all events of a log group, oldest first."""
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def record(self, record_id: str) -> dict[str, Any]:
        """The one record with this id; fails when there is none, or more than one."""
        (found,) = [r for r in self.records() if r["tenantBedrock"]["recordId"] == record_id]
        return found

    def permit(self, *statements: dict[str, Any]) -> None:
        """Let the operations role do this and nothing else; a statement may be a Deny."""
        self.client("iam", self.operations).put_role_policy(
            RoleName="bedrock-local-acme",
            PolicyName="models",
            PolicyDocument=_policy(*statements),
        )

    def assume_role_calls(self) -> int:
        """How often the operations role was asked for."""
        calls = self.control.calls(action="sts:AssumeRole", resource=ROLE_ARN)
        return len(calls)


def make(url: str) -> Acme:
    """Set the tenant up in the empty local cloud at ``url``."""
    control = Control(url)
    acme = Acme(
        url,
        control,
        customer=_session(control.account(CUSTOMER)),
        operations=_session(control.account(OPERATIONS)),
    )
    _make_operations_role(acme)
    _make_execution_role(acme)
    for group in (RECORDS, LOG):
        acme.client("logs").create_log_group(logGroupName=group)
    return acme


def _session(keys: Credentials) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        region_name=REGION,
    )


def _make_operations_role(acme: Acme) -> None:
    iam = acme.client("iam", acme.operations)
    condition = {
        "ArnEquals": {"aws:PrincipalArn": EXECUTION_ARN},
        "StringEquals": {"sts:ExternalId": EXTERNAL_ID, "sts:RoleSessionName": "acme"},
    }
    iam.create_role(
        RoleName="bedrock-local-acme",
        AssumeRolePolicyDocument=_policy(
            {
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{CUSTOMER}:root"},
                "Condition": condition,
            }
        ),
    )
    acme.permit(*PERMISSIONS)


def _make_execution_role(acme: Acme) -> None:
    iam = acme.client("iam")
    trusted = [
        {"Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
        {"Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{CUSTOMER}:root"}},
    ]
    iam.create_role(
        RoleName="bedrock-local-acme-execution", AssumeRolePolicyDocument=_policy(*trusted)
    )
    groups = [RECORDS, LOG]
    iam.put_role_policy(
        RoleName="bedrock-local-acme-execution",
        PolicyName="workload",
        PolicyDocument=_policy(
            {"Action": "sts:AssumeRole", "Resource": ROLE_ARN},
            {
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": [
                    f"arn:aws:logs:{REGION}:{CUSTOMER}:log-group:{group}:log-stream:*"
                    for group in groups
                ],
            },
        ),
    )


def _policy(*statements: dict[str, Any]) -> str:
    allowed = [{"Effect": "Allow", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


@dataclass(frozen=True)
class Function:
    """The zip as a Lambda function of the tenant, under the real runtime interface client."""

    tenant: Acme
    name: str = FUNCTION

    def invoke(self, event: object) -> dict[str, Any]:
        """What the function answers, or the error that Lambda reports of it."""
        answer = self.tenant.client("lambda").invoke(
            FunctionName=self.name, Payload=json.dumps(event).encode()
        )
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        return payload

    def configure(self, *, timeout: int = 30, **members: object) -> None:
        """Change members of TENANT_BEDROCK; the next invocation is in a new environment."""
        told = {**SETTINGS, "models": ONE_MODEL, "timeout": timeout, **members}
        self.set_settings(json.dumps(told), timeout)

    def set_settings(self, value: str, timeout: int = 30) -> None:
        """The same, with a whole value that may be a broken one."""
        variables = {"TENANT_BEDROCK": value, "LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "k"}
        self.tenant.client("lambda").update_function_configuration(
            FunctionName=self.name, Environment={"Variables": variables}, Timeout=timeout
        )

    def kill(self, step: str, skip: int = 0) -> None:
        """SIGKILL when the function reaches ``step``; ``tools/localaws/aws_lambda/kills.py`` has them."""
        death = {"account": CUSTOMER, "function": self.name, "at": step, "skip": skip}
        self.tenant.control.post("lambda_kill", death)

    def log(self) -> list[str]:
        """Every line of the function's own log."""
        return self.tenant.messages(LOG)

    def log_of(self, record_id: str) -> list[dict[str, Any]]:
        """The lines about one record."""
        return [json.loads(line) for line in self.log() if record_id in line]

    def book(self) -> RecordReader:
        """The records as a reader finds them, in both log groups, when all faults are over."""
        self.tenant.control.clear_faults()
        book = RecordReader()
        for message in self.tenant.messages(RECORDS):
            book.add_message(message, "delivered")
        for line in self.log():
            book.add_message(line, "spilled")
        return book


def deploy(tenant: Acme, name: str, handler: str, files: Mapping[str, bytes]) -> Function:
    """A function of the host's zip, with more files in it."""
    packed = io.BytesIO(package.build("host", lambda _: None).read_bytes())
    with zipfile.ZipFile(packed, "a") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    tenant.client("lambda").create_function(
        FunctionName=name,
        Architectures=["arm64"],
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": {}},
        Handler=handler,
        LoggingConfig={
            "ApplicationLogLevel": "INFO",
            "LogFormat": "JSON",
            "LogGroup": LOG,
            "SystemLogLevel": "INFO",
        },
        MemorySize=1024,
        Role=EXECUTION_ARN,
        Runtime="python3.13",
    )
    return Function(tenant, name)
