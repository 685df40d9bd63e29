"""`make plan`: what an apply would change, in the operations account and every customer account."""

from __future__ import annotations

from tools.cli import arguments
from tools.cli.console import out, progress, run
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.terraform import parallel as fleet
from tools.terraform import state as states


def main() -> int:
    """Print the operations plan whole, then each customer account's: one line, or whole with TENANT=."""
    options = arguments.parser(__doc__, tenant="optional")
    arguments.jobs(options)
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    workspace = Workspace()
    accounts = env.of(chosen.tenant)
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)

    operations = states.operations(chosen.tenant)
    terraform.init(operations)
    out.print(terraform.plan(operations), markup=False)
    handed_over = terraform.handed_over()

    def step(state: states.State) -> str:
        if state.variables["tenant"] not in handed_over:
            return "waits for its role: apply the operations account first"
        terraform.init(state)
        planned = terraform.plan(state)
        return planned.strip() if chosen.tenant else states.summary(planned)

    return fleet.over([states.customer(account) for account in accounts], step, chosen.jobs)


if __name__ == "__main__":
    run(main)
