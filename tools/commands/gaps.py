"""`make gaps`: compare a tenant's records with Bedrock's own counts, and list what is unaccounted for."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, run, table, warn
from tools.cli.session import open_session
from tools.records.bedrock_counts import Comparison, bedrock_counts, compare
from tools.records.reader import RecordFilter, parse_time, read_records

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.records.reader import Entry


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_argument(
        "--since",
        default="24h",
        help="calls from this time on: 2026-11-23T14:00, or 30m, 12h, 7d ago (default 24h)",
    )
    arguments.add_argument("--until", help="calls before this time (default now)")
    arguments.add_json("every comparison, and the record ids of the gaps")
    return arguments


def main() -> int:
    """Print the comparison of every profile; return 1 when a call has no record or a record is damaged."""
    options = parser().parse_args()
    since = parse_time(options.since).replace(second=0, microsecond=0)
    # Bedrock's counts arrive some minutes late, so the newest calls are compared the next time.
    until = parse_time(options.until) if options.until else datetime.now(UTC)
    session = open_session(options.env)
    entries: list[Entry] = []
    damage: list[str] = []
    for account in session.environment.accounts_of(options.tenant):
        reader = read_records(session.target, account, since)
        entries += reader.entries(RecordFilter(since, until))
        damage += reader.damage()
    comparisons = _comparisons(session, options.tenant, entries, since, until)
    gaps = [entry for entry in entries if entry.phase == "start"]
    if options.json:
        profiles = [
            asdict(comparison) | {"unaccounted_calls": comparison.unaccounted_calls}
            for comparison in comparisons
        ]
        out.print_json(json.dumps({"profiles": profiles, "gaps": [entry.id for entry in gaps]}))
    else:
        show(comparisons, gaps)
    for sentence in damage:
        warn(sentence)
    unaccounted = any(comparison.unaccounted_calls for comparison in comparisons)
    return int(bool(damage or gaps or unaccounted))


def _comparisons(
    session: Session, tenant: str, entries: list[Entry], since: datetime, until: datetime
) -> list[Comparison]:
    target = session.target
    operations = target.operations()
    return [
        compare(
            alias,
            profile,
            region,
            entries,
            bedrock_counts(target.client(operations, "cloudwatch", region), profile, since, until),
        )
        for alias, profile, regions in _tracked_profiles(session, tenant)
        for region in regions
    ]


def _tracked_profiles(session: Session, tenant: str) -> list[tuple[str, str, list[str]]]:
    """Return alias, ARN and Regions of each model that the tenant calls by a profile of its own."""
    profiles, shared_models = [], []
    for alias, model in sorted(session.terraform.handover(tenant)["models"].items()):
        if ":application-inference-profile/" in model["model"]:
            profiles.append((alias, model["model"], model["regions"]))
        else:
            shared_models.append(alias)
    if shared_models:
        warn(
            f"{', '.join(shared_models)}: called by the model's own id, which Bedrock counts for all tenants "
            "together, so only named gaps are shown. Write track = true in the stanza to count it by tenant."
        )
    return profiles


def show(comparisons: list[Comparison], gaps: list[Entry]) -> None:
    """Print the table, then a line for each gap."""
    rows = table(
        "alias", "region", "Bedrock's calls", "recorded", "doubtful", "gaps", "unaccounted",
        "Bedrock's tokens in/out", "recorded",
    )  # fmt: skip
    for comparison in comparisons:
        counted, recorded = comparison.counted, comparison.recorded
        unaccounted = comparison.unaccounted_calls
        rows.add_row(
            comparison.alias,
            comparison.region,
            f"{counted.calls:,}",
            f"{recorded.calls:,}",
            f"{comparison.doubtful_calls:,}",
            f"{len(comparison.gaps):,}",
            f"[red]{unaccounted:,}[/red]" if unaccounted else "[green]0[/green]",
            f"{counted.input_tokens:,}/{counted.output_tokens:,}",
            f"{recorded.input_tokens:,}/{recorded.output_tokens:,}",
        )
    if comparisons:
        out.print(rows)
    for entry in gaps:
        record, details = entry.record, entry.record["tenantBedrock"]
        out.print(
            f"gap: record {entry.id}, {record['timestamp']}, {details.get('alias', record['modelId'])}: "
            f"a request of {details['request']['bytes']:,} bytes was sent and its end was never recorded",
            markup=False,
        )
    if gaps or any(comparison.unaccounted_calls for comparison in comparisons):
        return
    if comparisons:
        out.print("Every call is accounted for.")
    else:
        out.print(
            "No call is without a record. No model is tracked, so Bedrock's counts were not compared."
        )


if __name__ == "__main__":
    run(main)
