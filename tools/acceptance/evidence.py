"""The dated file in which a run says what it saw, for reviewers who were not there."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.acceptance.observation_run import REMAINING
from tools.cli.evidence_file import data_lines, markdown_row, write_evidence_file
from tools.release import release_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.acceptance.observation import Outcome
    from tools.acceptance.observation_run import Report


def as_data(report: Report) -> dict[str, Any]:
    """Return the report for machines; times are ISO 8601 in UTC."""
    return {
        "environment": report.environment,
        "tenant": report.tenant,
        "account": report.account,
        "alias": report.alias,
        "region": report.region,
        "started": report.started.isoformat(timespec="seconds"),
        "version": release_version(),
        "calls": report.calls,
        "input_tokens": report.input_tokens,
        "output_tokens": report.output_tokens,
        "left": list(report.left),
        "checks": [
            {
                "group": outcome.check.group,
                "name": outcome.check.name,
                "expected": outcome.check.expected,
                "page": outcome.check.page,
                "only_aws": outcome.check.only_aws,
                "seconds": outcome.seconds,
                **asdict(outcome.observation),
            }
            for outcome in report.outcomes
        ],
    }


def write_evidence(report: Report, folder: Path) -> Path:
    """Write the file and return its path."""
    name = f"{report.environment}-{report.tenant}-{report.started:%Y-%m-%dT%H%M%SZ}.md"
    return write_evidence_file(folder / name, _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"# Acceptance of {report.tenant} in {report.environment}, {report.started:%Y-%m-%d}"
    yield ""
    yield (
        f"Version {release_version()}, customer account {report.account}, alias {report.alias} in {report.region}, "
        f"started {report.started:%H:%M:%S} UTC. {report.calls} calls of models with {report.input_tokens:,} input "
        f"and {report.output_tokens:,} output tokens."
    )
    yield ""
    yield (
        f"{report.count('ok')} facts are as documented, {report.count('differs')} differ, and "
        f"{report.count('cannot tell')} could not be observed."
    )
    yield ""
    yield "| group | fact | result | seen | s |"
    yield "|---|---|---|---|---|"
    for outcome in report.outcomes:
        yield _row(outcome)
    yield ""
    yield "## Expected"
    yield ""
    for outcome in report.outcomes:
        check = outcome.check
        yield f"- {check.name}: {check.expected} {check.page}"
    yield ""
    yield "## Left behind"
    yield ""
    if report.left:
        yield from (f"- {sentence}" for sentence in report.left)
    else:
        yield "Everything that the run made is removed, and was searched for afterwards. This cannot be removed:"
        yield ""
        yield from (f"- {thing}" for thing in REMAINING)
    yield ""
    yield from data_lines(as_data(report))


def _row(outcome: Outcome) -> str:
    check, observation = outcome.check, outcome.observation
    return markdown_row(
        check.group,
        check.name,
        observation.result,
        observation.seen,
        f"{outcome.seconds:.1f}",
    )
