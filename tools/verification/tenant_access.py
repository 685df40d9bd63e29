"""What a review of one tenant's access shows: callers, calls, refusals, and what it was granted and did not use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.verification.trail_lookup import ASSUME_ROLE, DAYS, EVENTS, MODEL_CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tools.live.granted_models import GrantedModel
    from tools.verification.trail_lookup import Lookup, TrailEvent

USED, NEVER, CANNOT_TELL = "used", "never", "cannot tell"
IAM, CLOUDTRAIL, CLOUDWATCH = "IAM", "CloudTrail", "CloudWatch"


@dataclass(frozen=True)
class RoleUse:
    """What IAM says of a tenant's role; ``last`` is None if it was not used in IAM's 400 days.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
    """

    made: datetime
    last: datetime | None
    region: str | None


@dataclass(frozen=True)
class Caller:
    """Who assumed the role: an account, and a unique id or ARN in it."""

    account: str
    principal: str
    region: str
    calls: int
    last: datetime
    is_of_stanza: bool  # whether the account is one of the stanza's


@dataclass(frozen=True)
class ModelUse:
    """Calls of a model that were answered, in one Region. ``aliases`` are those of the stanza that call it."""

    aliases: tuple[str, ...]
    model: str
    region: str
    served_in: tuple[str, ...]
    calls: int
    last: datetime


@dataclass(frozen=True)
class Refusal:
    """Calls that ended with one error code. ``principal`` is None for the tenant's own role."""

    operation: str
    subject: str  # a model or a role
    region: str
    code: str
    principal: str | None
    calls: int
    last: datetime


@dataclass(frozen=True)
class GrantUse:
    """Whether a model that the stanza grants in a Region was called in 90 days, and how that is known."""

    alias: str
    model: str
    region: str
    is_previous: bool
    use: str  # USED, NEVER or CANNOT_TELL
    known_by: str
    reason: str = ""  # why it cannot be told
    calls: int | None = None  # counted by CloudWatch


@dataclass(frozen=True)
class TenantEvents:
    """What the event history of one Region has of a tenant: its role's callers, and its sessions' calls."""

    assumed: Lookup
    calls: Lookup
    denied: tuple[
        TrailEvent, ...
    ] = ()  # AssumeRole of the role, denied to an identity of the operations account


@dataclass(frozen=True)
class TenantAccess:
    """The review of one tenant."""

    tenant: str
    state: str  # active, suspended or offboarding
    role: RoleUse | None  # None if it does not exist, or could not be read
    callers: tuple[Caller, ...]
    uses: tuple[ModelUse, ...]
    refusals: tuple[Refusal, ...]
    grants: tuple[GrantUse, ...]
    partial: tuple[str, ...] = ()  # of which events there are only the newest

    @property
    def strangers(self) -> list[Caller]:
        """The callers in accounts that are not in the stanza."""
        return [caller for caller in self.callers if not caller.is_of_stanza]


@dataclass(frozen=True)
class TenantReading:
    """What was read of one tenant, by Region; ``unread`` says why a Region has no events."""

    tenant: str
    role_arn: str
    accounts: frozenset[str]
    grants: Sequence[GrantedModel]
    base_name: str
    role: RoleUse | None
    events: Mapping[str, TenantEvents]
    unread: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, str] = field(default_factory=dict)  # ARNs of tracking profiles by name
    counts: Mapping[str, int] = field(default_factory=dict)  # calls that Bedrock counted, by ARN

    def review(self, state: str) -> TenantAccess:
        """Return the review."""
        assumed = [event for found in self.events.values() for event in found.assumed.events]
        calls = [
            event
            for found in self.events.values()
            for event in found.calls.events
            if event.role == self.role_arn
        ]
        denied = [event for found in self.events.values() for event in found.denied]
        uses = tuple(self._uses(calls))
        refused = [event for event in calls if event.error_code is not None]
        return TenantAccess(
            tenant=self.tenant,
            state=state,
            role=self.role,
            callers=tuple(self._callers(assumed)),
            uses=uses,
            refusals=(*self._refusals(refused), *_denied(denied)),
            grants=tuple(self._grants(uses, has_events=bool(calls))),
            partial=tuple(self._partial()),
        )

    def _callers(self, events: Iterable[TrailEvent]) -> Iterator[Caller]:
        groups: dict[tuple[str, str, str], list[TrailEvent]] = {}
        for event in events:
            # Users of an identity provider call AssumeRoleWithSAML or AssumeRoleWithWebIdentity.
            if event.name.startswith(ASSUME_ROLE) and event.error_code is None:
                key = (event.caller_account, event.caller, event.region)
                groups.setdefault(key, []).append(event)
        for (account, principal, region), found in sorted(groups.items()):
            yield Caller(
                account, principal, region, len(found), _newest(found), account in self.accounts
            )

    def _uses(self, events: Iterable[TrailEvent]) -> Iterator[ModelUse]:
        groups: dict[tuple[str, str], list[TrailEvent]] = {}
        for event in events:
            if event.name in MODEL_CALLS and event.error_code is None:
                groups.setdefault((event.region, str(event.model_id)), []).append(event)
        for (region, model), found in sorted(groups.items()):
            served = tuple(sorted({event.served_in for event in found}))
            yield ModelUse(
                self._aliases(model, region), model, region, served, len(found), _newest(found)
            )

    def _refusals(self, events: Iterable[TrailEvent]) -> Iterator[Refusal]:
        groups: dict[tuple[str, str, str, str], list[TrailEvent]] = {}
        for event in events:
            subject = ", ".join(self._aliases(event.model_id or "", event.region))
            key = (
                event.operation,
                subject or event.model_id or "-",
                event.region,
                str(event.error_code),
            )
            groups.setdefault(key, []).append(event)
        for key, found in sorted(groups.items()):
            yield Refusal(*key, None, len(found), _newest(found))

    def _aliases(self, model_id: str, region: str) -> tuple[str, ...]:
        """Return the aliases that are called by an id, or by the ARN that ends in it, in a Region."""
        name = model_id.rpartition("/")[2]
        return tuple(
            dict.fromkeys(
                grant.alias
                for grant in self.grants
                if region in grant.regions and name == self._called(grant)
            )
        )

    def _called(self, grant: GrantedModel) -> str | None:
        """Return the id by which a model is called; None for a tracking profile that does not exist."""
        profile = grant.tracking_profile(self.base_name)
        if profile is None:
            return grant.called
        arn = self.profiles.get(profile)
        return arn and arn.rpartition("/")[2]

    def _grants(self, uses: Sequence[ModelUse], *, has_events: bool) -> Iterator[GrantUse]:
        for grant in self.grants:
            for region in grant.regions:
                use, known_by, reason, calls = self._use(grant, region, uses, has_events)
                yield GrantUse(
                    alias=grant.alias,
                    model=grant.called,
                    region=region,
                    is_previous=grant.is_previous,
                    use=use,
                    known_by=known_by,
                    reason=reason,
                    calls=calls,
                )

    def _use(
        self,
        grant: GrantedModel,
        region: str,
        uses: Sequence[ModelUse],
        has_events: bool,
    ) -> tuple[str, str, str, int | None]:
        arn = self.profiles.get(grant.tracking_profile(self.base_name) or "")
        calls = self.counts.get(arn or "")
        if calls:
            return USED, CLOUDWATCH, "", calls
        # A call of the last minutes is an event before it is counted, or the other way round.
        called = self._called(grant)
        if any(use.region == region and use.model.rpartition("/")[2] == called for use in uses):
            return USED, CLOUDTRAIL, "", None
        if calls is not None:
            return NEVER, CLOUDWATCH, "", calls
        if problem := self._doubt(region, has_events=has_events):
            return CANNOT_TELL, CLOUDTRAIL, problem, None
        return NEVER, CLOUDTRAIL, "", None

    def _doubt(self, region: str, *, has_events: bool) -> str:
        """Return why the event history of a Region does not show that a model was not called; empty if it does."""
        if region in self.unread:
            return "the event history could not be read"
        lookup = self.events[region].calls
        if not lookup.is_complete:
            return f"only events from {lookup.since:%Y-%m-%dT%H:%MZ} on were read"
        last = self.role and self.role.last
        if last and last >= lookup.since and not has_events:
            return (
                f"IAM says that the role was used at {last:%Y-%m-%dT%H:%MZ}, and no event shows it"
            )
        return ""

    def _partial(self) -> Iterator[str]:
        for region, found in self.events.items():
            for what, lookup in (("callers", found.assumed), ("calls", found.calls)):
                if not lookup.is_complete:
                    yield (
                        f"{what} in {region} only from {lookup.since:%Y-%m-%dT%H:%MZ} on: there are more than "
                        f"{EVENTS:,} events in {DAYS} days"
                    )


def _denied(events: Iterable[TrailEvent]) -> Iterator[Refusal]:
    groups: dict[tuple[str, str, str, str], list[TrailEvent]] = {}
    for event in events:
        key = (event.operation, event.region, str(event.error_code), event.caller)
        groups.setdefault(key, []).append(event)
    for (operation, region, code, principal), found in sorted(groups.items()):
        role = "the tenant's role"
        yield Refusal(operation, role, region, code, principal, len(found), _newest(found))


def _newest(events: Iterable[TrailEvent]) -> datetime:
    return max(event.time for event in events)
