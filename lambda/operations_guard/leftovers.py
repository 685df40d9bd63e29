"""Jobs, agents, knowledge bases and other objects of Bedrock in which somebody's content stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from operations_guard.aws_reader import NoEndpointError
from operations_guard.invocation_logging import OPERATION as ANSWERED_EVERYWHERE
from operations_guard.verified_line import lines_of_regions, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from operations_guard.aws_reader import AwsReader
    from operations_guard.verified_line import VerifiedLine

# Nobody can delete a job of some kinds, so those that are older say nothing about today. CloudTrail's event history has
# the same 90 days: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
DAYS = 90
_AGENT = "bedrock-agent"


@dataclass(frozen=True)
class LeftoverKind:
    """One kind of object. ``began`` is the time of a job that cannot be deleted, and empty for the others."""

    subject: str
    service: str
    operation: str  # which lists them
    member: str  # of the answer
    name: str  # of a listed object
    began: str = ""


KINDS = (
    LeftoverKind(
        "batch inference jobs",
        "bedrock",
        "ListModelInvocationJobs",
        "invocationJobSummaries",
        "jobArn",
        began="submitTime",
    ),
    LeftoverKind(
        "asynchronous invocations",
        "bedrock-runtime",
        "ListAsyncInvokes",
        "asyncInvokeSummaries",
        "invocationArn",
        began="submitTime",
    ),
    LeftoverKind(
        "model customization jobs",
        "bedrock",
        "ListModelCustomizationJobs",
        "modelCustomizationJobSummaries",
        "jobArn",
        began="creationTime",
    ),
    LeftoverKind(
        "model import jobs",
        "bedrock",
        "ListModelImportJobs",
        "modelImportJobSummaries",
        "jobArn",
        began="creationTime",
    ),
    LeftoverKind("custom models", "bedrock", "ListCustomModels", "modelSummaries", "modelArn"),
    LeftoverKind("imported models", "bedrock", "ListImportedModels", "modelSummaries", "modelArn"),
    LeftoverKind("evaluation jobs", "bedrock", "ListEvaluationJobs", "jobSummaries", "jobArn"),
    LeftoverKind(
        "prompt optimization jobs",
        "bedrock",
        "ListAdvancedPromptOptimizationJobs",
        "jobSummaries",
        "jobArn",
    ),
    LeftoverKind("agents", _AGENT, "ListAgents", "agentSummaries", "agentId"),
    LeftoverKind(
        "knowledge bases",
        _AGENT,
        "ListKnowledgeBases",
        "knowledgeBaseSummaries",
        "knowledgeBaseId",
    ),
    LeftoverKind("prompts", _AGENT, "ListPrompts", "promptSummaries", "arn"),
    LeftoverKind("flows", _AGENT, "ListFlows", "flowSummaries", "arn"),
    # Conversations that somebody's own code has put into Bedrock, not those of calls:
    # https://docs.aws.amazon.com/bedrock/latest/userguide/sessions.html
    LeftoverKind(
        "stored sessions", f"{_AGENT}-runtime", "ListSessions", "sessionSummaries", "sessionArn"
    ),
)


def leftover_lines(
    reader: AwsReader, regions: Sequence[str], now: datetime | None = None
) -> Iterator[VerifiedLine]:
    """Look for objects of each kind in each Region; a name is shown and never a description."""
    since = (now or datetime.now(UTC)) - timedelta(days=DAYS)
    for kind in KINDS:
        yield from _lines(reader, regions, kind, since)


def _lines(
    reader: AwsReader, regions: Sequence[str], kind: LeftoverKind, since: datetime
) -> Iterator[VerifiedLine]:
    def look(region: str) -> Iterator[str]:
        found = [
            str(item[kind.name])
            for item in _listed(reader, kind, region)
            if not kind.began or item[kind.began].timestamp() >= since.timestamp()
        ]
        if found:
            yield f"{len(found):,} in {region}: {shown(found, kind.subject)}"

    if kind.began:
        clean = f"none since {since:%Y-%m-%d}"
        advice = (
            "Stop it if it runs, and delete what it has read and written. Nobody can delete the job itself, so it is "
            f"named for {DAYS} days."
        )
    else:
        clean, advice = "none", "Delete it with what belongs to it, in {region}."
    return lines_of_regions(kind.subject, regions, look, clean, advice)


def _listed(reader: AwsReader, kind: LeftoverKind, region: str) -> Sequence[Mapping[str, Any]]:
    """Return all objects of a kind; none where AWS has no endpoint of agents, although it has Bedrock.

    Bedrock is in more Regions than agents are: https://docs.aws.amazon.com/general/latest/gr/bedrock.html
    """
    try:
        answer = reader.ask(kind.service, kind.operation, region=region) or {}
    except NoEndpointError:
        if not kind.service.startswith(_AGENT):
            raise
        reader.ask("bedrock", ANSWERED_EVERYWHERE, region=region)
        return ()
    items: Sequence[Mapping[str, Any]] = answer.get(kind.member, ())
    return items
