"""Report a proof as a table, as JSON, and as a certificate in Markdown."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tools.isolation import solvers
from tools.isolation.properties import ASSUMPTIONS, NOT_COVERED, PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tools.isolation.examples import Counterexample
    from tools.isolation.prover import Outcome, Proof

PLANNED, EXISTING = "the planned resources", "the existing resources"  # what a proof is about

# A property's sentence, and the code to read for it.
CLAIMS = tuple(f"{item.name}: {item.statement} ({', '.join(item.sources)})" for item in PROPERTIES)


@dataclass(frozen=True)
class Provenance:
    """Where the plans of a proof come from."""

    commit: str | None  # None outside a git repository
    is_modified: bool | None  # whether files differ from the commit
    tfvars_sha256: str | None  # None for plans that exist already as JSON
    code_sha256: str  # of the files that plan and prove
    terraform: tuple[str, ...]  # versions; more than one if plans were made with several
    providers: Mapping[str, str]  # versions by address; empty for plans that exist already as JSON


@dataclass(frozen=True)
class PlanFile:
    """A saved plan, with the hashes that an apply of it checks; each is a SHA-256 in hexadecimal digits."""

    state: str  # the key of the Terraform state
    tenant: str | None  # whose resources alone the plan is about; None for those of every tenant
    changes: str  # how many resources it adds, changes and destroys
    sha256: str  # of the plan file
    json_sha256: str  # of what `terraform show -json` prints, with sorted keys and without spaces
    zips: Mapping[str, str]  # the SHA-256 of each zip that is uploaded, by its path from the root
    handover_sha256: str | None  # of the tenant's hand-over, as JSON with sorted keys
    # Of everything that a customer account was planned with, and the ETag of the state in which it was planned.
    inputs_sha256: str | None = None
    state_etag: str | None = None


@dataclass(frozen=True)
class Part:
    """What the proof of one part of an environment says of itself, so that the parts can be combined."""

    covered: tuple[str, ...]  # the labels of its states, without those that failed
    operations: Mapping[
        str, str
    ]  # the plans that its accounts were planned with: SHA-256 by the state's key


@dataclass(frozen=True)
class Report:
    """The proofs of one run."""

    environment: str
    scope: str  # the planned or the existing resources
    proofs: tuple[Proof, ...]
    unplanned_accounts: tuple[str, ...]  # customer accounts without a plan, and why
    seconds: float
    time: datetime
    provenance: Provenance | None = None  # None for what does not come from plans
    plan_files: tuple[PlanFile, ...] = ()  # what `make apply` takes; none for existing resources
    signing_key: str | None = None  # the ARN of the KMS key that signs the certificate
    unread: tuple[str, ...] = ()  # sentences about what exists and could not be read
    not_read: tuple[str, ...] = ()  # sentences about what no reading of AWS asks for
    unchanged: tuple[str, ...] = ()  # accounts and shards that are as they were applied, unplanned
    # How many identities of each kind were compared among environments, and how many of them are shared wrongly.
    compared: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    part: Part | None = None  # None for a proof of the whole environment

    @property
    def holds(self) -> bool:
        """Whether there are proofs, all of them hold, and everything was read.

        There may be nothing to prove in a part, whose states may be as they were applied or named as not planned, and
        in an environment of which every shard is as it was applied.
        """
        has_proofs = bool(self.proofs) or self.part is not None or bool(self.unchanged)
        return has_proofs and all(proof.holds for proof in self.proofs) and not self.unread

    @property
    def verdict(self) -> str:
        """The result in words; without a failure, a part that was not read keeps it from "Proved"."""
        if self.holds:
            return "Proved" if self.proofs else "Nothing to prove"
        in_part = self.unread and self.proofs and not self.problems()
        return "Proved in part" if in_part else "Not proved"

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the root, the topic, the number of claims and how many are proved; faults come last."""
        rows = [
            ("all environments", kind, f"{total:,}", f"{total - shared:,}")
            for kind, (total, shared) in self.compared.items()
        ]
        for proof in self.proofs:
            totals = Counter(outcome.claim.topic for outcome in proof.outcomes)
            failures = Counter(outcome.claim.topic for outcome in proof.failures)
            for topic, total in totals.items():
                proved = total - failures[topic]
                rows.append((proof.case.root, topic, f"{total:,}", f"{proved:,}"))
            if proof.case.faults:
                rows.append((proof.case.root, "faults", f"{len(proof.case.faults):,}", "0"))
        return rows

    def problems(self) -> list[str]:
        """Return a sentence about each failure, with the lines of its counterexample if it has one."""
        problems = []
        for proof in self.proofs:
            problems += [
                f"{fault.subject}, {fault.topic}: {fault.problem}" for fault in proof.case.faults
            ]
            problems += [_problem(outcome, proof.case.secrets) for outcome in proof.failures]
        return problems

    def counts(self) -> dict[str, int]:
        """Return the numbers of tenants, of claims, and of requests confirmed as allowed."""
        return {
            "tenants": len({name for proof in self.proofs for name in proof.case.tenants}),
            "claims": sum(len(proof.outcomes) for proof in self.proofs),
            "distinct": sum(proof.distinct_claims for proof in self.proofs),
            "requests that must be allowed": sum(
                outcome.allowed for proof in self.proofs for outcome in proof.outcomes
            ),
        }

    def summary(self) -> str:
        """Return the counts in words."""
        tenants, claims, distinct, allowed = self.counts().values()
        subjects = f"{tenants:,} tenant{'' if tenants == 1 else 's'}"
        if self.compared:
            kinds = ", ".join(f"{total:,} {kind}s" for kind, (total, _) in self.compared.items())
            return f"{kinds} of {subjects} compared"
        witnesses = f"{allowed:,} requests confirmed as allowed"
        return f"{claims:,} claims ({distinct:,} distinct) about {subjects} and {witnesses}"

    def data(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            "environment": self.environment,
            "subject": self.scope,
            "proved": self.holds,
            "made": self.time.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 2),
            "solvers": solvers.versions(),
            "provenance": self.provenance and asdict(self.provenance),
            "plan_files": [asdict(file) for file in self.plan_files],
            "signing_key": self.signing_key,
            "counts": self.counts(),
            "part": self.part and asdict(self.part),
            "waiting": list(self.unplanned_accounts),
            "unchanged": list(self.unchanged),
            "compared": {
                kind: {"compared": total, "shared": shared}
                for kind, (total, shared) in self.compared.items()
            },
            "plans": [_plan_data(proof) for proof in self.proofs],
            "claims": list(CLAIMS),
            "assumed": list(ASSUMPTIONS),
            "unread": list(self.unread),
            "not_covered": [*NOT_COVERED, *self.not_read],
        }

    def certificate(self) -> str:
        """Return the report as Markdown."""
        verdict = self.verdict.replace("Not proved", "NOT PROVED")
        versions = " and ".join(f"{name} {version}" for name, version in solvers.versions().items())
        digests = (f"{proof.case.root} | `{proof.case.digest}`" for proof in self.proofs)
        not_covered = [*self.unread, *NOT_COVERED, *self.not_read]
        if self.unplanned_accounts:
            accounts = ", ".join(self.unplanned_accounts)
            not_covered.append(f"Customer accounts that were not planned: {accounts}.")
        if self.unchanged:
            states = ", ".join(self.unchanged)
            not_covered.append(
                "Accounts and shards that were not planned, because their code, variables, hand-over and zip are "
                f"those of their last apply, after which what existed was proved: {states}."
            )
        if self.part is not None:
            states = ", ".join(self.part.covered) or "none"
            not_covered.append(f"Every state of the environment but those of this part: {states}.")
        place = "a part of the environment" if self.part is not None else "the environment"
        sections = [
            f"# {verdict}: tenant isolation in {place} {self.environment}",
            f"This proof covers {self.scope}: {self.summary()}.",
            f"A claim is proved only if {versions} each find that no request violates it.",
            f"Started on {self.time:%Y-%m-%d at %H:%M:%S} UTC; finished after {self.seconds:.1f} s.",
            "## Properties",
            bullets(CLAIMS),
            "## Origin",
            markdown_table("What | Value", origin(self.provenance, self.signing_key)),
            "## Plans",
            markdown_table(
                "Root | SHA-256 of `terraform show -json`, keys sorted, no spaces, of AWS's answers, or of the file",
                digests,
            ),
            *plan_file_table(asdict(file) for file in self.plan_files),
            "## Results",
            markdown_table("Root | Topic | Claims | Proved", map(" | ".join, self.rows())),
        ]
        if problems := self.problems():
            sections += ["## Failures", *(f"```\n{problem}\n```" for problem in problems)]
        sections += ["## Assumptions", bullets(ASSUMPTIONS)]
        sections += ["## Not covered", bullets(not_covered)]
        return "\n\n".join(sections) + "\n"


def plan_file_table(plan_files: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the table of the plan files and zips with the hashes that an apply checks, or no table without files."""
    rows, zips = [], set()
    for file in plan_files:
        rows.append(f"{file['state']} | {file['changes']} | `{file['sha256']}`")
        zips |= {*file["zips"].items()}
    rows += [
        f"{path.rpartition('/')[2]} | is uploaded | `{digest}`" for path, digest in sorted(zips)
    ]
    return [markdown_table("Plan of, or zip | Changes | SHA-256 of the file", rows)] if rows else []


def origin(provenance: Provenance | None, signing_key: str | None) -> list[str]:
    """Return the rows of the table that says what the plans were made from."""
    if provenance is None:
        return []
    modified = ", with uncommitted changes" if provenance.is_modified else ""
    tfvars = (
        f"`{provenance.tfvars_sha256}`"
        if provenance.tfvars_sha256
        else "unknown, because the plans were made elsewhere"
    )
    commit = f"`{provenance.commit}`{modified}" if provenance.commit else "not a git repository"
    return [
        f"commit | {commit}",
        f"SHA-256 of terraform.tfvars and tenants' files | {tfvars}",
        f"SHA-256 of the code | `{provenance.code_sha256}`",
        f"Terraform | {', '.join(provenance.terraform)}",
        *(f"provider {name} | {version}" for name, version in provenance.providers.items()),
        f"signed with | {signing_key or 'not signed'}",
    ]


def bullets(sentences: Sequence[str]) -> str:
    """Return sentences as a Markdown list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def markdown_table(header: str, rows: Iterable[str]) -> str:
    """Return a Markdown table, whose header and rows have ``|`` between their cells."""
    rule = re.sub("[^|]+", " --- ", header).strip()
    return "\n".join(f"| {row} |" for row in (header, rule, *rows))


def _plan_data(proof: Proof) -> dict[str, Any]:
    case = proof.case
    return {
        "root": case.root,
        "sha256": case.digest,
        "proved": proof.holds,
        "claims": len(proof.outcomes),
        "faults": [
            {"subject": fault.subject, "about": fault.topic, "problem": fault.problem}
            for fault in proof.case.faults
        ],
        "failed": [
            {
                "subject": outcome.claim.subject,
                "about": outcome.claim.topic,
                "problem": outcome.problem,
                "counterexample": outcome.counterexample
                and example_data(outcome.counterexample, case.secrets),
            }
            for outcome in proof.failures
        ],
    }


def example_data(example: Counterexample, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return a counterexample for machines; ``secrets`` has the text to print in place of each ExternalId."""
    request, requester = example.request, example.request.requester
    context = {
        key: "/".join(value) if isinstance(value, tuple) else str(value)
        for key, value in sorted(request.context.items())
        if not key.startswith("aws:principala")  # part of the caller
    }
    is_session = not requester.service and requester.arn != requester.policy_arn
    return {
        "caller": requester.service or requester.policy_arn,
        "session": requester.arn if is_session else None,
        "action": request.action,
        "resource": request.resource,
        "context": {key: secrets.get(value, value) for key, value in context.items()},
        "allowed": example.allowed,
        "because": example.reason,
    }


def _problem(outcome: Outcome, secrets: Mapping[str, str]) -> str:
    lines = [f"{outcome.claim.subject}, {outcome.claim.topic}: {outcome.problem}"]
    if outcome.counterexample:
        data = example_data(outcome.counterexample, secrets)
        fields = {name: data[name] for name in ("caller", "session", "action", "resource")}
        fields |= data["context"]
        lines += [f"  {name:<28} {json.dumps(value)}" for name, value in fields.items() if value]
        verdict = "allowed because" if data["allowed"] else "refused because"
        lines += [f"  {verdict:<28} {data['because']}"]
    return "\n".join(lines)
