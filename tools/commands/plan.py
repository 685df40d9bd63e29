"""`make plan`: show what an apply would change, in the operations account and every customer account.

PROOF= shows the plans of a proof that `make prove` wrote, which `make apply PROOF=` applies. TENANT= shows
the plans of a tenant's accounts whole.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import run
from tools.cli.session import open_session
from tools.proof.folder import read_certified
from tools.proof.planning import make_plan
from tools.proof.refusal_warnings import warn_of_refusals
from tools.proof.saved_plan import SavedPlan, sha256_of
from tools.tenants.orphan_search import warn_of_orphans
from tools.tenants.stanza_state import warn_of_state
from tools.terraform.parallel import print_success, run_for_each
from tools.terraform.runner import summary

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.proof.folder import CertifiedPlans
    from tools.terraform.state import State


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument("--proof", help="a folder in build/proof, whose plans are shown")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print the operations plan, then a line for each customer account, or its whole plan with TENANT=."""
    options = parser().parse_args()
    session = open_session(options.env)
    customers = session.customer_states(options.tenant)
    if options.tenant is None:
        warn_of_orphans(session)
    else:
        warn_of_state(session.environment, options.tenant)
    if options.proof is not None:
        certified = read_certified(Path(options.proof), session.environment.name, None)
        _show_proved(session, certified, customers, whole=options.tenant is not None)
        return 0

    def plan(state: State) -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan"
            planned = make_plan(session, state, file)
        warn_of_refusals(session, SavedPlan(state, file, planned.content, planned.sha256, None))
        return planned.text.strip()

    operations = session.operations_states(options.tenant)
    if failed := run_for_each(operations, plan, options.jobs, done="planned"):
        return failed
    handovers = session.bucket.tenants_with_handover()

    def plan_customer(state: State) -> str:
        if state.variables["tenant"] not in handovers:
            return "waits for its role: apply the operations account first"
        text = plan(state)
        return text.strip() if options.tenant else summary(text)

    return run_for_each(customers, plan_customer, options.jobs, done="planned")


def _show_proved(
    session: Session, certified: CertifiedPlans, customers: list[State], *, whole: bool
) -> None:
    """Print the operations account's plans of a proof, then a line for each customer account or its plan."""
    operations = session.operations_states()
    states = [state for state in (*operations, *customers) if state.key in certified.files]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan"
        for state in states:
            certified.copy(state, file)
            content = session.terraform.show_json(state, file)
            warn_of_refusals(session, SavedPlan(state, file, content, sha256_of(file), None))
            if whole or state in operations:
                print_success(state, session.terraform.show(state, file).strip())
            else:
                print_success(state, certified.files[state.key]["changes"])


if __name__ == "__main__":
    run(main)
