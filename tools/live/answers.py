"""One question to AWS: its answer, a resource that does not exist, or a part that cannot be read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operations_guard.aws_reader import AwsReader, NotReadError
from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.external_ids import external_ids_in
from tools.iam.policy import Kind, parse_policy
from tools.isolation.claims import Claim
from tools.isolation.plan_fault import Fault
from tools.isolation.plan_reader import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    import boto3

    from tools.cli.targets import Target
    from tools.isolation.predicate import Predicate


@dataclass(frozen=True)
class Unread:
    """A part of an account that could not be read, so nothing is proved about it."""

    subject: str
    part: str
    reason: str

    @property
    def sentence(self) -> str:
        """The part and the reason, for the certificate."""
        return f"{self.subject}: {self.part} could not be read: {self.reason}"


Finding = Claim | Fault | Unread


@dataclass(frozen=True)
class AccountReader:
    """Asks questions in one account, and keeps the answers' hash."""

    subject: str  # the operations account, or the tenant and its account
    aws: AwsReader
    _answers: list[str] = field(default_factory=list)
    external_ids: set[str] = field(default_factory=set)  # those in the answers so far

    def ask(
        self,
        service: str,
        operation: str,
        *,
        missing: Collection[str] = (),
        region: str | None = None,
        **parameters: Any,  # noqa: ANN401 - botocore checks an operation's parameters
    ) -> dict[str, Any] | None:
        """Return AWS's whole answer, or None if the error code is one of ``missing``.

        Raises NotReadError if AWS denies the call, does not support it or cannot be reached.
        """
        answer = self.aws.ask(service, operation, missing=missing, region=region, **parameters)
        question = f"{service}:{operation} in {region or self.aws.region}"
        self.external_ids.update(external_ids_in(answer))
        self._answers.append(
            json.dumps([question, parameters, answer], sort_keys=True, default=str)
        )
        return answer

    def findings(
        self, checks: Iterable[tuple[str, Callable[[], Iterator[Finding]]]]
    ) -> Iterator[Finding]:
        """Yield what each named check finds, or that its part could not be read.

        What Terraform's code makes of a part that is not applied yet may be unknown, which is a fault.
        """
        for part, check in checks:
            try:
                yield from check()
            except NotReadError as error:
                yield Unread(self.subject, part, str(error))
            except PlanError as error:
                yield Fault(self.subject, part, f"{error}; apply the plan first")

    def fault(self, topic: str, problem: str) -> Fault:
        """Return a fault in this account."""
        return Fault(self.subject, topic, problem)

    def digest(self) -> str:
        """Return the SHA-256 of all answers so far, sorted."""
        return hashlib.sha256("\n".join(sorted(self._answers)).encode()).hexdigest()


def clients_of(target: Target) -> Callable[[boto3.Session, str, str], Any]:
    """Return what makes the clients of an AccountReader, which repeat a request that is throttled."""

    def connect(session: boto3.Session, service: str, region: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        return target.client(session, service, region, retries={"mode": "standard"})

    return connect


def claim(
    subject: str,
    topic: str,
    kind: Kind,
    documents: Mapping[str, str | Mapping[str, Any]],
    specification: Predicate,
    *,
    role_arn: str = "",
) -> Claim | Fault:
    """Return the claim that policies allow exactly a specification, or a fault if one cannot be parsed."""
    try:
        policies = tuple(parse_policy(text, name, kind) for name, text in documents.items())
    except UnsupportedPolicyError as error:
        return Fault(subject, topic, str(error))
    return Claim(subject, topic, policies, specification, role_arn)
