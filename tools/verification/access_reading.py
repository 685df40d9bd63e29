"""Reads from AWS how tenants' roles were used in 90 days: IAM, CloudTrail's event history, and Bedrock's counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from operations_guard.aws_reader import NotReadError
from operations_guard.token_counts import CALLS, CountReader, CountsNotReadError, span_until
from operations_guard.tracked_profiles import TrackedProfile
from operations_guard.verified_line import in_each
from tools.isolation.guard_specification import iam_events_region
from tools.live.granted_models import granted_models, granted_regions
from tools.verification.tenant_access import RoleUse, TenantEvents, TenantReading
from tools.verification.trail_lookup import (
    ASSUME_ROLE,
    DAYS,
    EVENT_NAME,
    RESOURCE_NAME,
    USER_NAME,
    look_up,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operations_guard.aws_reader import AwsReader
    from tools.environment.model import Environment
    from tools.verification.tenant_access import TenantAccess
    from tools.verification.trail_lookup import TrailEvent

_DAY = 86_400  # seconds


@dataclass(frozen=True)
class RegionEvents:
    """The event history of one Region: what it has of each tenant, or why it could not be read."""

    tenants: dict[str, TenantEvents]
    problem: str | None = None


@dataclass(frozen=True)
class AccessReading:
    """The reviews of some tenants, and sentences about what could not be read."""

    since: datetime
    tenants: tuple[TenantAccess, ...]
    unread: tuple[str, ...]


class AccessReader:
    """Reads the operations account for some tenants; what cannot be read stops nothing else."""

    def __init__(
        self, reader: AwsReader, environment: Environment, tenants: Sequence[str], now: datetime
    ) -> None:
        self._reader = reader
        self._environment = environment
        self._tenants = tenants
        self._since = now - timedelta(days=DAYS)
        self._now = now
        self._unread: list[str] = []
        self._grants = {tenant: granted_models(environment.stanzas, [tenant]) for tenant in tenants}

    def read(self) -> AccessReading:
        """Read everything and return the reviews in the tenants' order."""
        roles = in_each(self._tenants, self._role)
        regions = self._regions()
        wanted = sorted({region for names in regions.values() for region in names})

        def events(region: str) -> RegionEvents:
            names = [tenant for tenant, theirs in regions.items() if region in theirs]
            return self._region_events(region, names)

        history = in_each(wanted, events)
        self._unread += [found.problem for found in history.values() if found.problem]
        profiles = self._profiles()
        counts = self._counts(profiles.values())
        reviews = []
        for tenant in self._tenants:
            found = {region: history[region] for region in regions[tenant]}
            reading = TenantReading(
                tenant=tenant,
                role_arn=self._role_arn(tenant),
                accounts=frozenset(self._environment.stanzas[tenant]["accounts"]),
                grants=self._grants[tenant],
                base_name=self._environment.base_name(tenant),
                role=roles[tenant],
                events={
                    region: events.tenants[tenant]
                    for region, events in found.items()
                    if tenant in events.tenants
                },
                unread={
                    region: events.problem
                    for region, events in found.items()
                    if events.problem and tenant not in events.tenants
                },
                profiles={name: profile.arn for name, profile in profiles.items()},
                counts=counts,
            )
            reviews.append(reading.review(self._environment.state_of(tenant)))
        return AccessReading(self._since, tuple(reviews), tuple(dict.fromkeys(self._unread)))

    def _role_arn(self, tenant: str) -> str:
        environment = self._environment
        return environment.role_arn(
            environment.operations_account_id, environment.base_name(tenant)
        )

    def _regions(self) -> dict[str, list[str]]:
        """Return the Regions of each tenant: those of its accounts and grants, and that of STS's global endpoint."""
        home = self._environment.operations_region
        return {
            tenant: sorted(
                {
                    iam_events_region(self._environment.partition, home),
                    *(account.region for account in self._environment.accounts_of(tenant)),
                    *granted_regions(home, self._grants[tenant]),
                }
            )
            for tenant in self._tenants
        }

    def _role(self, tenant: str) -> RoleUse | None:
        name = self._environment.base_name(tenant)
        try:
            answer = self._reader.ask("iam", "GetRole", missing=("NoSuchEntity",), RoleName=name)
        except NotReadError as error:
            self._unread.append(str(error))
            return None
        if answer is None:
            self._unread.append(f"There is no role {name}; apply the operations account.")
            return None
        role = answer["Role"]
        use = role.get("RoleLastUsed") or {}
        return RoleUse(role["CreateDate"], use.get("LastUsedDate"), use.get("Region"))

    def _region_events(self, region: str, tenants: Sequence[str]) -> RegionEvents:
        found: dict[str, TenantEvents] = {}
        try:
            denied = self._denied(region)
            for tenant in tenants:
                role = self._role_arn(tenant)
                found[tenant] = TenantEvents(
                    look_up(self._reader, region, RESOURCE_NAME, role, self._since),
                    look_up(self._reader, region, USER_NAME, tenant, self._since),
                    tuple(event for event in denied if event.requested_role == role),
                )
        except NotReadError as error:
            return RegionEvents(found, str(error))
        return RegionEvents(found)

    def _denied(self, region: str) -> list[TrailEvent]:
        """Return the denied calls of AssumeRole, which name their role in no attribute."""
        lookup = look_up(self._reader, region, EVENT_NAME, ASSUME_ROLE, self._since)
        return [event for event in lookup.events if event.error_code is not None]

    def _profiles(self) -> dict[str, TrackedProfile]:
        """Return the tenants' own profiles by their names."""
        names = {
            name: grant
            for grants in self._grants.values()
            for grant in grants
            if (name := grant.tracking_profile(self._environment.base_name(grant.tenant)))
        }
        if not names:
            return {}
        try:
            answer = self._reader.ask("bedrock", "ListInferenceProfiles", typeEquals="APPLICATION")
        except NotReadError as error:
            self._unread.append(str(error))
            return {}
        return {
            name: TrackedProfile(
                grant.tenant, grant.alias, summary["inferenceProfileArn"], grant.model
            )
            for summary in (answer or {}).get("inferenceProfileSummaries", ())
            if (grant := names.get(name := summary["inferenceProfileName"])) is not None
        }

    def _counts(self, profiles: Iterable[TrackedProfile]) -> dict[str, int]:
        """Return the calls that Bedrock accepted through each profile in whole days, by ARN.

        https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
        """
        reader = CountReader(self._reader.client("cloudwatch", self._reader.region))
        span = span_until(self._since, self._now, _DAY)
        questions = {
            profile.arn: [(span, model_id, CALLS) for model_id in profile.model_ids]
            for profile in profiles
        }
        try:
            points = reader.points(question for each in questions.values() for question in each)
        except (CountsNotReadError, ClientError, BotoCoreError) as error:
            self._unread.append(str(error))
            return {}
        return {
            arn: int(sum(value for question in each for _, value in points[question]))
            for arn, each in questions.items()
        }
