"""`make accounts`: list the customer accounts, as a table or as the job matrix of a CI workflow.

Each account has a state of its own, so they can be planned and applied on many machines at once. The matrix has up to
20 jobs for 1,000 accounts, and then a job for every 50. It leaves out self-managed accounts, which the operator does
not apply.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, table
from tools.environment.job_matrix import job_matrix
from tools.environment.model import load_environment


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_json('a job matrix, [{"accounts": "acme/222222222222 …", "name": "…"}]')
    return arguments


def main() -> int:
    """Print the accounts."""
    options = parser().parse_args()
    environment = load_environment(options.env)
    if options.json:
        accounts = environment.deployed_accounts(options.tenant)
        print_json(job_matrix(accounts), indent=None)
        return 0
    rows = table("tenant", "account", "Region", "applied by")
    for account in environment.accounts_of(options.tenant):
        owner = "customer" if environment.is_self_managed(account) else "operator"
        rows.add_row(account.tenant, account.account_id, account.region, owner)
    out.print(rows)
    return 0


if __name__ == "__main__":
    run(main)
