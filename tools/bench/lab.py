"""A local AWS in a process of its own, with one tenant and the functions that are compared."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tools.errors import CommandError
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.bench.zips import Zip
    from tools.localaws.control import Control

OPERATIONS, CUSTOMER = "111111111111", "222222222222"
REGION = "eu-central-1"
MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
RECORDS = "/bedrock/bench/acme/records"
ROLE = f"arn:aws:iam::{OPERATIONS}:role/bedrock-bench-acme"
EXECUTION = f"arn:aws:iam::{CUSTOMER}:role/bedrock-bench-acme-execution"
TOLD = {
    "environment": "bench",
    "external_id": "5f0c9b1e7a3d4c62b8e9d0f1a2b3c4d5",
    "models": {"claude": {"model": MODEL, "regions": [REGION]}},
    "record_log_group": RECORDS,
    "role_arn": ROLE,
    "tenant": "acme",
}
MEMORY = 1024
LOGGING = {  # as modules/customer-workload sets it
    "ApplicationLogLevel": "INFO",
    "LogFormat": "JSON",
    "LogGroup": "/aws/lambda/bench",
    "SystemLogLevel": "INFO",
}


@dataclass(frozen=True)
class Run:
    """One invocation as Lambda reports it: milliseconds, and MB at most so far."""

    answer: dict[str, Any]
    duration: float
    memory: int
    init: float | None


class Lab:
    """Runs the functions; each is named for its zip."""

    def __init__(self, url: str, control: Control) -> None:
        self.control = control
        self._url = url
        self._turn = 0
        self._customer = self._session(CUSTOMER)
        self._set_up(self._session(OPERATIONS))
        self._lambda = self._client(self._customer, "lambda")

    def deploy(self, zips: Sequence[Zip]) -> None:
        """Make a function of each zip."""
        for one in zips:
            self._lambda.create_function(
                FunctionName=one.name,
                Code={"ZipFile": one.path.read_bytes()},
                Environment={"Variables": {"TENANT_BEDROCK": json.dumps(TOLD)}},
                Handler=one.handler,
                LoggingConfig=LOGGING,
                MemorySize=MEMORY,
                Role=EXECUTION,
                Runtime="python3.13",
                Timeout=300,
            )

    def invoke(self, name: str, event: dict[str, Any]) -> Run:
        """One invocation; CommandError when it fails."""
        answer = self._lambda.invoke(
            FunctionName=name, LogType="Tail", Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise CommandError(f"The {name} handler failed: {payload['errorMessage']}")
        metrics = _report(base64.b64decode(answer["LogResult"]).decode())
        return Run(
            payload,
            metrics["durationMs"],
            metrics["maxMemoryUsedMB"],
            metrics.get("initDurationMs"),
        )

    def renew(self, name: str) -> None:
        """New variables: the function's next invocation is a cold start."""
        self._turn += 1
        variables = {"TENANT_BEDROCK": json.dumps(TOLD), "TURN": str(self._turn)}
        self._lambda.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )

    def _set_up(self, operations: boto3.Session) -> None:
        iam = self._client(operations, "iam")
        condition = {"StringEquals": {"sts:ExternalId": TOLD["external_id"]}}
        trust = {
            "Principal": {"AWS": EXECUTION.replace("role/bedrock-bench-acme-execution", "root")}
        }
        self._role(iam, ROLE, {**trust, "Condition": condition}, "bedrock:*")
        iam = self._client(self._customer, "iam")
        lambdas = {"Principal": {"Service": "lambda.amazonaws.com"}}
        self._role(iam, EXECUTION, lambdas, "sts:AssumeRole", "logs:*")
        logs = self._client(self._customer, "logs")
        for group in (RECORDS, "/aws/lambda/bench"):
            logs.create_log_group(logGroupName=group)

    def _role(self, iam: Any, arn: str, trust: dict[str, Any], *actions: str) -> None:  # noqa: ANN401 - boto3's client
        name = arn.rpartition("/")[2]
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=_policy({"Action": "sts:AssumeRole", **trust}),
        )
        iam.put_role_policy(
            RoleName=name,
            PolicyName="bench",
            PolicyDocument=_policy({"Action": list(actions), "Resource": "*"}),
        )

    def _session(self, account: str) -> boto3.Session:
        keys = self.control.account(account)
        return boto3.Session(keys.access_key_id, keys.secret_access_key, region_name=REGION)

    def _client(self, session: boto3.Session, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        config = Config(
            read_timeout=600, max_pool_connections=50, retries={"total_max_attempts": 1}
        )
        return session.client(service, endpoint_url=self._url, config=config)  # type: ignore[call-overload]


@contextmanager
def lab(zips: Sequence[Zip]) -> Iterator[Lab]:
    """A lab with a function of each zip."""
    from tools.localaws.control import Control  # noqa: PLC0415 - only the bench needs it here

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = Path(folder, "cloud.json")
        cloud = subprocess.Popen(
            [sys.executable, "-m", "tools.localaws", "serve", "--state", state], cwd=ROOT
        )
        try:
            while not state.is_file():
                if cloud.poll() is not None:
                    raise CommandError("The local cloud did not start.")
                time.sleep(0.05)
            url = json.loads(state.read_text())["url"]
            running = Lab(url, Control(url))
            running.deploy(zips)
            yield running
        finally:
            cloud.terminate()
            cloud.wait()


def _report(tail: str) -> dict[str, Any]:
    """The metrics of an invocation's ``platform.report``."""
    for line in reversed(tail.splitlines()):
        if '"platform.report"' in line:
            metrics: dict[str, Any] = json.loads(line)["record"]["metrics"]
            return metrics
    raise CommandError("The local cloud's log does not report the invocation as Lambda does.")


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
