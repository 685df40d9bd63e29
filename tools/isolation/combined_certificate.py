"""Reports the proofs of all parts of an environment as one: as JSON, and as a certificate in Markdown.

Every plan is proved by itself, and compared with the stanzas of all tenants. So the claims of the parts together are
the claims of a proof that one command makes of the whole environment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tools.isolation.certificate import (
    CLAIMS,
    Provenance,
    bullets,
    markdown_table,
    origin,
    plan_file_table,
)
from tools.isolation.properties import ASSUMPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class PartCertificate:
    """The certificate of one part."""

    file: Path  # certificate.json
    name: str  # of its folder
    sha256: str  # of certificate.json
    data: Mapping[str, Any]  # what certificate.json has

    @property
    def covered(self) -> tuple[str, ...]:
        """The labels of the states of the part."""
        return tuple(self.data["part"]["covered"])

    @property
    def result(self) -> str:
        """The result in words."""
        if not self.data["proved"]:
            return "not proved"
        return "proved" if self.data["plans"] else "nothing to prove"


@dataclass(frozen=True)
class CombinedReport:
    """The certificates of all parts of an environment, each state of which is in exactly one of them."""

    environment: str
    parts: tuple[PartCertificate, ...]
    provenance: Provenance
    unplanned_accounts: tuple[str, ...]  # those that no part is about, and why
    signing_key: str | None = None  # the ARN of the KMS key that signs the certificate

    @property
    def holds(self) -> bool:
        """Whether every part is proved."""
        return bool(self.parts) and all(part.data["proved"] for part in self.parts)

    @property
    def verdict(self) -> str:
        """The result in words, as a proof of the whole environment has it."""
        plans = self.combined("plans")
        if self.holds:
            return "Proved" if plans else "Nothing to prove"
        in_part = plans and all(plan["proved"] for plan in plans)
        return "Proved in part" if in_part else "Not proved"

    def combined(self, name: str) -> list[Any]:
        """Return the items that the lists of this name have in the certificates, in order."""
        return [item for part in self.parts for item in part.data[name]]

    def counts(self) -> dict[str, int]:
        """Return the numbers of tenants, of claims, and of requests confirmed as allowed."""
        counts: Counter[str] = Counter()
        for part in self.parts:
            counts.update(part.data["counts"])
        # The part of the operations account is about every tenant.
        tenants = max((part.data["counts"]["tenants"] for part in self.parts), default=0)
        return {**counts, "tenants": tenants}

    def summary(self) -> str:
        """Return the counts in words."""
        counts, states = self.counts(), sum(len(part.covered) for part in self.parts)
        return (
            f"{counts['claims']:,} claims about {counts['tenants']:,} tenants, in {states:,} states of "
            f"{len(self.parts):,} parts"
        )

    def problems(self) -> Iterator[str]:
        """Yield a sentence about each failure; the certificate of its part has the counterexample."""
        for plan in self.combined("plans"):
            for item in (*plan["faults"], *plan["failed"]):
                yield f"{item['subject']}, {item['about']}: {item['problem']}"

    def data(self) -> dict[str, Any]:
        """Return the report for machines, with what the certificate of a whole environment has."""
        first = self.parts[0].data
        return {
            **{name: first[name] for name in ("environment", "subject", "compared")},
            "proved": self.holds,
            "made": min((part.data["made"] for part in self.parts), key=datetime.fromisoformat),
            "seconds": round(sum(part.data["seconds"] for part in self.parts), 2),
            "solvers": first["solvers"],
            "provenance": asdict(self.provenance),
            "plan_files": self.combined("plan_files"),
            "signing_key": self.signing_key,
            "counts": self.counts(),
            "part": None,
            "parts": [
                {"name": part.name, "sha256": part.sha256, **part.data["part"]}
                for part in self.parts
            ],
            "waiting": [*self.combined("waiting"), *self.unplanned_accounts],
            "unchanged": self.combined("unchanged"),
            "plans": self.combined("plans"),
            "claims": list(CLAIMS),
            "assumed": list(ASSUMPTIONS),
            "unread": self.combined("unread"),
            "not_covered": list(dict.fromkeys(self.combined("not_covered"))),
        }

    def certificate(self) -> str:
        """Return the report as Markdown; what each part proved in detail is in the part's own certificate."""
        data = self.data()
        not_covered = [*data["unread"], *data["not_covered"]]
        if data["waiting"]:
            accounts = ", ".join(data["waiting"])
            not_covered.append(f"Customer accounts that were not planned: {accounts}.")
        if data["unchanged"]:
            states = ", ".join(data["unchanged"])
            not_covered.append(f"Accounts and shards that are as they were applied: {states}.")
        results = (
            f"{part.name} | {len(part.covered):,} | {part.result} | `{part.sha256}`"
            for part in self.parts
        )
        verdict = self.verdict.replace("Not proved", "NOT PROVED")
        origins = markdown_table("What | Value", origin(self.provenance, self.signing_key))
        scope = (
            f"This proof covers {data['subject']}: {self.summary()}. It combines the proofs of these parts, each of "
            "which has a certificate of its own in `parts`. Each state of the environment is in exactly one of them."
        )
        sections = [
            f"# {verdict}: tenant isolation in the environment {self.environment}",
            scope,
            f"The first part was started at {data['made']}.",
            "## Parts",
            markdown_table("Part | States | Result | SHA-256 of its certificate.json", results),
            "## Properties",
            bullets(CLAIMS),
            "## Origin",
            origins,
            *plan_file_table(data["plan_files"]),
        ]
        if problems := list(self.problems()):
            sections += ["## Failures", bullets(problems)]
        sections += ["## Assumptions", bullets(ASSUMPTIONS)]
        sections += ["## Not covered", bullets(not_covered)]
        return "\n\n".join(sections) + "\n"
