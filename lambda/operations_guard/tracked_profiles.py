"""The application inference profiles of tenants: Bedrock counts the tokens of each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operations_guard.guard_input import GuardInput

# The most that a page of ListInferenceProfiles has:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html
_PAGE = 1_000


@dataclass(frozen=True)
class TrackedProfile:
    """A profile of a tenant's alias; ``model`` is the id of the foundation model that it runs."""

    tenant: str
    alias: str
    arn: str
    model: str

    @property
    def model_ids(self) -> tuple[str, str]:
        """The names under which Bedrock may count its calls."""
        return model_ids(self.arn)


def model_ids(profile: str) -> tuple[str, str]:
    """Return the names by which a caller may call a profile, its ARN and its id; Bedrock counts under the one used.

    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
    """
    return profile, profile.rpartition("/")[2]


def list_profiles(
    bedrock: Any,  # noqa: ANN401 - boto3's client, of the operations Region
    guard_input: GuardInput,
) -> list[TrackedProfile]:
    """Return the profiles of the input's tenants; modules/operations-role names them."""
    pages = bedrock.get_paginator("list_inference_profiles").paginate(
        typeEquals="APPLICATION", PaginationConfig={"PageSize": _PAGE}
    )
    summaries = (item for page in pages for item in page["inferenceProfileSummaries"])
    return list(_profiles(summaries, guard_input))


def _profiles(
    summaries: Iterable[dict[str, Any]], guard_input: GuardInput
) -> Iterator[TrackedProfile]:
    beginning = f"bedrock-{guard_input.environment}-"
    for summary in summaries:
        name = summary["inferenceProfileName"]
        # No tenant's name has an underscore, and the digits after the last one stand for the model.
        tenant, _, rest = name.removeprefix(beginning).partition("_")
        alias = rest.rpartition("_")[0]
        if name.startswith(beginning) and alias and tenant in guard_input.tenants:
            model = summary["models"][0]["modelArn"].rpartition("/")[2]
            yield TrackedProfile(tenant, alias, summary["inferenceProfileArn"], model)
