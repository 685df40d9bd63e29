"""`make rollout`: apply one part of an environment: its operations account, or some customer accounts.

`make apply` does all of it on one machine. In CI each job takes a part: operations first, which holds
what the customer accounts read.
"""

from __future__ import annotations

from tools.cli import arguments
from tools.cli.console import CommandError, progress, run
from tools.cli.workspace import Workspace
from tools.commands import accounts
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.terraform import parallel as fleet
from tools.terraform import state as states

OPERATIONS = "operations"


def main() -> int:
    """Apply the part; go on past a failing customer account; 1 if any failed."""
    options = arguments.parser(__doc__)
    options.add_argument(
        "--part",
        required=True,
        help=f'"{OPERATIONS}", or customer accounts as TENANT/ACCOUNT, with spaces between them',
    )
    arguments.jobs(options)
    chosen = options.parse_args()
    env, workspace = environment.load(chosen.env), Workspace()
    part = parts(env, chosen.part)
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)

    def step(state: states.State) -> str:
        terraform.init(state)
        return states.summary(terraform.apply(state))

    return fleet.over(part, step, chosen.jobs)


def parts(env: environment.Environment, part: str) -> list[states.State]:
    """The states of a part; CommandError when it names none."""
    if part.strip() == OPERATIONS:
        return [states.operations()]
    chosen = [states.customer(account) for account in accounts.named(env, part)]
    if not chosen:
        raise CommandError(
            'PART= names nothing; write "operations", or accounts such as acme/222222222222.'
        )
    return chosen


if __name__ == "__main__":
    run(main)
