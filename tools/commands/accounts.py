"""`make accounts`: list the customer accounts, as a table or as the job matrix of a CI workflow.

Each account has a state of its own, so they can be planned and applied on many machines at once. The matrix has up to
20 jobs for 1,000 accounts, and then a job for every 50. It leaves out self-managed accounts, which the operator does
not apply.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, table
from tools.command_error import CommandError
from tools.environment.model import load_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environment.model import CustomerAccount

# GitHub runs at most 256 jobs of a matrix, and one is for the operations account:
# https://docs.github.com/en/actions/reference/limits
MATRIX_JOBS = 255
# How many jobs run at a time: max-parallel of the workflows, and what GitHub's smallest plan allows an account:
# https://docs.github.com/en/actions/reference/limits
PARALLEL_JOBS = 20
# The start of a job takes minutes and an account seconds, so more jobs than run at a time only start more often. With
# this many accounts in each job, jobs last about as long as their start takes once more.
JOB_ACCOUNTS = 50


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


def job_matrix(
    accounts: Sequence[CustomerAccount], jobs: int = MATRIX_JOBS
) -> list[dict[str, str]]:
    """Divide the accounts evenly among jobs, at most ``jobs`` of them, and keep their order.

    Raises CommandError for a name that a shell or make could interpret as a command.
    """
    names = [account.name for account in accounts]
    for name in names:
        if not re.fullmatch(r"[a-z0-9-]+/\d{12}", name):
            raise CommandError(
                f'"{name}" is not a tenant and its account; use lower-case letters, digits and hyphens in names.'
            )
    count = min(jobs, max(min(PARALLEL_JOBS, len(names)), -(-len(names) // JOB_ACCOUNTS)))
    shares = [
        names[index * len(names) // count : (index + 1) * len(names) // count]
        for index in range(count)
    ]
    return [
        {
            "accounts": " ".join(share),
            "name": share[0] if len(share) == 1 else f"{share[0]} to {share[-1]}",
        }
        for share in shares
    ]


if __name__ == "__main__":
    run(main)
