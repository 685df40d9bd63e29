"""What `make drift` finds in one part of an environment, in a file, and the rows of all parts together."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.paths import BUILD
from tools.proof.drift_search import CANNOT_TELL, DRIFTED, Difference
from tools.proof.environment_parts import EnvironmentPart, missing_states
from tools.proof.provenance import code_sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.environment.model import Environment
    from tools.terraform.state import State

REPORT = "drift.json"


def write_report(
    environment: Environment, states: Sequence[State], differences: Sequence[Difference]
) -> Path:
    """Write what was found in these states into build/drift, in place of what was there, and return the file."""
    file = BUILD / "drift" / REPORT
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "environment": environment.name,
        "tfvars_sha256": environment.tfvars_sha256,
        "code_sha256": code_sha256(),
        "covered": [state.label for state in states],
        "rows": [asdict(difference) for difference in differences],
    }
    file.write_text(json.dumps(data, indent=2) + "\n")
    return file


def combine_reports(environment: Environment, folder: Path) -> list[Difference]:
    """Return the rows of all reports below ``folder``, and one for each state that none is about.

    Raises CommandError if there is no report, or one is of another environment, of other variables or other code, or
    has the state of another one.
    """
    parts, rows = [], []
    for file in sorted(folder.rglob(REPORT)):
        try:
            data = json.loads(file.read_text())
            covered = tuple(map(str, data["covered"]))
            tfvars, code = data["tfvars_sha256"], data["code_sha256"]
            parts.append(EnvironmentPart(file, data["environment"], tfvars, code, covered))
            rows += [_row(row) for row in data["rows"]]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise CommandError(
                f"{file} is not what `make drift` with PART= wrote: {error!r}."
            ) from None
    if not parts:
        raise CommandError(
            f"There is no {REPORT} in {folder}; COMBINE= is a folder with what all parts wrote."
        )
    missing = missing_states(environment, parts)
    unread = [
        Difference(label, "everything", CANNOT_TELL, "no part has looked at it")
        for label in missing
    ]
    return [*rows, *unread]


def _row(members: dict[str, str]) -> Difference:
    """Return a row of a report; TypeError or ValueError for anything else."""
    row = Difference(**members)
    if row.state not in (DRIFTED, CANNOT_TELL):
        raise ValueError(f"{row.state!r} is not the state of a row")
    if not all(isinstance(text, str) for text in members.values()):
        raise TypeError("a row consists of texts")
    return row
