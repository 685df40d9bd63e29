"""`make cost`: compute what each tenant costs on either side, by the month and by a million calls.

It reads the stanzas and a file of prices, and asks no AWS. The tokens that Bedrock bills are not in it; `make
chargeback` shows them.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tools.charges.price_file import read_price_file
from tools.charges.tenant_cost import CostItem, environment_items, tenant_items
from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, table
from tools.environment.model import load_environment

if TYPE_CHECKING:
    from collections.abc import Iterable


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--prices",
        required=True,
        metavar="FILE",
        help="prices by Region, and how tenants use what they have; docs/explanation/cost.md describes it",
    )
    arguments.add_json("every cost with its quantity and price")
    return arguments


def main() -> int:
    """Print the costs by account, with TENANT= each one; return 0."""
    options = parser().parse_args()
    environment = load_environment(options.env)
    prices = read_price_file(Path(options.prices))
    environment.accounts_of(options.tenant)
    names = environment.tenants if options.tenant is None else (options.tenant,)
    items = [item for name in names for item in tenant_items(environment, name, prices)]
    if options.tenant is None:
        items = environment_items(environment, prices) + items
    if options.json:
        print_json([{**asdict(item), "cost": item.cost} for item in items])
        return 0
    if options.tenant is not None:
        _show_items(items)
    _show_sums(items)
    out.print("Bedrock's tokens are not among these costs; `make chargeback` shows them by tenant.")
    return 0


def _show_items(items: Iterable[CostItem]) -> None:
    rows = table("account", "for each", "what", "quantity", "price", "cost")
    for item in items:
        price = f"{item.price:g}" if item.price_name else "not charged"
        rows.add_row(
            f"{item.side} {item.account}",
            item.basis,
            item.name,
            f"{item.quantity:,.3f}",
            price,
            f"{item.cost:,.2f}",
        )
    out.print(rows)
    out.print("")


def _show_sums(items: Iterable[CostItem]) -> None:
    sums: dict[tuple[str, str, str], dict[str, float]] = {}
    for item in items:
        key = item.tenant or "(the environment)", item.side, item.account
        costs = sums.setdefault(key, {"month": 0.0, "million calls": 0.0})
        costs[item.basis] += item.cost
    rows = table("tenant", "account", "by the month", "by a million calls")
    for (tenant, side, account), costs in sums.items():
        rows.add_row(
            tenant,
            f"{side} {account}",
            f"{costs['month']:,.2f}",
            f"{costs['million calls']:,.2f}",
        )
    out.print(rows)


if __name__ == "__main__":
    run(main)
