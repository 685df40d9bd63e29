"""Finds what is not as the stanzas say in the accounts of an environment, and names what it could not read.

One plan of each account says what an apply would change. The same plan holds what Terraform has just read, which is
proved as `make prove STATE=1` proves it, and says with what tools/live compares AWS itself. Nothing is changed.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.isolation.certificate import example_data
from tools.live.live_state import read_live_state
from tools.proof.change_list import resource_changes
from tools.proof.planning import make_plan
from tools.proof.proving import owners_of, prove_case, prove_plan
from tools.terraform.parallel import try_each
from tools.terraform.state import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tools.cli.session import Session
    from tools.isolation.prover import Proof
    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State

DRIFTED, CANNOT_TELL = "drifted", "cannot tell"
PLAN = "plan"  # what the rows are about that say what an apply would change
OPERATIONS_LABEL = "operations account"
BATCH = 50  # accounts whose plans are in memory at a time; each takes some megabytes
_ARGUMENT = re.compile(r"[-+~] (\w+)")  # at the beginning of a line about a changed value
VALUES_SHOWN = 10  # changed values of one resource; `make plan ALL=1` shows the rest


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the stanzas say, or that could not be read."""

    account: str  # "operations account", or the tenant and its account
    about: str  # "plan", or the topic of a fault or claim, after the tenant or the role that it is about
    state: str  # DRIFTED or CANNOT_TELL
    what: str  # one line


def find_drift(
    session: Session, states: Sequence[State], jobs: int, tenant: str | None = None
) -> list[Difference]:
    """Return what is not as the stanzas say in these states, ``jobs`` states at a time.

    ``tenant`` is the one to which the states are limited. A state that cannot be planned stops no other one.
    """
    operations = [state for state in states if state.root == OPERATIONS]
    customers = [state for state in states if state.root != OPERATIONS]
    # The shards of the operations account are one account, which is read once.
    batches = [operations] if operations else []
    batches += [customers[start : start + BATCH] for start in range(0, len(customers), BATCH)]
    differences: list[Difference] = []

    def plan(state: State) -> tuple[State, PlanJson]:
        with tempfile.TemporaryDirectory() as folder:
            return state, make_plan(session, state, Path(folder) / "plan").content

    for batch in batches:
        plans, failures = try_each(batch, plan, jobs, done="planned")
        differences += [
            _difference(label, "everything", CANNOT_TELL, problem)
            for label, problem in failures.items()
        ]
        differences += compare_with_plans(session, plans, jobs, tenant)
    return list(dict.fromkeys(differences))


def compare_with_plans(
    session: Session,
    plans: Sequence[tuple[State, PlanJson]],
    jobs: int,
    tenant: str | None = None,
) -> Iterator[Difference]:
    """Yield what these plans change, and what is not as they say in AWS.

    The plans are all of the operations account, or all of customer accounts.
    """
    owners = owners_of(session.environment)
    read = []
    for state, plan in plans:
        yield from _planned_changes(session, state, plan)
        try:
            proof = prove_plan(session.environment.name, plan, state=True, of=state, owners=owners)
        except CommandError as error:
            yield _difference(state.label, "proof", CANNOT_TELL, str(error))
            continue
        yield from proof_differences(state.label, proof, changed_arguments(plan))
        read.append((state, plan))
    live = read_live_state(session, [plan for _, plan in read], jobs, tenant)
    labels = [state.label for state, _ in read]
    if read and read[0][0].root == OPERATIONS:
        labels = [OPERATIONS_LABEL]
    for label, case in zip(labels, live.cases, strict=True):
        yield from proof_differences(label, prove_case(case))
    for part in live.unread:
        label = part.subject if part.subject in labels else OPERATIONS_LABEL
        yield _difference(label, part.part, CANNOT_TELL, part.reason)


def _planned_changes(session: Session, state: State, plan: PlanJson) -> Iterator[Difference]:
    for line, values in resource_changes(plan):
        shown = "; ".join(values[:VALUES_SHOWN])
        more = f"; and {len(values) - VALUES_SHOWN:,} more" if len(values) > VALUES_SHOWN else ""
        text = f"{line}: {shown}{more}" if values else line
        what = session.environment.without_external_ids(text, plan)
        yield _difference(state.label, PLAN, DRIFTED, what)


def changed_arguments(plan: PlanJson) -> set[tuple[str, str]]:
    """Return the address and the argument of each value that the plan changes."""
    return {
        (line.split()[-1], match[1])
        for line, values in resource_changes(plan)
        for value in values
        if (match := _ARGUMENT.match(value))
    }


def proof_differences(
    label: str, proof: Proof, planned: Collection[tuple[str, str]] = ()
) -> Iterator[Difference]:
    """Yield the faults and the claims that are not proved; a claim that is not decided may hold or not.

    A fault about an argument in ``planned`` is left out, because the row about the plan says the same.
    """
    for fault in proof.case.faults:
        if any(
            fault.problem.startswith(f"{argument} of ") and f"({address})" in fault.problem
            for address, argument in planned
        ):
            continue
        about = _about(label, fault.subject, fault.topic, proof.case.tenants)
        yield _difference(label, about, DRIFTED, fault.problem)
    for outcome in proof.failures:
        claim, example = outcome.claim, outcome.counterexample
        about = _about(label, claim.subject, claim.topic, proof.case.tenants)
        what = outcome.problem or ""
        if example is None:
            yield _difference(label, about, CANNOT_TELL, what)
            continue
        data = example_data(example, proof.case.secrets)
        verdict = "allowed" if data["allowed"] else "refused"
        detail = f"{data['action']} on {data['resource']} is {verdict} because {data['because']}"
        yield _difference(label, about, DRIFTED, f"{what}: {detail}")


def _about(label: str, subject: str, topic: str, tenants: Collection[str]) -> str:
    """Return a topic after what the account's label does not say: a role's suffix, or a tenant of the operator."""
    if subject.startswith(f"{label} "):
        return f"{subject.removeprefix(label).strip()}, {topic}"
    return f"{subject}, {topic}" if label != subject and subject in tenants else topic


def _difference(account: str, about: str, state: str, what: str) -> Difference:
    return Difference(account, about, state, " ".join(what.split()))
