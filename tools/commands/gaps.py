"""`make gaps`: a tenant's records set against what Bedrock counted, and what is unaccounted for.

Bedrock counts each application inference profile apart, under the ARN the caller asked for:
https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tools.cli import arguments
from tools.cli.console import CommandError, out, progress, run, table, warn
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.records import reader as records
from tools.terraform import state as states

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.environment.model import Environment
    from tools.records.reader import Entry

# How long CloudWatch keeps counts by the minute, by five minutes and by the hour (seconds):
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
_KEPT = {timedelta(days=15): 60, timedelta(days=63): 300, timedelta(days=455): 3600}
_METRICS = {
    "calls": "Invocations",
    "input_tokens": "InputTokenCount",
    "output_tokens": "OutputTokenCount",
    "cache_read_tokens": "CacheReadInputTokenCount",
    "cache_write_tokens": "CacheWriteInputTokenCount",
}


@dataclass(frozen=True)
class Counts:
    """Calls that Bedrock answered, and their tokens."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class Comparison:
    """One profile in one Region: Bedrock's counts beside the books'.

    ``gaps`` are the record ids of calls with a start mark and no end: those that may have been
    paid and are not in the books. ``doubtful`` attempts had no answer that the caller saw.
    """

    alias: str
    profile: str
    region: str
    counted: Counts
    recorded: Counts
    doubtful: int
    gaps: tuple[str, ...]

    @property
    def unaccounted(self) -> int:
        """Calls that Bedrock answered and neither a record nor a gap tells of."""
        told = self.recorded.calls + self.doubtful + len(self.gaps)
        return max(0, self.counted.calls - told)


def main() -> int:
    """Print the comparison of every profile; 1 when a call has no record, or a record is damaged."""
    options = arguments.parser(__doc__, tenant="required")
    options.add_argument(
        "--since", default="24h", help="from this time on: 2026-11-23T14:00, or 30m, 12h, 7d ago"
    )
    options.add_argument("--until", help="before this time; by default until now")
    options.add_argument("--json", action="store_true", help="for machines")
    chosen = options.parse_args()
    env, workspace = environment.load(chosen.env), Workspace()
    accounts = env.of(chosen.tenant)
    # Bedrock's counts come some minutes late: what is unaccounted for in those is found next time.
    until = records.moment(chosen.until) if chosen.until else datetime.now(UTC)
    period = records.Choice(records.moment(chosen.since).replace(second=0, microsecond=0), until)
    entries: list[Entry] = []
    damage: list[str] = []
    for account in accounts:
        book = records.read(workspace, env, account, period.since)
        entries += book.entries(period)
        damage += book.damage()
    operations = workspace.operations(env)
    cloudwatch = partial(workspace.client, env, operations, "cloudwatch")
    compared = [
        compare(alias, profile, region, entries, counted(cloudwatch(region), profile, period))
        for alias, profile, regions in profiles_of(workspace, env, chosen.tenant)
        for region in regions
    ]
    named = [entry for entry in entries if entry.phase == "start"]
    if chosen.json:
        profiles = [asdict(one) | {"unaccounted": one.unaccounted} for one in compared]
        out.print_json(json.dumps({"profiles": profiles, "gaps": [one.id for one in named]}))
    else:
        show(compared, named)
    for sentence in damage:
        warn(sentence)
    return int(bool(damage or named or any(one.unaccounted for one in compared)))


def profiles_of(
    workspace: Workspace, env: Environment, tenant: str
) -> list[tuple[str, str, list[str]]]:
    """(alias, ARN, Regions) of each model that the tenant calls by a profile of its own."""
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)
    terraform.init(states.operations())
    own, shared = [], []
    for alias, model in sorted(terraform.handed_over_to(tenant)["models"].items()):
        if ":application-inference-profile/" in model["model"]:
            own.append((alias, model["model"], model["regions"]))
        else:
            shared.append(alias)
    if shared:
        warn(
            f"{', '.join(shared)}: called by the model's own id, which Bedrock counts for all tenants together; "
            "write track = true in the stanza to have it counted apart. Only named gaps are shown for it."
        )
    return own


def counted(
    client: Any,  # noqa: ANN401 - boto3's, of one Region of the operations account
    profile: str,
    period: records.Choice,
) -> Counts:
    """What Bedrock counted of one profile; CommandError when CloudWatch does not tell.

    It counts under the words of the caller, who may name a profile by its ARN or by its id.
    """
    names = (profile, profile.rpartition("/")[2])
    pages = client.get_paginator("get_metric_data").paginate(
        StartTime=period.since,
        EndTime=period.until,
        MetricDataQueries=[
            {
                "Id": f"{name}_{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Bedrock",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "ModelId", "Value": model_id}],
                    },
                    "Period": _seconds_kept(period),
                    "Stat": "Sum",
                },
            }
            for name, metric in _METRICS.items()
            for number, model_id in enumerate(names)
        ],
    )
    sums = dict.fromkeys(_METRICS, 0)
    try:
        for page in pages:
            for result in page["MetricDataResults"]:
                sums[result["Id"].rpartition("_")[0]] += int(sum(result["Values"]))
    except client.exceptions.ClientError as error:
        said = error.response["Error"]["Message"]
        raise CommandError(f"Bedrock's counts cannot be read: {said}") from None
    return Counts(**sums)


def _seconds_kept(period: records.Choice) -> int:
    age = datetime.now(UTC) - (period.since or datetime.min.replace(tzinfo=UTC))
    fitting = (seconds for kept, seconds in _KEPT.items() if age <= kept)
    return next(fitting, max(_KEPT.values()))


def compare(
    alias: str, profile: str, region: str, entries: Iterable[Entry], counts: Counts
) -> Comparison:
    """The books' side of one profile in one Region, beside Bedrock's."""
    here = [
        e for e in entries if (e.record.get("modelId"), e.record.get("region")) == (profile, region)
    ]
    attempts = [
        attempt for entry in here for attempt in entry.record["tenantBedrock"].get("attempts", ())
    ]
    return Comparison(
        alias=alias,
        profile=profile,
        region=region,
        counted=counts,
        recorded=Counts(
            calls=sum(attempt.get("status") == 200 for attempt in attempts),
            input_tokens=_total(here, "input", "inputTokenCount"),
            output_tokens=_total(here, "output", "outputTokenCount"),
            cache_read_tokens=_total(here, "input", "cacheReadInputTokenCount"),
            cache_write_tokens=_total(here, "input", "cacheWriteInputTokenCount"),
        ),
        doubtful=sum("status" not in attempt for attempt in attempts)
        # Nobody saw the end of a call that has no attempt: it was cut off while it was out.
        + sum(e.phase == "incomplete" and not e.record["tenantBedrock"]["attempts"] for e in here),
        gaps=tuple(entry.id for entry in here if entry.phase == "start"),
    )


def show(compared: list[Comparison], named: list[Entry]) -> None:
    """The table, then each gap by its name."""
    shown = table(
        "alias", "region", "Bedrock's calls", "recorded", "doubtful", "gaps", "unaccounted",
        "Bedrock's tokens in/out", "recorded",
    )  # fmt: skip
    for one in compared:
        missing = one.unaccounted
        shown.add_row(
            one.alias,
            one.region,
            f"{one.counted.calls:,}",
            f"{one.recorded.calls:,}",
            f"{one.doubtful:,}",
            f"{len(one.gaps):,}",
            f"[red]{missing:,}[/red]" if missing else "[green]0[/green]",
            f"{one.counted.input_tokens:,}/{one.counted.output_tokens:,}",
            f"{one.recorded.input_tokens:,}/{one.recorded.output_tokens:,}",
        )
    if compared:
        out.print(shown)
    for entry in named:
        record, ours = entry.record, entry.record["tenantBedrock"]
        out.print(
            f"gap: record {entry.id}, {record['timestamp']}, {ours.get('alias', record['modelId'])}, "
            f"a request of {ours['request']['bytes']:,} bytes left and its end was never recorded",
            markup=False,
        )
    if not named and not any(one.unaccounted for one in compared):
        out.print("Nothing is unaccounted for.")


def _total(entries: Iterable[Entry], side: str, name: str) -> int:
    return sum(entry.record.get(side, {}).get(name, 0) for entry in entries)


if __name__ == "__main__":
    run(main)
