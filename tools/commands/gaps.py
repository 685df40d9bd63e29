"""`make gaps`: compare a tenant's records with Bedrock's own counts, and list what is unaccounted for."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, styled, table, warn
from tools.cli.session import open_session
from tools.proof.lost_calls import OWN_PROFILE
from tools.records.bedrock_counts import LONGEST_CALL, bedrock_counts, compare, whole_periods
from tools.records.event import member, time_of
from tools.records.reader import (
    RecordFilter,
    parse_time,
    read_records,
    refuse_an_empty_window,
    show_places,
)
from tools.tenants.stanza_state import warn_of_state

if TYPE_CHECKING:
    from rich.text import Text

    from tools.cli.session import Session
    from tools.records.bedrock_counts import Comparison, Window
    from tools.records.reader import Entry

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html, inferenceProfileArn
_OWN_PROFILE = re.compile(
    r"arn:[a-z-]+:bedrock:[a-z0-9-]+:\d{12}:application-inference-profile/[a-z0-9]+"
)


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
    """Print the comparison of every profile; return 1 when a call has no record or a record is damaged.

    A call without an end that began less than an hour ago may still be out, so it alone is no failure.
    """
    options = parser().parse_args()
    since = parse_time(options.since)
    until = parse_time(options.until) if options.until else datetime.now(UTC)
    refuse_an_empty_window(since, until)
    window = whole_periods(since, until)
    session = open_session(options.env, tenant=options.tenant)
    accounts = session.environment.accounts_of(options.tenant)
    warn_of_state(session.environment, options.tenant)
    show_places(session.environment, accounts)
    entries: list[Entry] = []
    damage: list[str] = []
    for account in accounts:
        reader = read_records(session.target, account, window.since - LONGEST_CALL)
        entries += reader.entries(RecordFilter(until=window.until))
        damage += reader.damage()
    comparisons = _comparisons(session, options.tenant, entries, window)
    marks = [
        entry
        for entry in entries
        if entry.phase == "start" and RecordFilter(window.since).matches(entry.record)
    ]
    gaps = [entry for entry in marks if not entry.has_masked_id]
    if len(marks) > len(gaps):
        warn(
            f"{len(marks) - len(gaps)} start marks have a masked record id, so it cannot be told whether their "
            "calls have a record. Take the data identifier that masks the ids out of the stanza's masking."
        )
    open_gaps = [entry for entry in gaps if may_be_out(entry)]
    if options.json:
        profiles = [
            asdict(comparison)
            | {
                "unaccounted_calls": comparison.unaccounted_calls,
                "most_unaccounted_calls": comparison.most_unaccounted_calls,
            }
            for comparison in comparisons
        ]
        print_json(
            {
                "since": window.since.isoformat(),
                "until": window.until.isoformat(),
                "profiles": profiles,
                "gaps": [entry.id for entry in gaps],
                "still_out_or_lost": [entry.id for entry in open_gaps],
            }
        )
    else:
        show(comparisons, gaps, window)
    for sentence in damage:
        warn(sentence)
    unaccounted = any(comparison.unaccounted_calls for comparison in comparisons)
    return int(bool(damage or unaccounted or len(gaps) > len(open_gaps)))


def _comparisons(
    session: Session, tenant: str, entries: list[Entry], window: Window
) -> list[Comparison]:
    target = session.target
    operations = target.operations()
    return [
        compare(
            alias,
            profile,
            region,
            entries,
            bedrock_counts(target.client(operations, "cloudwatch", region), profile, window),
            window=window,
        )
        for alias, profile, regions in _tracked_profiles(session, tenant, entries)
        for region in regions
    ]


def _tracked_profiles(
    session: Session, tenant: str, entries: list[Entry]
) -> list[tuple[str, str, list[str]]]:
    """Return alias, ARN and Regions of each model that the tenant calls by a profile of its own.

    A function that has not received a new model yet calls the previous one. Its profile is in the records
    and not in the hand-over, and CloudWatch keeps its counts after the profile is removed.
    """
    profiles, shared_models = [], []
    for alias, model in sorted(session.bucket.handover(tenant)["models"].items()):
        if OWN_PROFILE in model["model"]:
            profiles.append((alias, model["model"], model["regions"]))
        else:
            shared_models.append(alias)
    current = {arn for _, arn, _ in profiles}
    previous = {
        (str(member(entry.record, "tenantBedrock", "alias")), entry.record["modelId"])
        for entry in entries
        if entry.is_readable and _OWN_PROFILE.fullmatch(str(entry.record.get("modelId")))
    }
    profiles += [
        (alias, arn, [arn.split(":")[3]]) for alias, arn in sorted(previous) if arn not in current
    ]
    if shared_models:
        warn(
            f"{', '.join(shared_models)}: called by the model's own id, which Bedrock counts for all tenants "
            "together, so only named gaps are shown. Write track = true in the stanza to count it by tenant."
        )
    return profiles


def show(comparisons: list[Comparison], gaps: list[Entry], window: Window) -> None:
    """Print the table, a line for each gap, and what the comparison cannot tell."""
    if comparisons:
        out.print(
            f"{window.since:%Y-%m-%d %H:%M} to {window.until:%Y-%m-%d %H:%M} UTC, in data points of "
            f"{window.period} s"
        )
        _print_figures(comparisons)
    for entry in gaps:
        out.print(_gap(entry))
    undecided = [
        comparison
        for comparison in comparisons
        if comparison.most_unaccounted_calls > comparison.unaccounted_calls
    ]
    for comparison in undecided:
        out.print(
            f"{comparison.alias} in {comparison.region}: Bedrock may or may not have counted the failed and "
            f"doubtful calls and the gaps, so {_interval(comparison)} calls have no record. Compare the tokens: "
            "calls without a record make Bedrock's greater."
        )
    if gaps or undecided or any(comparison.unaccounted_calls for comparison in comparisons):
        return
    if comparisons:
        out.print("Every call is accounted for.")
    else:
        out.print(
            "No call is without a record. No model is tracked, so Bedrock's counts were not compared."
        )


def may_be_out(entry: Entry) -> bool:
    """Return whether a call without an end began so recently that it may not be over yet."""
    begin = time_of(entry.record)
    return begin is None or abs(datetime.now(UTC) - begin) < LONGEST_CALL


def _print_figures(comparisons: list[Comparison]) -> None:
    """Print a table, or one figure on each line where a table would be wider than the terminal."""
    figures = [_figures(comparison) for comparison in comparisons]
    rows = table("alias", "region", *figures[0])
    for comparison, values in zip(comparisons, figures, strict=True):
        rows.add_row(comparison.alias, comparison.region, *values.values())
    if out.fits(rows):
        out.print(rows)
        return
    for comparison, values in zip(comparisons, figures, strict=True):
        out.print(styled(f"{comparison.alias} in {comparison.region}"))
        for name, value in values.items():
            out.print(styled(f"  {name}: "), value, sep="")


def _figures(comparison: Comparison) -> dict[str, Text]:
    counted, recorded = comparison.counted, comparison.recorded
    unaccounted = (_interval(comparison), "red" if comparison.unaccounted_calls else "green")
    return {
        "Bedrock's calls": styled(f"{counted.calls:,}"),
        "recorded": styled(f"{recorded.calls:,}"),
        "failed": styled(f"{comparison.failed_calls:,}"),
        "doubtful": styled(f"{comparison.doubtful_calls:,}"),
        "gaps": styled(f"{len(comparison.gaps):,}"),
        "unaccounted": styled(unaccounted),
        "Bedrock's tokens in/out": styled(f"{counted.input_tokens:,}/{counted.output_tokens:,}"),
        "recorded in/out": styled(f"{recorded.input_tokens:,}/{recorded.output_tokens:,}"),
    }


def _interval(comparison: Comparison) -> str:
    """Return the calls without a record, as "3" or, when that cannot be told, as "0 to 3"."""
    least, most = comparison.unaccounted_calls, comparison.most_unaccounted_calls
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _gap(entry: Entry) -> Text:
    record = entry.record
    alias = record["tenantBedrock"].get("alias") or record.get("modelId") or "an unknown model"
    size = member(record, "tenantBedrock", "request", "bytes")
    request = f"a request of {size:,} bytes" if isinstance(size, int) else "a request"
    outcome = (
        "was sent less than an hour ago: it is still out, or its end is lost"
        if may_be_out(entry)
        else "was sent and its end was never recorded"
    )
    return styled(f"gap: record {entry.id}, {record['timestamp']}, {alias}: {request} {outcome}")


if __name__ == "__main__":
    run(main)
