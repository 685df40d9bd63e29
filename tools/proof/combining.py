"""Combines the proofs of the parts of an environment, which jobs of a CI workflow make side by side, into one proof.

The folder of the combined proof is as `make prove` of the whole environment would have written it, with every plan
file, so that `make apply PROOF=` takes it. The certificates of the parts are in its folder ``parts``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

from tools.cli.console import out, styled, table, warn
from tools.command_error import CommandError
from tools.isolation.combined_certificate import CombinedReport, PartCertificate
from tools.paths import ROOT
from tools.proof.environment_parts import (
    EnvironmentPart,
    applied_states,
    missing_states,
    unmanaged_accounts,
)
from tools.proof.folder import (
    CERTIFICATE,
    CertifiedPlans,
    new_folder,
    plan_path,
    write_certificate,
)
from tools.proof.provenance import provenance_of
from tools.proof.unchanged_states import count_sentence
from tools.terraform.state import operations_states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.environment.model import Environment
    from tools.proof.signature import SigningKey
    from tools.terraform.state import State

FAILURES_SHOWN = 20  # on the terminal; the certificate lists all of them
# What the certificate of a part has, and the combined one takes from it.
MEMBERS = {
    *("compared", "counts", "environment", "made", "not_covered", "part", "plan_files", "plans"),
    *("proved", "provenance", "seconds", "solvers", "subject", "unchanged", "unread", "waiting"),
}


def combine_proofs(
    environment: Environment, folder: Path, key: SigningKey | None = None
) -> tuple[CombinedReport, Path]:
    """Combine the proofs below ``folder`` and return the report and its certificate.md.

    Raises CommandError unless they are the proofs of all parts of this environment, each state is in exactly one of
    them, and they were made of the same variables, by the same code, and with the same operations plans.
    """
    parts = [_read(folder, file) for file in sorted(folder.rglob(CERTIFICATE))]
    if not parts:
        raise CommandError(
            f"There is no {CERTIFICATE} in {folder}; COMBINE= is the folder with the proofs of all parts."
        )
    missing = missing_states(environment, [_of(part) for part in parts])
    if missing:
        raise CommandError(
            f"No proof in {folder} is about {', '.join(missing)}, so nothing is combined. The job of this part says "
            "why."
        )
    _refuse_differences(parts)
    _refuse_other_operations_plans(environment, parts)
    origins = [part.data["provenance"] for part in parts]
    versions = {version for origin in origins for version in origin["terraform"]}
    report = CombinedReport(
        environment=environment.name,
        parts=tuple(parts),
        provenance=provenance_of(
            environment,
            [{"terraform_version": version} for version in versions],
            {name: version for origin in origins for name, version in origin["providers"].items()},
        ),
        unplanned_accounts=unmanaged_accounts(environment),
        signing_key=key.arn if key else None,
    )
    target = new_folder(environment.name)
    states = {state.key: state for state in applied_states(environment)}
    for part in parts:
        _copy(states, part, target)
    return report, write_certificate(target, report, key)


def _read(folder: Path, file: Path) -> PartCertificate:
    """Read the certificate of a part; CommandError for any other file."""
    try:
        content = file.read_bytes()
        data = json.loads(content)
        is_whole = data["part"] is None
        absent = MEMBERS - data.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{file} is not a certificate: {error!r}.") from None
    if is_whole or absent:
        raise CommandError(
            f"{file} is not the certificate of a part; `make prove` with PART= writes one."
        )
    # An artifact that is the only one is downloaded without a folder of its own.
    name = file.parent.name if file.parent == folder else str(file.parent.relative_to(folder))
    return PartCertificate(file, name, hashlib.sha256(content).hexdigest(), data)


def _of(part: PartCertificate) -> EnvironmentPart:
    origin = part.data["provenance"]
    return EnvironmentPart(
        part.file,
        part.data["environment"],
        origin["tfvars_sha256"],
        origin["code_sha256"],
        part.covered,
    )


def _refuse_differences(parts: Sequence[PartCertificate]) -> None:
    """Raise CommandError if parts are about different things or were made with other versions."""
    seen: dict[str, tuple[str, PartCertificate]] = {}
    for part in parts:
        origin = part.data["provenance"]
        facts = [
            ("subject", part.data["subject"]),
            *((f"version of {name}", value) for name, value in part.data["solvers"].items()),
            *(("version of Terraform", version) for version in origin["terraform"]),
            *((f"version of {name}", value) for name, value in origin["providers"].items()),
        ]
        for name, value in facts:
            other, of = seen.setdefault(name, (value, part))
            if value != other:
                raise CommandError(
                    f"The {name} of {part.file} is {value} and that of {of.file} is {other}; make both again."
                )


def _refuse_other_operations_plans(
    environment: Environment, parts: Sequence[PartCertificate]
) -> None:
    """Raise CommandError if customer accounts were planned with other hand-overs than those of the parts' plans."""
    states = operations_states(environment)
    labels, keys = {state.label for state in states}, {state.key for state in states}
    plans = {
        file["state"]: file["sha256"]
        for part in parts
        for file in part.data["plan_files"]
        if file["state"] in keys
    }
    for part in parts:
        if not labels.issuperset(part.covered) and part.data["part"]["operations"] != plans:
            raise CommandError(
                f"{part.file} was not made with the operations plans of the other parts; make it again, with PROOF= "
                "and the folder of their proof."
            )


def _copy(states: Mapping[str, State], part: PartCertificate, target: Path) -> None:
    """Copy the certificate of a part and its plan files, which must be those that were proved."""
    copy = target / "parts" / part.name
    copy.mkdir(parents=True)
    for name in (CERTIFICATE, "certificate.md"):
        shutil.copy(part.file.with_name(name), copy)
    files = {file["state"]: file for file in part.data["plan_files"]}
    certified = CertifiedPlans(part.file.parent, files)
    for key in files:
        if key not in states:
            raise CommandError(f"{part.file} has a plan of {key}, which is of no account here.")
        file = plan_path(target, states[key])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.parent.chmod(0o700)  # plans hold ExternalIds
        certified.copy(states[key], file)


def show_combined(report: CombinedReport, certificate: Path) -> None:
    """Print the parts, what is not proved, and the verdict."""
    rows = table("part", "states", "result")
    for part in report.parts:
        rows.add_row(part.name, f"{len(part.covered):,}", part.result)
    out.print(rows)
    problems = list(report.problems())
    for problem in problems[:FAILURES_SHOWN]:
        out.print()
        out.print(styled(("✗", "red")), problem)
    if len(problems) > FAILURES_SHOWN:
        out.print(f"\nand {len(problems) - FAILURES_SHOWN:,} more")
    for label in (*report.combined("waiting"), *report.unplanned_accounts):
        warn(f"{label} is not planned, so it is not proved")
    for sentence in report.combined("unread"):
        warn(sentence)
    if unchanged := report.combined("unchanged"):
        warn(count_sentence(unchanged))
    verdict = (report.verdict, "green" if report.holds else "red")
    out.print()
    out.print(styled(verdict, f": {report.summary()}."))
    out.print(f"The certificate is {certificate.relative_to(ROOT)}.")
