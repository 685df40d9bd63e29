"""Projects with a retention of their own, storage of retained data, and trusted-access programs.

botocore knows these operations from 1.44.8 on. An older one cannot ask, which is said and is not taken for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import botocore

from operations_guard.account_retention import NONE
from operations_guard.verified_line import lines_of_regions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from operations_guard.aws_reader import AwsReader
    from operations_guard.verified_line import VerifiedLine

# As botocore 1.44.8 models them.
_PROVIDERS = ("anthropic", "openai")
_NO_MODE_OF_ITS_OWN = (None, "inherit", NONE)


@dataclass(frozen=True)
class NotAsked:
    """A question that was not asked, with the reason."""

    subject: str
    reason: str


@dataclass(frozen=True)
class _Setting:
    subject: str
    operation: str  # of Bedrock
    look: Callable[[AwsReader, str], Iterable[str]]
    clean: str
    advice: str


def project_lines(reader: AwsReader, regions: Sequence[str]) -> Iterator[VerifiedLine]:
    """Look at each setting in each Region, as far as this botocore can ask."""
    for setting in _SETTINGS:
        if reader.offers("bedrock", setting.operation):
            yield from _lines(reader, regions, setting)


def unknown_operations(reader: AwsReader) -> Iterator[NotAsked]:
    """Name the settings for which this botocore cannot ask."""
    for setting in _SETTINGS:
        if not reader.offers("bedrock", setting.operation):
            yield NotAsked(
                setting.subject,
                f"botocore {botocore.__version__} does not know bedrock:{setting.operation}",
            )


def _lines(reader: AwsReader, regions: Sequence[str], setting: _Setting) -> Iterator[VerifiedLine]:
    def look(region: str) -> Iterable[str]:
        return setting.look(reader, region)

    return lines_of_regions(setting.subject, regions, look, setting.clean, setting.advice)


def _projects(reader: AwsReader, region: str) -> Iterator[str]:
    """Name active projects but the default one, and each mode that keeps something.

    A project can be archived and not deleted; nobody can call with an archived one.
    """
    answer = reader.ask("bedrock", "ListProjects", region=region) or {}
    for project in answer.get("projectSummaries", ()):
        arn, mode = project["arn"], (project.get("dataRetention") or {}).get("mode")
        if project.get("status") == "archived":
            continue
        if mode not in _NO_MODE_OF_ITS_OWN:
            yield f'the project {arn} has data retention of its own, "{mode}"'
        elif not arn.endswith(":project/default"):
            yield f"the project {arn} exists, and its data retention can be changed"


def _storage(reader: AwsReader, region: str) -> Iterator[str]:
    for provider in _PROVIDERS:
        answer = reader.ask(
            "bedrock",
            "GetAccountDataRetentionStorage",
            missing=("ResourceNotFoundException",),
            region=region,
            modelProvider=provider,
        )
        if answer and (place := answer.get("storageDestination")):
            bucket = (answer.get("storageConfiguration") or {}).get("s3BucketArn")
            where = f"{place}, {bucket}" if bucket else place
            yield f"data that Bedrock retains for {provider} in {region} has a storage ({where})"


def _trusted_access(reader: AwsReader, region: str) -> Iterator[str]:
    answer = reader.ask("bedrock", "ListTrustedAccessPrograms", region=region) or {}
    for program in answer.get("programSummaries", ()):
        if "enabled" in (program.get("status"), program.get("optIn")):
            name = program.get("name") or program.get("programId")
            yield f"{region} is enrolled in the trusted-access program {name}"


_SETTINGS = (
    _Setting(
        "projects",
        "ListProjects",
        _projects,
        "only the default one",
        "Archive it with ArchiveProject in {region}, after its mode is none.",
    ),
    _Setting(
        "storage of retained data",
        "GetAccountDataRetentionStorage",
        _storage,
        "none",
        "Delete it with DeleteAccountDataRetentionStorage in {region}, and what it holds.",
    ),
    _Setting(
        "trusted-access programs",
        "ListTrustedAccessPrograms",
        _trusted_access,
        "not enrolled",
        "Set its optIn to disabled with PutTrustedAccessProgramAccountEnrollment in {region}.",
    ),
)
