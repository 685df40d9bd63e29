"""The functions that the bench compares, deployed for one tenant on a local AWS."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.bench import local_tenant
from tools.command_error import CommandError
from tools.localaws.background import temporary_local_aws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tools.bench.local_tenant import LocalTenant

SETTINGS = {**local_tenant.SETTINGS, "models": local_tenant.ONE_MODEL}
TIMEOUT = 300  # seconds; a row of streams takes long on a busy machine


@dataclass(frozen=True)
class Invocation:
    """One invocation as Lambda reports it.

    ``duration`` and ``init`` are milliseconds; ``init`` is None unless it was a cold start. ``memory``
    is the most that the execution environment has used, in MB.
    """

    answer: dict[str, Any]
    duration: float
    memory: int
    init: float | None


class Lab:
    """Invokes the functions, each of which has the name of its variant."""

    def __init__(self, tenant: LocalTenant, zips: Mapping[str, Path]) -> None:
        self.control = tenant.control
        self._cold_starts = 0
        self._lambda = tenant.invoker
        for name, path in zips.items():
            tenant.create_function(name, "entry.handler", path.read_bytes())
            self.renew(name)
        # LangChain's usual handler looks for its log stream before each record.
        tenant.client("iam").put_role_policy(
            RoleName=local_tenant.EXECUTION_ARN.rpartition("/")[2],
            PolicyName="usual",
            PolicyDocument=local_tenant.policy(
                {"Action": "logs:DescribeLogStreams", "Resource": "*"}
            ),
        )

    def invoke(self, name: str, event: dict[str, Any]) -> Invocation:
        """Invoke a function and wait for its answer.

        Raises:
            CommandError: The function failed.
        """
        response = self._lambda.invoke(
            FunctionName=name, LogType="Tail", Payload=json.dumps(event).encode()
        )
        payload = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            raise CommandError(f"The {name} handler failed: {payload['errorMessage']}")
        metrics = _report(base64.b64decode(response["LogResult"]).decode())
        return Invocation(
            payload,
            metrics["durationMs"],
            metrics["maxMemoryUsedMB"],
            metrics.get("initDurationMs"),
        )

    def renew(self, name: str) -> None:
        """Change the function's variables, so that its next invocation is a cold start."""
        self._cold_starts += 1
        cold_start = str(self._cold_starts)
        variables = {"TENANT_BEDROCK": json.dumps(SETTINGS), "COLD_START": cold_start}
        self._lambda.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}, Timeout=TIMEOUT
        )


@contextmanager
def lab(zips: Mapping[str, Path]) -> Iterator[Lab]:
    """Yield a lab with a function for each zip, on a local AWS that stops afterwards."""
    with temporary_local_aws() as control_url:
        yield Lab(local_tenant.create(control_url), zips)


def _report(tail: str) -> dict[str, Any]:
    """Return the metrics in an invocation's ``platform.report``."""
    for line in reversed(tail.splitlines()):
        if '"platform.report"' in line:
            metrics: dict[str, Any] = json.loads(line)["record"]["metrics"]
            return metrics
    raise CommandError("The local AWS did not write the platform.report of an invocation.")
