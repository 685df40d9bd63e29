"""Everything about one operations account: what was read, what could not be asked, and what AWS says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operations_guard.account_retention import read_mode, retention_lines
from operations_guard.aws_reader import NotReadError
from operations_guard.bedrock_projects import project_lines, unknown_operations
from operations_guard.invocation_logging import logging_lines
from operations_guard.leftovers import leftover_lines
from operations_guard.organization_policy import organization_lines
from operations_guard.role_permissions import permission_lines
from operations_guard.session_names import session_name_lines
from operations_guard.verified_line import cannot_tell, in_each

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from operations_guard.aws_reader import AwsReader
    from operations_guard.bedrock_projects import NotAsked
    from operations_guard.guarded_account import GuardedAccount
    from operations_guard.verified_line import VerifiedLine


@dataclass(frozen=True)
class Verification:
    """The lines about one operations account, the Regions that they are about, and the questions not asked."""

    regions: tuple[str, ...]
    lines: tuple[VerifiedLine, ...]
    not_asked: tuple[NotAsked, ...]


def verify(reader: AwsReader, account: GuardedAccount) -> Verification:
    """Read the account; what cannot be read is a line and stops nothing else."""
    regions, lines = set(account.regions), []
    for region, profile in account.profiles:
        try:
            answer = reader.ask(
                "bedrock", "GetInferenceProfile", region=region, inferenceProfileIdentifier=profile
            )
            regions.update(regions_of_profile(answer))
        except NotReadError as error:
            lines.append(cannot_tell(f"destinations of {profile}", str(error)))
    everywhere = sorted(regions)
    modes = in_each(everywhere, lambda region: read_mode(reader.client("bedrock", region), region))
    lines += [
        cannot_tell(f"everything in {region}", mode.problem)
        for region, mode in modes.items()
        if mode.is_closed
    ]
    reachable = [region for region, mode in modes.items() if not mode.is_closed]
    lines += [
        *logging_lines(reader, reachable),
        *retention_lines(reader, reachable),
        *project_lines(reader, reachable),
        *leftover_lines(reader, reachable),
        *session_name_lines(reader, account),
        *permission_lines(reader, account),
        *organization_lines(reader, account),
    ]
    return Verification(tuple(everywhere), tuple(lines), tuple(unknown_operations(reader)))


def regions_of_profile(answer: Mapping[str, Any] | None) -> set[str]:
    """Return the Regions to which AWS says that a profile sends calls at present.

    The ARN of a model that may run anywhere has none.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html
    """
    arns = [model.get("modelArn", "") for model in (answer or {}).get("models", ())]
    return {arn.split(":")[3] for arn in arns if arn.count(":") >= 5} - {""}
