"""`make plan`: show what an apply would change, in the operations account and every customer account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.session import open_session
from tools.terraform.parallel import run_for_each
from tools.terraform.runner import summary
from tools.terraform.state import operations_state

if TYPE_CHECKING:
    from tools.terraform.state import State


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print the operations plan, then a line for each customer account, or its whole plan with TENANT=."""
    options = parser().parse_args()
    session = open_session(options.env)
    customers = session.customer_states(options.tenant)
    terraform = session.terraform
    out.print(terraform.plan(operations_state(options.tenant)))
    handovers = session.bucket.tenants_with_handover()

    def plan_customer(state: State) -> str:
        if state.variables["tenant"] not in handovers:
            return "waits for its role: apply the operations account first"
        plan = terraform.plan(state)
        return plan.strip() if options.tenant else summary(plan)

    return run_for_each(customers, plan_customer, options.jobs)


if __name__ == "__main__":
    run(main)
