"""What Bedrock counts in CloudWatch, observed on an inference profile that only this run has called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tools.acceptance.delays import tagged_profile
from tools.acceptance.observation import Check, Observation, compared, unknown
from tools.acceptance.waiting import Delay, wait_for
from tools.records.bedrock_counts import Counts, bedrock_counts, whole_periods

if TYPE_CHECKING:
    from tools.acceptance.sandbox import Sandbox
    from tools.records.bedrock_counts import Window

GROUP = "metrics"
LONGEST_WAIT = 900  # seconds
PAUSE = 15.0
NAMES = ("InputTokenCount", "InvocationLatency", "Invocations", "OutputTokenCount")
_PAGE = "https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html"


@dataclass(frozen=True)
class Metrics:
    """What CloudWatch has of a profile: the counts as `make gaps` reads them, and each metric by its dimension.

    ``sums`` has the sum of each metric that has one, by the form of the ModelId ("ARN" or "id") and its name.
    """

    appeared: Delay[Counts]
    counts: Counts
    sums: dict[str, dict[str, float]]
    answers: tuple[dict[str, Any], ...]


def metrics(sandbox: Sandbox) -> Metrics:
    """Wait until Bedrock has counted every answer through the profile, for a quarter of an hour at most."""
    profile = sandbox.once(tagged_profile)
    cloudwatch, clock = sandbox.client("cloudwatch"), sandbox.clock
    # A minute more, because two clocks may differ.
    age = timedelta(seconds=clock.now() - profile.first_call + 60)
    began = datetime.now(UTC) - age

    def window() -> Window:
        return whole_periods(began, datetime.now(UTC) + timedelta(minutes=1))

    def attempt() -> Counts | None:
        counts = bedrock_counts(cloudwatch, profile.arn, window())
        return counts if counts.calls >= len(profile.answers) else None

    appeared = wait_for(attempt, clock, longest=LONGEST_WAIT, pause=PAUSE, since=profile.last_call)
    counts = appeared.value or bedrock_counts(cloudwatch, profile.arn, window())
    return Metrics(appeared, counts, _sums(cloudwatch, profile.arn, window()), profile.answers)


def _sums(cloudwatch: Any, arn: str, window: Window) -> dict[str, dict[str, float]]:  # noqa: ANN401 - boto3's client
    forms = {"ARN": arn, "id": arn.rpartition("/")[2]}
    queries = [
        {
            "Id": f"m{form}_{name}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Bedrock",
                    "MetricName": name,
                    "Dimensions": [{"Name": "ModelId", "Value": value}],
                },
                "Period": window.period,
                "Stat": "Sum",
            },
        }
        for form, value in forms.items()
        for name in (*NAMES, "InvocationClientErrors")
    ]
    answer = cloudwatch.get_metric_data(
        StartTime=window.since, EndTime=window.until, MetricDataQueries=queries
    )
    sums: dict[str, dict[str, float]] = {}
    for result in answer["MetricDataResults"]:
        form, _, name = result["Id"].removeprefix("m").partition("_")
        if result["Values"]:
            sums.setdefault(form, {})[name] = sum(result["Values"])
    return sums


def _lag(sandbox: Sandbox) -> Observation:
    delay = sandbox.once(metrics).appeared
    if delay.value is None:
        return compared(agrees=False, seen=f"They were not complete within {LONGEST_WAIT} s.")
    seconds = round(delay.seconds, 1)
    return compared(
        agrees=True, seen=f"All were there {seconds} s after the last call.", seconds=seconds
    )


def _names(sandbox: Sandbox) -> Observation:
    sums = sandbox.once(metrics).sums
    found = {name for values in sums.values() for name in values}
    missing = sorted(set(NAMES) - found)
    seen = f"Without values: {', '.join(missing)}." if missing else "All have values."
    return compared(not missing, seen, names=sorted(found))


def _dimension(sandbox: Sandbox) -> Observation:
    forms = sorted(
        form for form, values in sandbox.once(metrics).sums.items() if "Invocations" in values
    )
    if not forms:
        return unknown("No count has appeared under the ARN or the id.")
    return compared(
        forms == ["ARN"], f"They are counted under the {' and the '.join(forms)}.", forms=forms
    )


def _calls(sandbox: Sandbox) -> Observation:
    found = sandbox.once(metrics)
    counted, answered = found.counts.calls, len(found.answers)
    seen = f"{counted} are counted and {answered} were answered; others were refused."
    return compared(counted == answered, seen, counted=counted, answered=answered)


def _tokens(sandbox: Sandbox) -> Observation:
    found = sandbox.once(metrics)
    stated = [
        sum(int(usage[name]) for usage in found.answers) for name in ("inputTokens", "outputTokens")
    ]
    counted = [found.counts.input_tokens, found.counts.output_tokens]
    seen = f"{counted[0]}/{counted[1]} are counted, and the answers state {stated[0]}/{stated[1]}."
    return compared(counted == stated, seen, counted=counted, stated=stated)


def metric_checks() -> list[Check]:
    """Return the checks of this group."""
    rows = [
        (
            "the lag of Bedrock's counts",
            f"All counts are there within {LONGEST_WAIT} s, so that `make gaps` can compare them.",
            _lag,
        ),
        ("the names of Bedrock's metrics", f"{', '.join(NAMES)} have values.", _names),
        (
            "the dimension of Bedrock's counts",
            "ModelId is what the caller passed: here the ARN of the inference profile.",
            _dimension,
        ),
        (
            "Bedrock's count of calls",
            "Answered calls are counted, and those that IAM refuses are not.",
            _calls,
        ),
        (
            "Bedrock's count of tokens",
            "The counts are the sums of what the answers state.",
            _tokens,
        ),
    ]
    return [
        Check(GROUP, name, expected, _PAGE, observe, only_aws=True)
        for name, expected, observe in rows
    ]
