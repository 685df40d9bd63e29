"""`make usage`: what each tenant has used of its quota, by alias and window, in tokens and dollars.

The limits are those that the guard enforces, of the tenants of all shards or of TENANT=. Without SINCE= the windows are
those of now; with it, all that have ended since, up to 455 days back. Below the table stands how much each tenant can
use beyond a limit until it is stopped.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from operations_guard.guard_input import TOKENS
from operations_guard.quota_decision import REACHED, WARNED
from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, styled, table
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.quotas.used_quotas import OLDEST, guard_inputs, overspend_bounds, used_quotas
from tools.records.reader import parse_time

if TYPE_CHECKING:
    from tools.quotas.used_quotas import OverspendBound, UsedQuota

COLOURS = {REACHED: "red", WARNED: "yellow"}


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--since", help="windows from this time on: 2026-01-01T00:00, or 12h, 90d ago"
    )
    arguments.add_json("every window, and the bounds")
    arguments.add_argument("--csv", action="store_true", help="print CSV: a line for every window")
    return arguments


def main() -> int:
    """Print the table, or JSON or CSV; CommandError for a time before CloudWatch's oldest counts."""
    options = parser().parse_args()
    now = datetime.now(UTC)
    since = parse_time(options.since) if options.since else None
    if since is not None and not now - OLDEST < since <= now:
        raise CommandError(
            "CloudWatch keeps Bedrock's counts for 455 days; choose a SINCE= after "
            f"{now - OLDEST:%Y-%m-%d} that is not in the future."
        )
    session = open_session(options.env, tenant=options.tenant)
    rows: list[UsedQuota] = []
    bounds: list[OverspendBound] = []
    for guard_input in guard_inputs(session.target):
        chosen = guard_input.only(options.tenant)
        rows += used_quotas(session.target, chosen, now, since)
        bounds += overspend_bounds(chosen)
    if options.json:
        print_json({"windows": [row.data for row in rows], "bounds": list(map(asdict, bounds))})
    elif options.csv:
        write_csv(rows)
    else:
        show(rows, bounds)
    return 0


def write_csv(rows: list[UsedQuota]) -> None:
    """Print a line for every window below a line of names."""
    names = list(rows[0].data) if rows else []
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.data for row in rows)


def show(rows: list[UsedQuota], bounds: list[OverspendBound]) -> None:
    """Print the table and the bounds."""
    shown = table("tenant", "alias", "window", "until", "tokens", "of", "dollars", "of", "state")
    for row in rows:
        shown.add_row(
            row.tenant,
            row.alias or "all",
            row.window,
            f"{row.end:%Y-%m-%d %H:%M}",
            _number(row.tokens),
            _number(row.token_limit),
            _number(row.dollars, 2),
            _number(row.dollar_limit, 2),
            styled((row.state, COLOURS.get(row.state, ""))),
        )
    out.print(shown)
    for bound in bounds:
        out.print(bound_sentence(bound))


def bound_sentence(bound: OverspendBound) -> str:
    """Say how much a tenant can use beyond a limit until it is stopped."""
    limit = bound.limit
    digits, unit = (0, "tokens") if limit.unit == TOKENS else (2, "US dollars")
    of_alias = "" if limit.alias is None else f" for {limit.alias}"
    what = f"{_number(limit.most, digits)} {unit} a {limit.window}{of_alias}"
    if bound.most is None:
        return (
            f"{bound.tenant} can use more than {what} for some {bound.minutes:g} minutes, until it is stopped; how "
            "much is not known without operations.guard.tokens_per_minute of its models."
        )
    return (
        f"{bound.tenant} can use some {_number(bound.most, digits)} {unit} more than {what}: what the account's quota "
        f"allows in the {bound.minutes:g} minutes that counts, runs and IAM take until it is stopped."
    )


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


if __name__ == "__main__":
    run(main)
