from __future__ import annotations

import functools
import importlib.resources
import io
import json
import os
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from jsonschema import Draft202012Validator

from commands import package
from commands.records import Book
from tenant_bedrock import Connection, connect, handler
from tests.cloud.cloud import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cloud.control import Control
    from tests.cloud.iam.sessions import Credentials

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
SCHEMA = Draft202012Validator(
    json.loads(
        importlib.resources.files("tenant_bedrock").joinpath("record.schema.json").read_text()
    )
)
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

    def client(self, service: str, session: boto3.Session | None = None) -> Any:
        chosen: Any = session or self.customer
        return chosen.client(service, endpoint_url=self.url)

    def connect(self) -> Connection:
        return connect()

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
        calls = self.control.calls(action="sts:AssumeRole", resource=ROLE_ARN)
        return len(calls)


@pytest.fixture(autouse=True)
def no_aws_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def tenant() -> Iterator[Acme]:
    """The local cloud with tenant acme set up as Terraform does it."""
    with LocalCloud() as cloud:
        control = cloud.control
        acme = Acme(
            cloud.url,
            control,
            customer=_session(control.account(CUSTOMER)),
            operations=_session(control.account(OPERATIONS)),
        )
        _make_operations_role(acme)
        _make_execution_role(acme)
        acme.client("logs").create_log_group(logGroupName=RECORDS)
        acme.client("logs").create_log_group(logGroupName=LOG)
        yield acme
        for record in [*acme.written(), *acme.written_to_stdout()]:
            SCHEMA.validate(record)


@pytest.fixture
def acme(tenant: Acme, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    """The tenant, with this process running as its execution role, as on Lambda."""
    keys = tenant.client("sts").assume_role(RoleArn=EXECUTION_ARN, RoleSessionName=FUNCTION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["Credentials"]["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["Credentials"]["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["Credentials"]["SessionToken"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", tenant.url)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("TENANT_BEDROCK", json.dumps(SETTINGS))
    # A new execution environment for each test, as after a deployment.
    monkeypatch.setattr(handler, "_connection", functools.cache(connect))
    yield tenant
    tenant.control.clear_faults()


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


@pytest.fixture
def permit(tenant: Acme) -> Iterator[Callable[..., None]]:
    """Replaces what the operations role may do, for one test."""
    yield tenant.permit
    tenant.permit(*PERMISSIONS)


@pytest.fixture
def with_settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Changes members of TENANT_BEDROCK; call it before the first call of the test."""

    def change(**members: object) -> None:
        monkeypatch.setenv("TENANT_BEDROCK", json.dumps({**SETTINGS, **members}))

    return change


@pytest.fixture
def profile(acme: Any) -> str:
    """The ARN of an application inference profile of claude, tagged as the tenant's."""
    made = acme.client("bedrock", acme.operations).create_inference_profile(
        inferenceProfileName="acme-claude",
        modelSource={"copyFrom": f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}"},
        tags=[{"key": "tenant", "value": "acme"}],
    )
    return str(made["inferenceProfileArn"])


@pytest.fixture
def tracked(profile: str, with_settings: Callable[..., None], permit: Callable[..., None]) -> str:
    """The same, as the settings' only model; the role may use it and not the model directly."""
    model = {"base_model_id": HAIKU, "model": profile, "regions": ["eu-central-1"]}
    with_settings(models={"claude": model})
    profiles = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/*"
    permit(
        {
            "Action": INVOKE,
            "Resource": profiles,
            "Condition": {"StringEquals": {"aws:ResourceTag/tenant": "acme"}},
        },
        {
            "Action": INVOKE,
            "Resource": f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}",
            "Condition": {"ArnLike": {"bedrock:InferenceProfileArn": profiles}},
        },
    )
    return profile


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
        assert ("errorType" in payload) == ("FunctionError" in answer)
        return payload

    def configure(self, *, timeout: int = 30, **members: object) -> None:
        """Change members of TENANT_BEDROCK; the next invocation is in a new environment."""
        self.set_settings(json.dumps({**SETTINGS, "models": ONE_MODEL, **members}), timeout)

    def set_settings(self, value: str, timeout: int = 30) -> None:
        """The same, with a whole value that may be a broken one."""
        variables = {"TENANT_BEDROCK": value, "LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "k"}
        self.tenant.client("lambda").update_function_configuration(
            FunctionName=self.name, Environment={"Variables": variables}, Timeout=timeout
        )

    def kill(self, step: str, skip: int = 0) -> None:
        """SIGKILL when the function reaches ``step``; ``tests/cloud/functions/kills.py`` has them."""
        death = {"account": CUSTOMER, "function": self.name, "at": step, "skip": skip}
        self.tenant.control.post("lambda_kill", death)

    def log(self) -> list[str]:
        """Every line of the function's own log."""
        return self.tenant.messages(LOG)

    def log_of(self, record_id: str) -> list[dict[str, Any]]:
        """The lines about one record."""
        return [json.loads(line) for line in self.log() if record_id in line]

    def book(self) -> Book:
        """The records as a reader finds them, in both log groups, when all faults are over."""
        self.tenant.control.clear_faults()
        book = Book()
        for message in self.tenant.messages(RECORDS):
            book.take(message, "delivered")
        for line in self.log():
            book.take(line, "spilled")
        return book


@pytest.fixture(scope="module")
def deploy(tenant: Acme) -> Callable[..., Function]:
    """Makes functions of the zip, with modules of the test's own added to it."""

    def make(name: str, handler: str, **modules: str) -> Function:
        packed = io.BytesIO(package.build("host", lambda _: None).read_bytes())
        with zipfile.ZipFile(packed, "a") as archive:
            for module, source in modules.items():
                archive.writestr(f"{module}.py", source)
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

    return make


@pytest.fixture(scope="module")
def deployed(deploy: Callable[..., Function]) -> Function:
    """The function as Terraform makes it."""
    return deploy(FUNCTION, "tenant_bedrock.handler.handler")


@pytest.fixture
def function(deployed: Function, tenant: Acme) -> Iterator[Function]:
    """The function, with the usual settings and no faults left behind."""
    deployed.configure()
    yield deployed
    tenant.control.clear_faults()
    tenant.control.post("lambda_spare", {})
