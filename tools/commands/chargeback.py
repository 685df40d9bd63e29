"""`make chargeback`: show what each tenant has cost by AWS's bill, and compare it with Bedrock's counts.

The cost is that of a Cost and Usage Report 2.0 in Parquet, by the IAM principal of each call. Exits 1 if a cost of
the environment has no tenant, or if the tokens that are billed differ from those that Bedrock counted.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.charges.cost_report import CostLine, read_cost_lines
from tools.charges.count_comparison import TokenComparison, compare_tokens, months_of
from tools.charges.tenant_charges import Assignment, Charge, Unassigned, assign
from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, styled, table, warn
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.proof.lost_calls import OWN_PROFILE
from tools.records.bedrock_counts import Counts, Window, bedrock_counts, whole_periods
from tools.terraform.parallel import CALLS_AT_A_TIME, map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tools.cli.session import Session
    from tools.environment.model import Environment

KINDS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


@dataclass(frozen=True)
class Profile:
    """A profile of a tenant's own, through which it calls an alias; ``arn`` as the caller writes it."""

    tenant: str
    alias: str
    arn: str

    @property
    def region(self) -> str:
        """The Region that counts its calls."""
        return self.arn.split(":")[3]


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--cur",
        required=True,
        metavar="FILE",
        help="an export of the Cost and Usage Report 2.0 in Parquet, or a folder of its files",
    )
    arguments.add_argument(
        "--by",
        choices=("day", "month"),
        default="month",
        help='the period of each row: "day" or "month" (the default), in UTC',
    )
    arguments.add_json("charges, costs without a tenant, and comparisons")
    arguments.add_argument("--csv", action="store_true", help="print the charges as CSV")
    return arguments


def main() -> int:
    """Print the charges and what differs; return 1 when there is something to look at."""
    options = parser().parse_args()
    if options.json and options.csv:
        raise CommandError("Write JSON=1 or CSV=1, and not both.")
    session = open_session(options.env)
    environment = session.environment
    environment.accounts_of(options.tenant)
    lines = [
        line
        for line in read_cost_lines(Path(options.cur))
        if line.account_id == environment.operations_account_id
    ]
    if not lines:
        raise CommandError(
            f"{options.cur} has no cost of Amazon Bedrock in the operations account "
            f"{environment.operations_account_id}; export the account's report, or wait a day after the first calls."
        )
    profiles = _profiles(session, options.tenant, lines)
    assignment = assign(
        environment,
        lines,
        {profile.arn: profile.alias for profile in profiles},
        options.by,
        None if options.tenant is None else {options.tenant},
    )
    comparisons = _comparisons(session, assignment.charges, profiles, months_of(lines))
    if options.json:
        print_json(_document(assignment, comparisons))
    elif options.csv:
        out.print(_csv(assignment.charges), end="")
    else:
        show(assignment, comparisons)
    sentences = [*assignment.faults, *(item.sentence for item in comparisons if item.sentence)]
    for sentence in sentences:
        warn(sentence)
    return int(bool(sentences) or any(item.is_fault for item in assignment.unassigned))


def _profiles(session: Session, tenant: str | None, lines: Iterable[CostLine]) -> list[Profile]:
    """Return the tenants' own profiles: those in use, and earlier ones that the report names with their alias."""
    environment = session.environment
    names = environment.tenants if tenant is None else (tenant,)
    tracked = [name for name in names if any(_tracked_models(environment, name).values())]
    handovers = map_in_parallel(session.bucket.handover, tracked, CALLS_AT_A_TIME)
    profiles = {
        Profile(name, alias, model["model"])
        for name, handover in zip(tracked, handovers, strict=True)
        for alias, model in handover["models"].items()
        if OWN_PROFILE in model["model"]
    }
    profiles |= {
        Profile(line.tenant, line.alias_tag, line.resource_id)
        for line in lines
        if line.environment == environment.name
        and line.tenant
        and line.tenant in names
        and line.alias_tag
        and line.resource_id
        and OWN_PROFILE in line.resource_id
    }
    return sorted(profiles, key=lambda profile: (profile.tenant, profile.alias, profile.arn))


def _tracked_models(environment: Environment, tenant: str) -> dict[str, bool]:
    """Return for each alias of the tenant whether it is tracked."""
    models = environment.stanzas[tenant]["models"]
    return {alias: model.get("track", False) for alias, model in models.items()}


def _comparisons(
    session: Session,
    charges: list[Charge],
    profiles: list[Profile],
    months: Mapping[str, tuple[datetime, datetime]],
) -> list[TokenComparison]:
    windows: dict[str, Window] = {}
    for month, times in months.items():
        try:
            windows[month] = whole_periods(*times)
        except CommandError:
            warn(f"CloudWatch has no counts of {month} any more, so its tokens are not compared.")
    target = session.target
    operations = target.operations()
    regions = sorted({profile.region for profile in profiles})
    clients = {region: target.client(operations, "cloudwatch", region) for region in regions}
    questions = [(month, profile) for month in windows for profile in profiles]

    def count(question: tuple[str, Profile]) -> Counts:
        month, profile = question
        return bedrock_counts(clients[profile.region], profile.arn, windows[month])

    answers = zip(questions, map_in_parallel(count, questions, CALLS_AT_A_TIME), strict=True)
    counts: dict[tuple[str, str], dict[str, Counts]] = {}
    for (month, profile), counted in answers:
        by_alias = counts.setdefault((profile.tenant, month), {})
        by_alias[profile.alias] = by_alias.get(profile.alias, Counts()) + counted
    return [
        comparison
        for (tenant, month), by_alias in sorted(counts.items())
        for comparison in compare_tokens(
            tenant,
            month,
            charges,
            by_alias,
            until=months[month][1],
            all_tracked=all(_tracked_models(session.environment, tenant).values()),
        )
    ]


def show(assignment: Assignment, comparisons: list[TokenComparison]) -> None:
    """Print the charges, what no tenant bears, the totals, and how many comparisons agree."""
    rows = table("period", "tenant", "alias", "model", "tokens in/out", "cost", "after discounts")
    for charge in assignment.charges:
        tokens = charge.tokens
        rows.add_row(
            charge.period,
            charge.tenant,
            charge.alias or "",
            charge.model,
            f"{tokens.get('input_tokens', 0):,}/{tokens.get('output_tokens', 0):,}",
            f"{charge.cost:,.4f} {charge.currency}",
            f"{charge.net_cost:,.4f} {charge.currency}",
        )
    out.print(rows)
    for item in assignment.unassigned:
        style = "red" if item.is_fault else ""
        out.print(styled((f"no tenant: {item.reason}, {item.cost:,.4f} {item.currency}", style)))
    parts: list[Charge | Unassigned] = [*assignment.charges, *assignment.unassigned]
    for currency in sorted({part.currency for part in parts}):
        cost, net_cost = (
            sum(getattr(part, name) for part in parts if part.currency == currency)
            for name in ("cost", "net_cost")
        )
        out.print(
            f"all together: {cost:,.4f} {currency}, after discounts {net_cost:,.4f} {currency}"
        )
    equal = [item for item in comparisons if not item.sentence]
    if comparisons:
        out.print(
            f"{len(equal)} of {len(comparisons)} comparisons with Bedrock's counts agree in every kind of token."
        )
    else:
        out.print(
            "No alias is tracked, so Bedrock's counts were not compared; the costs need none."
        )


def _document(assignment: Assignment, comparisons: list[TokenComparison]) -> dict[str, Any]:
    """Return everything as JSON; amounts of money are strings, because they are exact."""
    return {
        "charges": [
            {**asdict(charge), "cost": str(charge.cost), "net_cost": str(charge.net_cost)}
            for charge in assignment.charges
        ],
        "unassigned": [
            {**asdict(item), "cost": str(item.cost), "net_cost": str(item.net_cost)}
            for item in assignment.unassigned
        ],
        "comparisons": [
            {**asdict(item), "differences": item.differences, "sentence": item.sentence}
            for item in comparisons
        ],
        "faults": assignment.faults,
    }


def _csv(charges: Iterable[Charge]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["period", "tenant", "alias", "model", *KINDS, "currency", "cost", "net_cost"])
    for charge in charges:
        counts = [charge.tokens.get(kind, 0) for kind in KINDS]
        writer.writerow(
            [
                *(charge.period, charge.tenant, charge.alias or "", charge.model),
                *(*counts, charge.currency, charge.cost, charge.net_cost),
            ]
        )
    return text.getvalue()


if __name__ == "__main__":
    run(main)
