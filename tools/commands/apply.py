"""`make apply`: the operations account, then every customer account, several at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli import arguments
from tools.cli.console import out, progress, run
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.terraform import parallel as fleet
from tools.terraform import state as states

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """Apply an environment; go on past a failing customer account; 1 if any failed."""
    options = arguments.parser(__doc__, tenant="optional")
    arguments.jobs(options)
    chosen = options.parse_args()
    return apply(Workspace(), environment.load(chosen.env), chosen.tenant, chosen.jobs)


def apply(
    workspace: Workspace,
    env: environment.Environment,
    tenant: str | None,
    jobs: int,
    say: Callable[[str], None] = progress,
) -> int:
    """Apply ``env``, or one tenant of it; CommandError when the operations account fails."""
    accounts = env.of(tenant)
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, say)

    operations = states.operations(tenant)
    terraform.init(operations)
    out.print(
        f"  [green]✓[/green] {operations.label}  {states.summary(terraform.apply(operations))}"
    )

    def step(state: states.State) -> str:
        terraform.init(state)
        return states.summary(terraform.apply(state))

    return fleet.over([states.customer(account) for account in accounts], step, jobs)


if __name__ == "__main__":
    run(main)
