"""Combines the proofs of the parts of an environment, which jobs of a CI workflow make side by side, into one proof.

The folder of the combined proof is as `make prove` of the whole environment would have written it, with every plan
file, so that `make apply PROOF=` takes it. The certificates of the parts are in its folder ``parts``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING

from tools.cli.console import out, styled, table, warn
from tools.command_error import CommandError
from tools.isolation.certificate import PLANNED
from tools.isolation.combined_certificate import CombinedReport, PartCertificate
from tools.paths import ROOT
from tools.proof.certificate_form import wrong_members
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
    states = {state.key: state for state in applied_states(environment)}
    for part in parts:
        _refuse_contradictions(states, part)
    _refuse_same_names(folder, parts)
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
    for part in parts:
        _copy(states, part, target)
    return report, write_certificate(target, report, key)


def _read(folder: Path, file: Path) -> PartCertificate:
    """Read the certificate of a part; CommandError for any other file."""
    try:
        content = file.read_bytes()
        data = json.loads(content)
        is_whole = data["part"] is None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CommandError(f"{file} is not a certificate: {error!r}.") from None
    if is_whole:
        raise CommandError(
            f"{file} is not the certificate of a part; `make prove` with PART= writes one."
        )
    if wrong := wrong_members(data):
        raise CommandError(
            f"{file} is not a certificate as `make prove` writes it: {', '.join(wrong)}; make it again."
        )
    # An artifact that is the only one is downloaded without a folder of its own.
    place = file.parent.relative_to(folder)
    name = str(place) if place.name else folder.resolve().name
    return PartCertificate(file, name, hashlib.sha256(content).hexdigest(), data)


def _refuse_contradictions(states: Mapping[str, State], part: PartCertificate) -> None:
    """Raise CommandError unless a part says of each of its states what has become of it, and what it says agrees.

    A planned state has a plan file, and a part is proved only if the plan in each of them is.
    """
    data, labels = part.data, {key: state.label for key, state in states.items()}
    planned = {labels.get(file["state"], file["state"]) for file in data["plan_files"]}
    if others := planned.difference(part.covered):
        raise CommandError(
            f"{part.file} has a plan of {', '.join(sorted(others))}, which is no state of its part; make it again."
        )
    named = planned | set(data["unchanged"])
    if data["subject"] == PLANNED and (
        silent := [
            label
            for label in part.covered
            if label not in named
            and not any(item.startswith(f"{label} (") for item in data["waiting"])
        ]
    ):
        raise CommandError(
            f"{part.file} has no plan of {', '.join(silent)} and does not say why; make it again."
        )
    proved = {plan["sha256"] for plan in data["plans"] if plan["proved"]}
    if data["proved"] and (
        data["unread"]
        or not all(plan["proved"] for plan in data["plans"])
        or not proved.issuperset(file["json_sha256"] for file in data["plan_files"])
    ):
        raise CommandError(
            f"{part.file} says that its part is proved, and not that all of its plans are; make it again."
        )


def _refuse_same_names(folder: Path, parts: Sequence[PartCertificate]) -> None:
    """Raise CommandError if the certificates of two parts would be copied to one place."""
    [(name, number)] = Counter(part.name for part in parts).most_common(1)
    if number > 1:
        raise CommandError(
            f"Two proofs in {folder} have the name {name}; move each into a folder of its own."
        )


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
    copy.mkdir(parents=True, exist_ok=True)  # one may be below another
    for name in (CERTIFICATE, "certificate.md"):
        shutil.copy(part.file.with_name(name), copy)
    files = {file["state"]: file for file in part.data["plan_files"]}
    certified = CertifiedPlans(part.file.parent, files)
    for key in files:
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
