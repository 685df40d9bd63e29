"""Bedrock's own log of calls, which would store every prompt and answer in the operations account.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operations_guard.verified_line import lines_of_regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from operations_guard.aws_reader import AwsReader
    from operations_guard.verified_line import VerifiedLine

SUBJECT, OPERATION = "invocation logging", "GetModelInvocationLoggingConfiguration"
ADVICE = (
    "It stores prompts and answers in the operations account. Turn it off with `aws bedrock "
    "delete-model-invocation-logging-configuration --region {region}`, and delete what it has written."
)


def logging_places(answer: Mapping[str, Any] | None) -> list[str]:
    """Return where Bedrock logs calls, by the answer of OPERATION; nothing when it logs none."""
    config = (answer or {}).get("loggingConfig")
    if not config:
        return []
    return sorted(name for name in config if name.endswith("Config")) or ["no place named"]


def logging_lines(reader: AwsReader, regions: Sequence[str]) -> Iterator[VerifiedLine]:
    """Look whether it is off in each Region."""

    def look(region: str) -> Iterator[str]:
        if places := logging_places(reader.ask("bedrock", OPERATION, region=region)):
            yield f"Bedrock logs every call of {region} ({', '.join(places)})"

    return lines_of_regions(SUBJECT, regions, look, "off", ADVICE)
