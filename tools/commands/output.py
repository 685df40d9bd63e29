"""`make output`: show the functions and log groups that were applied, as a table or as JSON.

It shows no ExternalId; `make handover` writes that of one tenant, for the customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, table
from tools.cli.session import open_session
from tools.tenants.stanza_state import warn_of_state
from tools.tenants.workload import FUNCTION, workload_in
from tools.terraform.state import customer_state

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount

COLUMNS = ("region", "function_name", "record_log_group")


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_json("the outputs of every state, without ExternalIds")
    return arguments


def main() -> int:
    """Print the outputs of every customer account, and as JSON those of the operations account too."""
    options = parser().parse_args()
    session = open_session(options.env, tenant=options.tenant)
    accounts = session.environment.deployed_accounts(options.tenant)
    for tenant in {account.tenant for account in accounts}:
        warn_of_state(session.environment, tenant)
    customers = {account: _outputs(session, account) for account in accounts}
    if options.json:
        operations = {
            "handover": {
                tenant: {name: value for name, value in handover.items() if name != "external_id"}
                for tenant, handover in session.terraform.handovers().items()
                if options.tenant in (None, tenant)
            }
        }
        by_name = {account.name: outputs for account, outputs in customers.items()}
        print_json({"operations": operations, "customers": by_name})
        return 0
    rows = table("tenant", "account", "Region", "function", "record log group")
    for account in session.environment.accounts_of(options.tenant):
        if session.environment.is_self_managed(account):
            cells = ["managed by its customer"]
            rows.add_row(account.tenant, account.account_id, *cells)
            continue
        outputs = customers[account]
        cells = [str(outputs.get(name, "-")) for name in COLUMNS] if outputs else ["not applied"]
        rows.add_row(account.tenant, account.account_id, *cells)
    out.print(rows)
    return 0


def _outputs(session: Session, account: CustomerAccount) -> dict[str, Any]:
    """Return the outputs of an account's state, without the function's once `make destroy` has removed it."""
    content = session.bucket.state(customer_state(account).key)
    has_function = FUNCTION in workload_in(content)
    return {
        name: value
        for name, value in content.outputs.items()
        if has_function or not name.startswith("function")
    }


if __name__ == "__main__":
    run(main)
