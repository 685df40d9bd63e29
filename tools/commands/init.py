"""`make init`: point every state of an environment at its backend."""

from __future__ import annotations

from tools.cli import arguments
from tools.cli.console import progress, run
from tools.cli.workspace import Workspace
from tools.environment import model as environment
from tools.terraform import parallel as fleet
from tools.terraform import state as states


def main() -> int:
    """Init the operations state, then every customer account's."""
    options = arguments.parser(__doc__, tenant="optional")
    arguments.jobs(options)
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    terraform = states.Terraform(Workspace(), env, progress)

    def step(state: states.State) -> str:
        terraform.init(state, again=True)
        return "ready"

    every = [states.operations(), *(states.customer(account) for account in env.of(chosen.tenant))]
    return fleet.over(every, step, chosen.jobs)


if __name__ == "__main__":
    run(main)
