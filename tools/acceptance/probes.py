"""Temporary roles in the operations account that may do what the tenant's role may, or a part of it.

A probe carries the policy that AWS has for the tenant's role, so it shows what that policy grants without a change of
the role itself. Only the caller of the command may assume it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.acceptance.sandbox import ACCESS_DENIED, ROLE_PATH, Refusal
from tools.acceptance.streams import StreamEvents, read_stream
from tools.acceptance.waiting import Delay, NeverError, wait_for
from tools.command_error import CommandError
from tools.live.tenant_calls import assume
from tools.tenants.stanza_state import LONGEST_WAIT, PAUSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3

    from tools.acceptance.sandbox import Sandbox

POLICY = "probe"


class NeverAssumedError(NeverError):
    """A new role could not be assumed."""


class NeverAnsweredError(NeverError):
    """No model answered a new role that has the tenant's grants."""


@dataclass(frozen=True)
class Probe:
    """A probe that can be assumed; ``put_at`` is the time of the clock at which it got its policy."""

    name: str
    session: boto3.Session
    put_at: float
    assumable: Delay[boto3.Session]


@dataclass(frozen=True)
class ProjectProbes:
    """A probe with all grants and one without those of a project.

    ``effective`` is how long the first one's grants took. The other's calls were refused for longer, or answered.
    """

    granted: Probe
    effective: Delay[dict[str, Any]]
    streamed: StreamEvents
    refused: Refusal | None
    refused_stream: Refusal | None


def make_role(
    sandbox: Sandbox, purpose: str, statements: Sequence[dict[str, Any]]
) -> tuple[str, str, float]:
    """Make a role with these statements that the command's caller may assume; return name, ARN and time."""
    iam = sandbox.client("iam")
    caller = sandbox.client("sts").get_caller_identity()["Arn"]
    trust = {"Sid": "OnlyWhoRunsTheAcceptance", "Effect": "Allow", "Action": "sts:AssumeRole"}
    boundary = sandbox.environment.variables.get("operations", {}).get("permissions_boundary")
    name = sandbox.name(purpose)
    role = iam.create_role(
        RoleName=name,
        Path=ROLE_PATH,
        Description="Temporary, of `make acceptance`; may be deleted.",
        AssumeRolePolicyDocument=_document([{**trust, "Principal": {"AWS": caller}}]),
        **({"PermissionsBoundary": boundary} if boundary else {}),
    )["Role"]
    iam.put_role_policy(RoleName=name, PolicyName=POLICY, PolicyDocument=_document(statements))
    return name, role["Arn"], sandbox.clock.now()


def assume_probe(sandbox: Sandbox, role: tuple[str, str, float]) -> Probe:
    """Assume a role that was just made, as soon as IAM knows it; NeverAssumedError if it never does."""
    name, arn, put_at = role

    def attempt() -> boto3.Session | None:
        try:
            return assume(sandbox.target, sandbox.target.operations(), arn, "acceptance", None)
        except ClientError as error:
            if error.response["Error"]["Code"] in ACCESS_DENIED:
                return None
            raise

    delay = wait_for(attempt, sandbox.clock, longest=LONGEST_WAIT, pause=PAUSE, since=put_at)
    if delay.value is None:
        raise NeverAssumedError(f"The role {name} could not be assumed within {LONGEST_WAIT} s.")
    return Probe(name, delay.value, put_at, delay)


def answered(sandbox: Sandbox, probe: Probe, model: str | None = None) -> dict[str, Any] | None:
    """Return a model's answer to a probe, or None while it is denied."""
    answers: list[dict[str, Any]] = []
    refusal = sandbox.refusal(lambda: answers.append(sandbox.converse(probe.session, model=model)))
    return None if refusal else answers[0]


def project_probes(sandbox: Sandbox) -> ProjectProbes:
    """Make both probes at the same time, and call Converse and ConverseStream as each of them.

    IAM's changes take effect with a delay. So a refusal counts only if it lasts four times as long as the same
    grants, with the project's, took to have an effect. Raises NeverError if these have none.
    """
    statements = sandbox.own_policy()["Statement"]
    without = [part for part in map(_without_projects, statements) if part["Resource"]]
    if without == statements:
        raise CommandError(
            "The tenant's role has no grant of a project, so nothing can be compared."
        )
    roles = [
        make_role(sandbox, purpose, items)
        for purpose, items in (("with", statements), ("without", without))
    ]
    granted, bare = (assume_probe(sandbox, role) for role in roles)
    effective = wait_for(
        lambda: answered(sandbox, granted),
        sandbox.clock,
        longest=LONGEST_WAIT,
        pause=PAUSE,
        since=granted.put_at,
    )
    if effective.value is None:
        raise NeverAnsweredError(
            f"A role with the grants of the tenant's role was refused for {LONGEST_WAIT} s."
        )
    wait_for(
        lambda: answered(sandbox, bare),
        sandbox.clock,
        longest=4 * effective.seconds + 1,
        pause=PAUSE,
        since=bare.put_at,
    )
    return ProjectProbes(
        granted=granted,
        effective=effective,
        streamed=read_stream(sandbox, granted.session),
        refused=sandbox.refusal(lambda: sandbox.converse(bare.session)),
        refused_stream=sandbox.refusal(lambda: read_stream(sandbox, bare.session)),
    )


def _without_projects(statement: dict[str, Any]) -> dict[str, Any]:
    resources = statement["Resource"]
    names = [resources] if isinstance(resources, str) else list(resources)
    kept = [name for name in names if ":project/" not in name]
    return statement if kept == names else {**statement, "Resource": kept}


def _document(statements: Sequence[dict[str, Any]]) -> str:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return json.dumps(document, separators=(",", ":"))
