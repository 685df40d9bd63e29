"""`make output`: what an environment's states say of themselves, as a table or as JSON."""

from __future__ import annotations

import json

from tools.cli import arguments
from tools.cli.console import out, progress, run, table
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.terraform import state as states


def main() -> int:
    """Print the operations account's roles and every customer account's function, log and roles."""
    options = arguments.parser(__doc__, tenant="optional")
    options.add_argument(
        "--json", action="store_true", help="for machines; holds the hand-over's ExternalIds"
    )
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    workspace = Workspace()
    accounts = env.of(chosen.tenant)
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)

    def outputs(state: states.State) -> dict[str, object]:
        terraform.init(state)
        return terraform.output(state)

    terraform.init(states.operations())
    handover = terraform.handed_over()
    customers = {account: outputs(states.customer(account)) for account in accounts}
    if chosen.json:
        by_account = {
            f"{account.tenant}/{account.account_id}": values
            for account, values in customers.items()
        }
        out.print_json(json.dumps({"operations": {"handover": handover}, "customers": by_account}))
        return 0
    shown = table("tenant", "account", "Region", "function", "record log group")
    for account, values in customers.items():
        found = [
            str(values.get(name, "-")) for name in ("region", "function_name", "record_log_group")
        ]
        shown.add_row(account.tenant, account.account_id, *(found if values else ["not applied"]))
    out.print(shown)
    return 0


if __name__ == "__main__":
    run(main)
