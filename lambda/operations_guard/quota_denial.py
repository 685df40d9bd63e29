"""Stops a tenant and lets it in again, by two shared policies that the guard attaches to the tenant's role.

Each policy is one Deny, and IAM evaluates it at each request, so sessions that are open are stopped too. One denies
all calls. The other denies calls of the profiles with the tag ``quota-reached``, which are those of single aliases.
Nobody else attaches these two; other attachments are not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operations_guard.tracked_profiles import TrackedProfile

TAG = "quota-reached"
_TAG_VALUE = "true"
# The most that a page of ListEntitiesForPolicy has:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
_PAGE = 1_000
_NO_ROLE = "NoSuchEntity"


@dataclass(frozen=True)
class Attachments:
    """The names of the roles to which each policy is attached, and AWS's time when it said so."""

    quota: frozenset[str]
    alias: frozenset[str]
    time: datetime


@dataclass(frozen=True)
class QuotaDenial:
    """Attaches and detaches. All of it may be repeated, and done by two guards at once."""

    iam: Any  # boto3's clients
    bedrock: Any
    quota_policy: str
    alias_policy: str

    def attachments(self) -> Attachments:
        """Return where the policies are attached, which is a call for each."""
        quota, time = self._roles(self.quota_policy)
        alias, _ = self._roles(self.alias_policy)
        return Attachments(quota, alias, time)

    def deny(self, role: str) -> bool:
        """Deny all calls of a role; False if there is no such role, which can call nothing."""
        return self._attach(role, self.quota_policy)

    def admit(self, role: str) -> None:
        """Take the denial of all calls back."""
        self._detach(role, self.quota_policy)

    def deny_aliases(
        self, role: str, profiles: Iterable[TrackedProfile], aliases: frozenset[str]
    ) -> None:
        """Deny the calls of exactly these aliases; ``profiles`` are all of the tenant's.

        Tags come before the attachment and go before it, so a guard that dies between two steps leaves nothing
        denied that should not be.
        """
        for profile in profiles:
            self._mark(profile.arn, is_marked=profile.alias in aliases)
        if aliases:
            self._attach(role, self.alias_policy)
        else:
            self._detach(role, self.alias_policy)

    def _mark(self, profile: str, *, is_marked: bool) -> None:
        tags = self.bedrock.list_tags_for_resource(resourceARN=profile)["tags"]
        has_tag = {"key": TAG, "value": _TAG_VALUE} in tags
        if is_marked and not has_tag:
            self.bedrock.tag_resource(resourceARN=profile, tags=[{"key": TAG, "value": _TAG_VALUE}])
        if not is_marked and TAG in {tag["key"] for tag in tags}:
            self.bedrock.untag_resource(resourceARN=profile, tagKeys=[TAG])

    def _roles(self, policy: str) -> tuple[frozenset[str], datetime]:
        names: set[str] = set()
        time = None
        pages = self.iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=policy, EntityFilter="Role", PaginationConfig={"PageSize": _PAGE}
        )
        for page in pages:
            time = time or _time_of(page)
            names |= {role["RoleName"] for role in page["PolicyRoles"]}
        return frozenset(names), time or datetime.now(UTC)

    def _attach(self, role: str, policy: str) -> bool:
        try:
            self.iam.attach_role_policy(RoleName=role, PolicyArn=policy)
        except ClientError as error:
            if error.response["Error"]["Code"] != _NO_ROLE:
                raise
            return False
        return True

    def _detach(self, role: str, policy: str) -> None:
        try:
            self.iam.detach_role_policy(RoleName=role, PolicyArn=policy)
        except ClientError as error:  # it is not attached, or another guard was faster
            if error.response["Error"]["Code"] != _NO_ROLE:
                raise


def _time_of(answer: dict[str, Any]) -> datetime:
    """Return AWS's time, by which it counts and by which the windows turn, rather than this machine's."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)
