"""`make destroy`: remove the workloads, then the roles. Records, and the keys that open them, stay."""

from __future__ import annotations

import sys

from tools.cli import arguments
from tools.cli.console import CommandError, err, out, progress, run
from tools.cli.workspace import LOCAL, Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.terraform import parallel as fleet
from tools.terraform import state as states

# What a call needs: the execution role, and with it its policy and the function that runs as it. The
# log groups, their key and the role that may read them are what a customer was promised to keep.
WORKLOAD = "module.customer_workload.aws_iam_role.execution"


def main() -> int:
    """Destroy an environment, or one tenant of it, after asking."""
    options = arguments.parser(__doc__, tenant="optional")
    arguments.jobs(options)
    options.add_argument("--confirm", help="the environment's name, instead of being asked for it")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    if env.name != LOCAL:
        _confirm(env.name, chosen.confirm)
    return destroy(Workspace(), env, chosen.tenant, chosen.jobs)


def destroy(
    workspace: Workspace, env: environment.Environment, tenant: str | None, jobs: int
) -> int:
    """Destroy the customer accounts, and where all of them went, the roles in the operations account."""
    accounts = env.of(tenant)
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)

    def step(state: states.State) -> str:
        terraform.init(state)
        if not any(address.startswith(WORKLOAD) for address in terraform.resources(state)):
            return "nothing left to remove"
        done = states.summary(terraform.destroy(state.only([WORKLOAD])))
        return f"{done} Records, their key and their readers stay, in the state too."

    failed = fleet.over([states.customer(account) for account in accounts], step, jobs)
    if failed:
        raise CommandError(
            "The operations account is left as it is until every customer account above is done."
        )
    operations = states.operations(tenant)
    terraform.init(operations)
    out.print(
        f"  [green]✓[/green] {operations.label}  {states.summary(terraform.destroy(operations))}"
    )
    return 0


def _confirm(name: str, given: str | None) -> None:
    if given is None and sys.stdin.isatty():
        err.print(
            f"This removes functions and roles of [bold]{name}[/bold]; calls fail from then on. Type its name to go on:"
        )
        given = input().strip()
    if given != name:
        raise CommandError(
            f"Nothing was destroyed. To confirm without being asked, write CONFIRM={name}."
        )


if __name__ == "__main__":
    run(main)
