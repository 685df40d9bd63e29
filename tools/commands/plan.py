"""`make plan`: show what an apply would change, in the operations account and every customer account.

Customer accounts are planned with what the operations plan will hand over, and their changes are listed. Where
a part of it is known only after the operations apply, what changes in the hand-over is listed instead. Accounts whose
code, variables, hand-over and zip are those of their last apply are counted and not planned, unless TENANT= names their
tenant or ALL=1 plans every account: only then is it seen what somebody changed there by hand. So are the shards of an
operations account that has several. PROOF= shows the plans of a proof that `make prove` wrote, which
`make apply PROOF=` applies. TENANT= shows the plans of a tenant's accounts whole. PART= plans one part, as in
`make apply`: "operations", or customer accounts as TENANT/ACCOUNT with spaces between them, which are planned with the
hand-overs in the state bucket.

Models that have ended, or end within 60 days, are named, if AWS tells the caller so.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.session import open_session
from tools.live.model_warning import warn_of_ends
from tools.proof.change_list import change_lines, indented
from tools.proof.folder import read_certified
from tools.proof.planned_handover import PlannedHandover, planned_handovers, unplannable
from tools.proof.planning import make_plan
from tools.proof.refusal_warnings import warn_of_refusals
from tools.proof.saved_plan import SavedPlan, sha256_of
from tools.proof.unchanged_states import (
    count_sentence,
    handovers_of_shards,
    unchanged_accounts,
    unchanged_shards,
    without,
)
from tools.tenants.orphan_search import warn_of_orphans
from tools.tenants.stanza_state import warn_of_state
from tools.terraform.parallel import print_success, print_unplanned, run_for_each, try_each
from tools.terraform.runner import summary

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping, Sequence

    from tools.cli.session import Session
    from tools.proof.folder import CertifiedPlans
    from tools.proof.planning import NewPlan
    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_part()
    arguments.add_argument("--proof", help="a folder in build/proof, whose plans are shown")
    arguments.add_all()
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print the operations plan, then each customer account's changes, or its whole plan with TENANT=."""
    options = parser().parse_args()
    session = open_session(options.env)
    operations, customers = session.selected_states(options.tenant, options.part)
    if options.tenant is not None:
        warn_of_state(session.environment, options.tenant)
    elif operations:
        warn_of_orphans(session)
    if operations:
        warn_of_ends(session.target, None if options.tenant is None else [options.tenant])
    if options.proof is None:
        return _show_new(session, operations, customers, options)
    certified = read_certified(Path(options.proof), session.environment.name, None)
    whole = options.tenant is not None
    # A proof has no plan of a single tenant's role.
    shown = [session.operations_states() if whole else operations, customers]
    return _show_proved(session, certified, shown, whole=whole, jobs=options.jobs)


def _show_new(
    session: Session, operations: list[State], customers: list[State], options: Namespace
) -> int:
    """Plan the operations account and then the customer accounts, and print what would change."""
    handovers: dict[str, PlannedHandover] = {}
    looks_at_all = options.all or options.tenant is not None
    unchanged = [] if looks_at_all else unchanged_shards(session, operations)

    def plan_operations(state: State) -> str:
        plan = _plan(session, state)
        handovers.update(planned_handovers(plan.content))
        return plan.text.strip()

    planned_shards = without(operations, unchanged)
    if failed := run_for_each(planned_shards, plan_operations, options.jobs, done="planned"):
        return failed
    handovers |= handovers_of_shards(session, unchanged, customers)
    # Without the operations account, the hand-overs in the state bucket count.
    reasons = unplannable(customers, handovers) if operations else {}

    def plan_customer(state: State) -> str:
        plan = _plan(session, state, handovers.get(state.variables["tenant"]))
        if options.tenant:
            return plan.text.strip()
        return _account_lines(session, plan.content, summary(plan.text))

    ready = [state for state in customers if state.label not in reasons]
    planned = handovers if operations else None
    unchanged += [] if looks_at_all else unchanged_accounts(session, ready, planned)
    ready = without(ready, unchanged)
    failed = _plan_customers(session, ready, plan_customer, options.jobs)
    for state in customers:
        if state.label in reasons:
            lines = _handover_lines(session, state.variables["tenant"], handovers)
            print_unplanned(state, f"not planned, {reasons[state.label]}{lines}")
    if unchanged:
        out.print(count_sentence([state.label for state in unchanged]))
    return failed


def _plan_customers(
    session: Session, customers: list[State], plan: Callable[[State], str], jobs: int
) -> int:
    """Print what ``plan`` returns for each account; returns 1 if one of a tenant with a role failed.

    A new customer may not have made its deployer yet, which is no failure of the environment.
    """
    handed_over = session.bucket.tenants_with_handover()
    existing = [state for state in customers if state.tenant in handed_over]
    failed = run_for_each(existing, plan, jobs, done="planned")

    def plan_new(state: State) -> None:
        print_success(state, plan(state))

    new = [state for state in customers if state.tenant not in handed_over]
    _, problems = try_each(new, plan_new, jobs, done="planned")
    for state in new:
        if problem := problems.get(state.label):
            print_unplanned(
                state, f"not planned; its tenant has no role yet, and the plan failed: {problem}"
            )
    return failed


def _handover_lines(session: Session, tenant: str, handovers: Mapping[str, PlannedHandover]) -> str:
    """Return what the operations apply changes in a tenant's hand-over, without ExternalIds."""
    if tenant not in handovers:
        return ""
    bucket = session.bucket
    present = bucket.handover(tenant) if tenant in bucket.tenants_with_handover() else {}
    lines = indented(handovers[tenant].change_lines(present))
    values = present, handovers[tenant].content
    return "\n" + session.environment.without_external_ids(lines, *values)


def _account_lines(session: Session, plan: PlanJson, count: str) -> str:
    """Return the number of an account's changes and a line for each, without ExternalIds."""
    lines = indented(change_lines(plan))
    return count + ("\n" + session.environment.without_external_ids(lines, plan) if lines else "")


def _plan(session: Session, state: State, handover: PlannedHandover | None = None) -> NewPlan:
    """Make a plan, and say if an apply will refuse it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan"
        plan = make_plan(session, state, file, None if handover is None else handover.content)
        warn_of_refusals(session, SavedPlan(state, file, plan.content, plan.sha256, None))
        return plan


def _show_proved(
    session: Session,
    certified: CertifiedPlans,
    states: Sequence[list[State]],
    *,
    whole: bool,
    jobs: int,
) -> int:
    """Print the operations account's plans of a proof, then each customer account's changes or its plan."""
    operations, customers = states

    def show(state: State) -> str:
        count: str = certified.files[state.key]["changes"]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan"
            certified.copy(state, file)
            content = session.terraform.show_json(state, file)
            warn_of_refusals(session, SavedPlan(state, file, content, sha256_of(file), None))
            if not whole and state not in operations:
                return _account_lines(session, content, count)
            return session.terraform.show(state, file, content).strip()

    failed = 0
    for shown in states:
        proved = [state for state in shown if state.key in certified.files]
        failed = run_for_each(proved, show, jobs, done="shown") or failed
    if certified.unchanged:
        out.print(count_sentence(certified.unchanged))
    unchanged = [state for state in customers if state.label in certified.unchanged]
    for state in without(customers, unchanged):
        if state.key not in certified.files:
            print_unplanned(state, "not in the proof; `make apply` plans and proves it")
    return failed


if __name__ == "__main__":
    run(main)
