"""The folder of a proof in build/proof: the certificate, its checksums and the plan files.

certificate.md     for people
certificate.json   the same for machines; `make apply PROOF=` reads it
SHA256SUMS         checksums of both, as `sha256sum --check` reads them
SHA256SUMS.sig     the signature of SHA256SUMS, if one was asked for
public-key.pem     the key that verifies it
plans              the plan files; they hold ExternalIds, so they are not filed with the certificate
parts              the certificates of the parts, if their proofs were combined
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.tenant_files import current_sha256
from tools.isolation.certificate import PLANNED
from tools.paths import BUILD
from tools.proof.saved_plan import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tools.isolation.certificate import Report
    from tools.isolation.combined_certificate import CombinedReport
    from tools.proof.signature import SigningKey
    from tools.terraform.state import State

PROOFS = BUILD / "proof"
CERTIFICATE = "certificate.json"
SUMS = "SHA256SUMS"


def new_folder(environment: str) -> Path:
    """Make the folder of a proof that begins now."""
    name = f"{environment}-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    PROOFS.mkdir(parents=True, exist_ok=True)
    for folder in (PROOFS / name for name in names):
        try:
            folder.mkdir()
        except FileExistsError:  # another proof began in the same second
            continue
        return folder
    raise AssertionError("count() does not end")


def plan_path(folder: Path, state: State) -> Path:
    """Return the place of a state's plan file in a proof's folder."""
    return folder / "plans" / f"{state.key.removesuffix('.tfstate')}.tfplan"


def write_certificate(
    folder: Path, report: Report | CombinedReport, key: SigningKey | None = None
) -> Path:
    """Write the certificate and its checksums, sign them if there is a key, and return certificate.md."""
    markdown = folder / "certificate.md"
    markdown.write_text(report.certificate())
    (folder / CERTIFICATE).write_text(json.dumps(report.data(), indent=2) + "\n")
    files = (markdown, folder / CERTIFICATE)
    sums = "".join(f"{sha256_of(file)}  {file.name}\n" for file in files).encode()
    (folder / SUMS).write_bytes(sums)
    if key is not None:
        (folder / f"{SUMS}.sig").write_bytes(key.sign(sums))
        (folder / "public-key.pem").write_text(key.public_key)
    return markdown


@dataclass(frozen=True)
class CertifiedPlans:
    """The plans of an earlier proof, which may have been made on another machine."""

    folder: Path
    files: dict[
        str, dict[str, Any]
    ]  # what the certificate says of each plan file, by the state's key
    tfvars_sha256: str | None = None  # of the variables that the plans were made from
    unchanged: frozenset[str] = frozenset()  # labels of the states that were as they were applied
    part: frozenset[str] | None = None  # labels of its states; None for the whole environment

    def check_variables(self, tfvars: Path) -> None:
        """Check that the environment's variables are still those of the plans. Raises CommandError if not."""
        if self.tfvars_sha256 != current_sha256(tfvars):
            raise CommandError(
                f"{tfvars.name} or a tenant's file has changed since the proof in {self.folder}. Nothing was "
                "applied; make and prove new plans."
            )

    def check_part(self, states: Iterable[State]) -> None:
        """Check that the proof is about these states, so that none is applied that nobody has approved.

        Raises CommandError if it is the proof of a part that has not all of them.
        """
        labels = [state.label for state in states]
        if self.part is not None and (others := [name for name in labels if name not in self.part]):
            raise CommandError(
                f"The proof in {self.folder} is of a part of the environment without {', '.join(others)}. Nothing was "
                "applied; combine the proofs of all parts with `make prove` and COMBINE=."
            )

    def sha256(self, state: State) -> str:
        """Return the SHA-256 that a state's plan has in the certificate; CommandError if it has no such plan."""
        if state.key not in self.files:
            raise CommandError(f"The proof in {self.folder} has no plan of {state.label}.")
        return str(self.files[state.key]["sha256"])

    def copy(self, state: State, target: Path) -> None:
        """Write a state's plan file to ``target``; CommandError if it is not the one that was proved."""
        file = plan_path(self.folder, state)
        content = file.read_bytes() if file.is_file() else b""
        if hashlib.sha256(content).hexdigest() != self.sha256(state):
            raise CommandError(
                f"{file} is not the plan of {state.label} that was proved: its SHA-256 is not the one in "
                "the certificate. Nothing was applied; make and prove a new plan."
            )
        target.write_bytes(content)


def read_certified(folder: Path, environment: str, sha256: str | None) -> CertifiedPlans:
    """Read the certificate in ``folder``, whose SHA-256 is ``sha256`` unless that is None.

    Raises CommandError if it is another file, or not a proof of planned resources of ``environment``.
    """
    file = folder / CERTIFICATE
    try:
        content = file.read_bytes()
        data = json.loads(content)
        files = {
            entry["state"]: {
                **{name: entry[name] for name in ("changes", "handover_sha256", "sha256")},
                **{name: entry.get(name) for name in ("inputs_sha256", "state_etag")},
            }
            for entry in data["plan_files"]
        }
        name, is_proved = data["environment"], data["proved"]
        tfvars_sha256 = (data.get("provenance") or {}).get("tfvars_sha256")
        unchanged = frozenset(data.get("unchanged") or ())
        part = None if data.get("part") is None else frozenset(data["part"]["covered"])
        may_have_no_plan = part is not None or bool(unchanged)
        is_without_plans = may_have_no_plan and data["subject"] == PLANNED
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            f"{file} is not a certificate: {error}. PROOF= is a folder that `make prove` wrote."
        ) from None
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise CommandError(
            f"{file} is not the certificate whose SHA-256 is {sha256}. Nothing was applied."
        )
    if name != environment:
        raise CommandError(f'{file} is of the environment "{name}"; write ENV={name}.')
    if not files and not is_without_plans:  # all states may be as they were applied
        raise CommandError(f"{file} names no plan file; prove plans, without STATE=1 or PLAN=.")
    if is_proved is not True:
        raise CommandError(f"{file} says that the plans are not proved. Nothing was applied.")
    if len(files) != len(data["plan_files"]):
        raise CommandError(f"{file} names two plans of one state. Nothing was applied.")
    return CertifiedPlans(folder, files, tfvars_sha256, unchanged, part)
