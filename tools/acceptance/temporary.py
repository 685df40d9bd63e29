"""What a run makes in the accounts for a while, its removal, and the search for what an interrupted run left.

Every name begins with one prefix for each tenant of an environment, so that a later run finds what is left.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.acceptance.waiting import wait_for
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.acceptance.waiting import Clock

LONGEST_REMOVAL = 30  # seconds in which a service may still list what is deleted
_GONE = frozenset({"NoSuchEntity", "ResourceNotFoundException"})


def prefix_of(environment: str, tenant: str) -> str:
    """Return the beginning of all names, which fits into IAM's 64 characters with any ending."""
    digest = hashlib.sha256(f"{environment}/{tenant}".encode()).hexdigest()[:8]
    return f"bedrock-acceptance-{digest}"


@dataclass(frozen=True)
class Temporary:
    """One kind of thing in one account: how to list those with the prefix, and how to remove one.

    ``find`` returns what ``remove`` takes, by the name that people know.
    """

    kind: str
    find: Callable[[], dict[str, str]]
    remove: Callable[[str], None]


@dataclass
class Cleanup:
    """Removes everything of some kinds, and says what is still there afterwards."""

    clock: Clock
    kinds: list[Temporary] = field(default_factory=list)

    def remove_all(self) -> list[str]:
        """Remove all that bears the prefix; return a sentence for each thing that is left or unknown."""
        return [sentence for kind in self.kinds for sentence in self._remove(kind)]

    def _remove(self, kind: Temporary) -> list[str]:
        problems: dict[str, str] = {}

        def is_empty() -> bool | None:
            problems.clear()
            for name, identifier in kind.find().items():
                problems[name] = "it is still listed"
                try:
                    kind.remove(identifier)
                except ClientError as error:
                    if error.response["Error"]["Code"] not in _GONE:
                        problems[name] = str(error)
            return None if problems else True

        try:
            wait_for(is_empty, self.clock, longest=LONGEST_REMOVAL, pause=1)
        except (BotoCoreError, ClientError, CommandError) as error:
            return [f"The {kind.kind} cannot be listed, so one may be left: {error}"]
        return [f"The {kind.kind} {name} is left: {reason}" for name, reason in problems.items()]


def probe_roles(iam: Any, prefix: str, path: str) -> Temporary:  # noqa: ANN401 - boto3's client
    """Return the roles by which a run calls Bedrock as a tenant would."""

    def find() -> dict[str, str]:
        pages = iam.get_paginator("list_roles").paginate(PathPrefix=path)
        names = [role["RoleName"] for page in pages for role in page["Roles"]]
        return {name: name for name in names if name.startswith(prefix)}

    def remove(name: str) -> None:
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    return Temporary("role", find, remove)


def inference_profiles(bedrock: Any, prefix: str) -> Temporary:  # noqa: ANN401 - boto3's client
    """Return the inference profiles that a run tags and calls."""

    def find() -> dict[str, str]:
        pages = bedrock.get_paginator("list_inference_profiles").paginate(typeEquals="APPLICATION")
        return {
            profile["inferenceProfileName"]: profile["inferenceProfileArn"]
            for page in pages
            for profile in page["inferenceProfileSummaries"]
            if profile["inferenceProfileName"].startswith(prefix)
        }

    def remove(arn: str) -> None:
        bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)

    return Temporary("inference profile", find, remove)


def log_groups(logs: Any, prefix: str) -> Temporary:  # noqa: ANN401 - boto3's client
    """Return log groups whose names begin with the prefix."""

    def find() -> dict[str, str]:
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        return {name: name for name in names}

    def remove(name: str) -> None:
        logs.delete_log_group(logGroupName=name)

    return Temporary("log group", find, remove)


def function_of(aws_lambda: Any, name: str) -> Temporary:  # noqa: ANN401 - boto3's client
    """Return the one function that a run makes in the customer account; the name is the same in every run."""

    def find() -> dict[str, str]:
        with suppress(aws_lambda.exceptions.ResourceNotFoundException):
            aws_lambda.get_function(FunctionName=name)
            return {name: name}
        return {}

    def remove(found: str) -> None:
        aws_lambda.delete_function(FunctionName=found)

    return Temporary("function", find, remove)
