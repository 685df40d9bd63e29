"""Tenant acme on a local AWS, set up with boto3 instead of Terraform.

The bench and the tests of the Lambda package use it. The roles and log groups are those of
modules/operations-role and modules/customer-workload, reduced to what a call and its record need.
Setting them up takes a fraction of the time of an apply.
"""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tools.localaws.control import Control
from tools.packaging import build as package
from tools.records import record_text
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
PROJECT = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:project/default"
ONE_MODEL = {"claude": SETTINGS["models"]["claude"]}
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
PERMISSIONS: list[dict[str, Any]] = [
    {
        "Action": INVOKE,
        # eu-west-1 is in the settings and not here, so Bedrock must refuse it.
        "Resource": [
            f"arn:aws:bedrock:{REGION}::foundation-model/{HAIKU}",
            f"arn:aws:bedrock:{REGION}::foundation-model/{NOVA}",
        ],
    }
]


@dataclass(frozen=True)
class LocalTenant:
    """A tenant on the local AWS: its role in the operations account, its log groups in its own."""

    url: str
    control: Control
    customer: boto3.Session
    operations: boto3.Session

    def client(self, service: str, session: boto3.Session | None = None) -> Any:  # noqa: ANN401
        """Return an administrator's client in the customer account, or in the account of ``session``."""
        return (session or self.customer).client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    @cached_property
    def invoker(self) -> Any:  # noqa: ANN401
        """A client of Lambda that waits for the longest function and never invokes one twice."""
        config = Config(read_timeout=910, retries={"total_max_attempts": 1})
        return self.customer.client("lambda", endpoint_url=self.url, config=config)

    def connect(self) -> Any:  # noqa: ANN401
        """Return ``tenant_bedrock.connect()``, imported here because the bench lacks it on its path."""
        return importlib.import_module("tenant_bedrock").connect()

    def records(self) -> list[dict[str, Any]]:
        """Return the records in the record log group, oldest first, without the start marks."""
        return [record for record in self.written() if record["tenantBedrock"]["phase"] != "start"]

    def marks(self) -> list[dict[str, Any]]:
        """Return the start marks in the record log group; a fast call has none."""
        return [record for record in self.written() if record["tenantBedrock"]["phase"] == "start"]

    def written(self) -> list[dict[str, Any]]:
        """Return the records and start marks in the record log group, oldest first."""
        return [json.loads(record_text.decode(message)) for message in self.messages(RECORDS)]

    def written_to_stdout(self) -> list[dict[str, Any]]:
        """Return the start marks and spilled records in the function's own log, oldest first."""
        lines = [message for message in self.messages(LOG) if '"tenantBedrock"' in message]
        return [json.loads(record_text.decode(line))["record"] for line in lines]

    def messages(self, group: str, session: boto3.Session | None = None) -> list[str]:
        """Return the messages of all events of a log group, oldest first."""
        logs = self.client("logs", session)
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def record(self, record_id: str) -> dict[str, Any]:
        """Return the record with this id; raises ValueError unless there is exactly one."""
        records = [r for r in self.records() if r["tenantBedrock"]["recordId"] == record_id]
        (record,) = records
        return record

    def permit(self, *statements: dict[str, Any]) -> None:
        """Replace the operations role's permissions with these statements, which may be a Deny.

        Every call also needs the default project, which the role may always use.
        """
        self.client("iam", self.operations).put_role_policy(
            RoleName="bedrock-local-acme",
            PolicyName="models",
            PolicyDocument=policy({"Action": INVOKE, "Resource": PROJECT}, *statements),
        )

    def assume_role_calls(self) -> int:
        """Return how many times the operations role was assumed."""
        return len(self.control.calls(action="sts:AssumeRole", resource=ROLE_ARN))

    def create_function(self, name: str, handler: str, code: bytes) -> None:
        """Create a function of the zip ``code`` with the settings of modules/customer-workload."""
        self.client("lambda").create_function(
            FunctionName=name,
            Architectures=["arm64"],
            Code={"ZipFile": code},
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


def create(control_url: str) -> LocalTenant:
    """Set the tenant up on the empty local AWS with this control URL."""
    control = Control(control_url)
    acme = LocalTenant(
        control.endpoint,
        control,
        customer=_session(control.account(CUSTOMER)),
        operations=_session(control.account(OPERATIONS)),
    )
    _create_operations_role(acme)
    _create_execution_role(acme)
    for group in (RECORDS, LOG):
        acme.client("logs").create_log_group(logGroupName=group)
    return acme


def _session(keys: Credentials) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        region_name=REGION,
    )


def _create_operations_role(acme: LocalTenant) -> None:
    iam = acme.client("iam", acme.operations)
    condition = {
        "ArnEquals": {"aws:PrincipalArn": EXECUTION_ARN},
        "StringEquals": {"sts:ExternalId": EXTERNAL_ID, "sts:RoleSessionName": "acme"},
    }
    iam.create_role(
        RoleName="bedrock-local-acme",
        AssumeRolePolicyDocument=policy(
            {
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{CUSTOMER}:root"},
                "Condition": condition,
            }
        ),
    )
    acme.permit(*PERMISSIONS)


def _create_execution_role(acme: LocalTenant) -> None:
    iam = acme.client("iam")
    trusted = [
        {"Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
        {"Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{CUSTOMER}:root"}},
    ]
    iam.create_role(
        RoleName="bedrock-local-acme-execution", AssumeRolePolicyDocument=policy(*trusted)
    )
    groups = [RECORDS, LOG]
    iam.put_role_policy(
        RoleName="bedrock-local-acme-execution",
        PolicyName="workload",
        PolicyDocument=policy(
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


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy of these statements as JSON; each is an Allow unless it has an Effect."""
    allowed = [{"Effect": "Allow", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


@dataclass(frozen=True)
class Function:
    """A Lambda function of the tenant, which the real runtime interface client runs."""

    tenant: LocalTenant
    name: str = FUNCTION

    def invoke(self, event: object) -> dict[str, Any]:
        """Return the function's answer, or the error that Lambda reports."""
        return self.send(event)[1]

    def send(self, event: object) -> tuple[str, dict[str, Any]]:
        """Return Lambda's request id and the function's answer or error."""
        answer = self.tenant.invoker.invoke(FunctionName=self.name, Payload=json.dumps(event))
        return answer["ResponseMetadata"]["RequestId"], json.load(answer["Payload"])

    def configure(self, *, timeout: int = 30, **members: object) -> None:
        """Change members of TENANT_BEDROCK; the next invocation starts a new execution environment."""
        settings = {**SETTINGS, "models": ONE_MODEL, "timeout": timeout, **members}
        self.set_settings(json.dumps(settings), timeout)

    def set_settings(self, value: str, timeout: int = 30) -> None:
        """Replace TENANT_BEDROCK, also with an invalid value."""
        variables = {"TENANT_BEDROCK": value, "LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "k"}
        self.tenant.client("lambda").update_function_configuration(
            FunctionName=self.name, Environment={"Variables": variables}, Timeout=timeout
        )

    def kill(self, step: str, skip: int = 0) -> None:
        """Have the function killed at ``step``, one of those in ``tools/localaws/aws_lambda/kills.py``."""
        death = {"account": CUSTOMER, "function": self.name, "at": step, "skip": skip}
        self.tenant.control.post("lambda_kill", death)

    def log(self) -> list[str]:
        """Return every line of the function's own log."""
        return self.tenant.messages(LOG)

    def log_of(self, record_id: str) -> list[dict[str, Any]]:
        """Return the lines about one record."""
        return [json.loads(line) for line in self.log() if record_id in line]

    def reader(self) -> RecordReader:
        """Return the records as a reader finds them in both log groups, after removing all faults."""
        self.tenant.control.clear_faults()
        reader = RecordReader()
        for message in self.tenant.messages(RECORDS):
            reader.add_message(message, "delivered")
        for line in self.log():
            reader.add_message(line, "spilled")
        return reader


def deploy(tenant: LocalTenant, name: str, handler: str, files: Mapping[str, bytes]) -> Function:
    """Create a function of the host's zip and of ``files``, which are added to it by name."""
    code = io.BytesIO(package.build("host", lambda _: None).read_bytes())
    with zipfile.ZipFile(code, "a") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    tenant.create_function(name, handler, code.getvalue())
    return Function(tenant, name)
