"""What a proof says: as a table, as JSON, and as a certificate to hand on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.isolation import solvers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tools.isolation.example import Counterexample
    from tools.isolation.prover import Outcome, Proof

CLAIMS = (
    "Each role can be assumed by exactly its tenant's execution roles, with its ExternalIds, under its name.",
    "No two tenants share a caller, an ExternalId or a role: no tenant can assume another's role.",
    "Each role may do exactly what its stanza grants, in any service and Region, and nothing if it is not active.",
    "So no role can turn on a log of prompts, start a batch job, or write to any storage.",
    "In each customer account the execution role assumes one role and writes two log groups.",
    "The reader role there reads the records and nothing else, and is assumed by the readers named only.",
    "The key serves CloudWatch Logs for these two groups, and nobody of the operations account.",
    "Nothing in the operations account's plan is of a type that could hold a prompt or an answer.",
)
ASSUMED = (
    "IAM decides as its documentation says; how that was read is in tools/isolation/encode.py.",
    "A caller is an AWS service, or a user, role or federated user whose ARN holds its account of 12 digits.",
    "A request has aws:SourceVpce when it comes through a VPC endpoint, and aws:SourceIp when it does not.",
    "Bedrock sets bedrock:InferenceProfileArn and aws:ResourceTag as documented.",
)
NOT_COVERED = (
    "service and resource control policies, permissions boundaries, session policies: they can only take away",
    "policies of resources outside the plan, such as a bucket that admits a role by itself",
    "what a customer allows others in its own account",
    "AWS's own evaluation, and that Bedrock keeps nothing: AWS's word",
)


@dataclass(frozen=True)
class Report:
    """Every proof of one run."""

    environment: str
    subject: str  # what an apply would leave, or what exists
    proofs: tuple[Proof, ...]
    waiting: tuple[str, ...]  # customer accounts that are not planned, for want of a role
    seconds: float
    made: datetime

    @property
    def holds(self) -> bool:
        """Whether all is proved."""
        return bool(self.proofs) and all(proof.holds for proof in self.proofs)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Of each root: what was claimed, how many times, and how many are proved; faults last."""
        rows = []
        for proof in self.proofs:
            claimed = Counter(outcome.claim.about for outcome in proof.outcomes)
            failed = Counter(outcome.claim.about for outcome in proof.failed)
            for about, count in claimed.items():
                proved = count - failed[about]
                rows.append((proof.case.root, about, f"{count:,}", f"{proved:,}"))
            if proof.faults:
                rows.append((proof.case.root, "faults", f"{len(proof.faults):,}", "0"))
        return rows

    def problems(self) -> list[str]:
        """Every failure in a sentence or, with its counterexample, several lines."""
        return [
            problem
            for proof in self.proofs
            for problem in [
                *(f"{fault.subject}, {fault.about}: {fault.problem}" for fault in proof.faults),
                *(_told(outcome, proof.case.secrets) for outcome in proof.failed),
            ]
        ]

    def counts(self) -> dict[str, int]:
        """How much was proved, and by how much work."""
        return {
            "tenants": len({name for proof in self.proofs for name in proof.case.tenants}),
            "claims": sum(len(proof.outcomes) for proof in self.proofs),
            "distinct": sum(proof.distinct for proof in self.proofs),
            "requests that must be allowed": sum(
                outcome.allowed for proof in self.proofs for outcome in proof.outcomes
            ),
        }

    def data(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "environment": self.environment,
            "subject": self.subject,
            "proved": self.holds,
            "made": self.made.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 2),
            "solvers": solvers.versions(),
            "counts": self.counts(),
            "waiting": list(self.waiting),
            "plans": [_plan(proof) for proof in self.proofs],
            "claims": list(CLAIMS),
            "assumed": list(ASSUMED),
            "not_covered": list(NOT_COVERED),
        }

    def certificate(self) -> str:
        """The report as Markdown."""
        verdict = "Proved" if self.holds else "NOT PROVED"
        versions = ", ".join(f"{name} {version}" for name, version in solvers.versions().items())
        counted = ", ".join(f"{count:,} {what}" for what, count in self.counts().items())
        lines = [
            f"# {verdict}: isolation of the tenants of {self.environment}",
            f"Of {self.subject}. {self.made:%Y-%m-%d %H:%M:%S} UTC, {self.seconds:.1f} s.",
            f"{versions}: each by itself. {counted}.",
            "## For every request there can be",
            *_items(CLAIMS),
            "## Of these plans",
            "| root | SHA-256 of `terraform show -json`, keys sorted |\n|---|---|\n"
            + "\n".join(f"| {proof.case.root} | `{proof.case.digest}` |" for proof in self.proofs),
            "| root | claim | made | proved |\n|---|---|---|---|\n"
            + "\n".join(f"| {' | '.join(row)} |" for row in self.rows()),
        ]
        if problems := self.problems():
            lines += ["## What fails", *(f"```\n{problem}\n```" for problem in problems)]
        lines += ["## Taken as true", *_items(ASSUMED), "## Not covered", *_items(NOT_COVERED)]
        if self.waiting:
            lines += [f"- customer accounts that wait for their role: {', '.join(self.waiting)}"]
        return "\n\n".join(lines) + "\n"


def _items(sentences: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {sentence}" for sentence in sentences)]


def _plan(proof: Proof) -> dict[str, Any]:
    case = proof.case
    return {
        "root": case.root,
        "sha256": case.digest,
        "proved": proof.holds,
        "claims": len(proof.outcomes),
        "faults": [
            {"subject": fault.subject, "about": fault.about, "problem": fault.problem}
            for fault in proof.faults
        ],
        "failed": [
            {
                "subject": outcome.claim.subject,
                "about": outcome.claim.about,
                "problem": outcome.problem,
                "counterexample": outcome.counterexample
                and _example(outcome.counterexample, case.secrets),
            }
            for outcome in proof.failed
        ],
    }


def _example(found: Counterexample, secrets: Mapping[str, str]) -> dict[str, Any]:
    request, who = found.request, found.request.requester
    context = {
        key: "/".join(value) if isinstance(value, tuple) else str(value)
        for key, value in sorted(request.context.items())
        if not key.startswith("aws:principala")  # told by who it is
    }
    return {
        "caller": who.service or who.policy_arn,
        "session": None if who.service or who.arn == who.policy_arn else who.arn,
        "action": request.action,
        "resource": request.resource,
        "context": {key: secrets.get(value, value) for key, value in context.items()},
        "allowed": found.allowed,
        "because": found.reason,
    }


def _told(outcome: Outcome, secrets: Mapping[str, str]) -> str:
    lines = [f"{outcome.claim.subject}, {outcome.claim.about}: {outcome.problem}"]
    if outcome.counterexample:
        shown = _example(outcome.counterexample, secrets)
        context = shown.pop("context")
        verdict = "allowed" if shown.pop("allowed") else "refused"
        because = shown.pop("because")
        told = {**shown, **context}
        lines += [f"  {name:<28} {json.dumps(value)}" for name, value in told.items() if value]
        lines += [f"  {verdict:<28} {because}"]
    return "\n".join(lines)
