"""Where the records are: the log groups of each customer account, what copies them, and their key."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from operations_guard.aws_reader import NotReadError
from operations_guard.bedrock_projects import NotAsked
from operations_guard.verified_line import (
    CANNOT_TELL,
    CHECKED,
    FAULT,
    OK,
    PROVED,
    VerifiedLine,
    cannot_tell,
)
from tools.command_error import CommandError
from tools.isolation.plan_reader import PlanError
from tools.live.live_state import read_records
from tools.proof.drift_search import DRIFTED, proof_differences
from tools.proof.planning import make_plan
from tools.proof.proving import prove_case
from tools.terraform.parallel import try_each
from tools.terraform.state import customer_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cli.session import Session
    from tools.isolation.claims import Case
    from tools.live.answers import Unread
    from tools.terraform.state import State

_ADVICE = "docs/how-to/find-drift.md says what to do about it."


def customer_lines(session: Session, tenant: str | None, jobs: int) -> list[VerifiedLine]:
    """Read one tenant's accounts or all, ``jobs`` at a time; one that cannot be read stops no other."""
    environment = session.environment
    states = [customer_state(account) for account in environment.deployed_accounts(tenant)]

    def read(state: State) -> tuple[State, Case, list[Unread]]:
        with tempfile.TemporaryDirectory() as folder:
            content = make_plan(session, state, Path(folder) / "plan").content
        try:
            return state, *read_records(session, content)
        except (NotReadError, PlanError) as error:
            raise CommandError(str(error)) from error

    readings, failures = try_each(states, read, jobs, done="read")
    lines = [line for reading in readings for line in record_lines(*reading)]
    lines += [
        cannot_tell(f"{label} records", environment.without_external_ids(problem))
        for label, problem in failures.items()
    ]
    return lines


def self_managed(session: Session, tenant: str | None) -> list[NotAsked]:
    """Name the accounts at which the operator cannot look."""
    environment = session.environment
    reason = "the customer manages the account, and verifies it with its own credentials"
    return [
        NotAsked(f"{account.name} records", reason)
        for account in environment.accounts_of(tenant)
        if environment.is_self_managed(account)
    ]


def record_lines(state: State, case: Case, unread: list[Unread]) -> Iterator[VerifiedLine]:
    """Yield the faults and the unread parts, and what else was read as one line of each basis."""
    label, proof = state.label, prove_case(case)
    checked = list(proof_differences(label, replace(proof, outcomes=())))
    proved = list(proof_differences(label, replace(proof, case=replace(case, faults=()))))
    for differences, basis in ((checked, CHECKED), (proved, PROVED)):
        for row in differences:
            status = FAULT if row.state == DRIFTED else CANNOT_TELL
            yield VerifiedLine(f"{label} {row.about}", status, row.what, basis, _ADVICE)
    for part in unread:
        yield cannot_tell(f"{label} records", f"{part.part}: {part.reason}")
    if not checked:
        read = "what else could be read is" if unread else "retention, key, masking and copies are"
        yield VerifiedLine(f"{label} records", OK, f"{read} as the stanza says")
    if case.claims and not proved:
        found = "the key's policy allows what the stanza says, and nothing else"
        yield VerifiedLine(f"{label} key", OK, found, PROVED)
