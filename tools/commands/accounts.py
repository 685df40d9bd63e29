"""`make accounts`: an environment's customer accounts, as a table or as the matrix of a CI workflow.

Each is a state of its own, so they can be applied on as many machines as there are.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tools.cli import arguments
from tools.cli.console import CommandError, out, run, table
from tools.environment import model as environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environment.model import CustomerAccount, Environment

# GitHub makes 256 jobs of a matrix at most, so each takes its share of the accounts:
# https://docs.github.com/en/actions/reference/limits
JOBS_OF_A_MATRIX = 256


def main() -> int:
    """Print them; with --json, ``[{"accounts": "acme/222222222222 …", "name": "…"}]`` on one line."""
    options = arguments.parser(__doc__, tenant="optional")
    options.add_argument("--json", action="store_true", help="a matrix for CI, on one line")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    accounts = env.of(chosen.tenant)
    if chosen.json:
        out.print(json.dumps(matrix(accounts)), markup=False, soft_wrap=True)
        return 0
    shown = table("tenant", "account", "Region")
    for account in accounts:
        shown.add_row(account.tenant, account.account_id, account.region)
    out.print(shown)
    return 0


def matrix(
    accounts: Sequence[CustomerAccount], jobs: int = JOBS_OF_A_MATRIX
) -> list[dict[str, str]]:
    """The accounts dealt out to at most ``jobs`` jobs, as evenly as can be, neighbours together.

    Raises CommandError for a name that a shell or make could take for a command.
    """
    names = [f"{account.tenant}/{account.account_id}" for account in accounts]
    for name in names:
        if not re.fullmatch(r"[a-z0-9-]+/\d{12}", name):
            raise CommandError(
                f'"{name}" is not a tenant and its account; write names in lower-case letters, digits and hyphens.'
            )
    used = min(jobs, len(names))
    shares = [
        names[index * len(names) // used : (index + 1) * len(names) // used]
        for index in range(used)
    ]
    return [
        {
            "accounts": " ".join(share),
            "name": share[0] if len(share) == 1 else f"{share[0]} to {share[-1]}",
        }
        for share in shares
    ]


def named(env: Environment, names: str) -> list[CustomerAccount]:
    """The accounts that ``tenant/account`` names stand for; CommandError for one that is not there."""
    found: list[CustomerAccount] = []
    for name in names.split():
        tenant, slash, account_id = name.partition("/")
        if not slash:
            raise CommandError(
                f'"{name}" names no account; write it as TENANT/ACCOUNT, such as acme/222222222222.'
            )
        found.extend(env.of(tenant, account_id))
    return found


if __name__ == "__main__":
    run(main)
