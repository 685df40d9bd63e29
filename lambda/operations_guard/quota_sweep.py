"""One run of the guard over the tenants of a shard: read what may have changed, deny or admit, write, tell.

It may be repeated and two may run at once: both read the same counts, attaching twice is attaching once, and each
version of a tenant's parameter is told by the guard that put it.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from operations_guard.lease_renewal import renew_lease
from operations_guard.quota_decision import PriceMissingError, decide
from operations_guard.quota_denial import QuotaDenial
from operations_guard.quota_notices import NotToldError, QuotaNotices
from operations_guard.quota_windows import period_of, window_at
from operations_guard.reading_plan import PlannedRead, ReadingPlan
from operations_guard.token_counts import CountReader, span_until
from operations_guard.tracked_profiles import list_profiles
from operations_guard.usage_parameter import UsageStore, changes, content_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from operations_guard.guard_input import GuardedTenant, GuardInput
    from operations_guard.guard_settings import GuardSettings
    from operations_guard.quota_decision import Decision
    from operations_guard.quota_denial import Attachments
    from operations_guard.token_counts import Span
    from operations_guard.tracked_profiles import TrackedProfile
    from operations_guard.usage_parameter import StoredUsage

# Systems Manager puts few parameters in a second, unless an account pays for more; the rest waits for the next run.
# https://docs.aws.amazon.com/general/latest/gr/ssm.html
MOST_WRITES = 150
_FAILURES = (BotoCoreError, ClientError, NotToldError, PriceMissingError)
_log = logging.getLogger(__name__)


class IncompleteSweepError(Exception):
    """Something failed for some tenants: a quota was not enforced, or not told. The others were handled."""


@dataclass
class SweepResult:
    """What a run has read and done; ``metrics`` is what CloudWatch asks money for."""

    read: int = 0
    metrics: int = 0
    denied: int = 0
    told: int = 0
    failed: list[str] = field(default_factory=list)


class QuotaSweep:
    """``connect`` returns the client of a service, which several threads may use."""

    def __init__(
        self, connect: Callable[[str], Any], settings: GuardSettings, guard_input: GuardInput
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._input = guard_input
        self._denial = QuotaDenial(
            connect("iam"),
            connect("bedrock"),
            settings.quota_policy_arn,
            settings.alias_policy_arn,
        )
        ssm = connect("ssm")
        self._store = UsageStore(ssm, guard_input.environment)
        self._plan = ReadingPlan(ssm, guard_input.environment, guard_input.shard)
        self._notices = QuotaNotices(
            connect("sns"),
            connect("events"),
            guard_input.environment,
            settings.topic_arn,
            settings.event_bus_arn,
        )
        self._result = SweepResult()
        self._unenforced: list[GuardedTenant] = []
        self._profiles: dict[str, list[TrackedProfile]] = {}

    def run(self) -> SweepResult:
        """Handle every tenant that is due; raises IncompleteSweepError after the others are handled."""
        attached = self._denial.attachments()
        now = attached.time
        digests = Counter(tenant.digest for tenant in self._input.tenants.values())
        # Of two tenants with the same digest the plan would hide one.
        plan = {key: read for key, read in self._plan.read(now).items() if digests[key] == 1}
        reads = dict(plan)
        due = [
            tenant
            for tenant in self._input.tenants.values()
            if tenant.is_read and self._is_due(tenant, plan.get(tenant.digest), attached, now)
        ]
        released = [
            tenant
            for tenant in self._input.tenants.values()
            if not tenant.limits and self._role(tenant) in attached.quota | attached.alias
        ]
        if due or released:
            for profile in list_profiles(self._connect("bedrock"), self._input):
                self._profiles.setdefault(profile.tenant, []).append(profile)
        for tenant in released:
            self._guarded(tenant, partial(self._release, tenant, attached))
        applied: dict[str, Decision] = {}
        for name, decision in self._decisions(due, now).items():
            tenant = self._input.tenants[name]
            if self._guarded(tenant, partial(self._apply, tenant, decision, attached)):
                reads[tenant.digest] = _planned(decision, plan.get(tenant.digest))
                applied[name] = decision
        self._write(applied, reads, now)
        if due:
            self._plan.write(reads, now)
        self._result.denied = sum(read.is_denied for read in reads.values())
        return self._finish(now)

    def _is_due(
        self,
        tenant: GuardedTenant,
        planned: PlannedRead | None,
        attached: Attachments,
        now: datetime,
    ) -> bool:
        """Whether its time has come, its stanza has changed, or somebody has changed an attachment."""
        role = self._role(tenant)
        return (
            planned is None
            or planned.time <= now
            or not planned.written
            or planned.is_denied != (role in attached.quota)
            or planned.has_denied_aliases != (role in attached.alias)
        )

    def _decisions(self, due: Sequence[GuardedTenant], now: datetime) -> dict[str, Decision]:
        """Read the counts of all tenants together, and decide for each."""
        reader = CountReader(self._connect("cloudwatch"))
        counts = reader.read(
            (profile, span)
            for tenant in due
            for span in [_span(tenant, now)]
            for profile in self._profiles.get(tenant.name, ())
        )
        self._result.read, self._result.metrics = len(due), reader.metrics
        decisions: dict[str, Decision] = {}
        for tenant in due:
            try:
                decisions[tenant.name] = decide(
                    tenant, self._input, counts.get(tenant.name, ()), now
                )
            except PriceMissingError as error:
                self._fail(tenant, error)
        return decisions

    def _apply(self, tenant: GuardedTenant, decision: Decision, attached: Attachments) -> None:
        """Attach or detach what the decision asks for."""
        role, profiles = self._role(tenant), self._profiles.get(tenant.name, [])
        if decision.is_denied and role not in attached.quota:
            self._denial.deny(role)
        if decision.denied_aliases or role in attached.alias:
            self._denial.deny_aliases(role, profiles, decision.denied_aliases)
        if not decision.is_denied and role in attached.quota:
            self._denial.admit(role)

    def _release(self, tenant: GuardedTenant, attached: Attachments) -> None:
        """Let in a tenant whose quota was removed."""
        role = self._role(tenant)
        if role in attached.alias:
            self._denial.deny_aliases(role, self._profiles.get(tenant.name, []), frozenset())
        if role in attached.quota:
            self._denial.admit(role)

    def _write(
        self, decisions: Mapping[str, Decision], reads: dict[str, PlannedRead], now: datetime
    ) -> None:
        """Put the parameters whose content has changed, what has to be told first, and tell it."""
        digests = {
            name: content_digest(decision, self._input.tenants[name])
            for name, decision in decisions.items()
        }
        changed = [
            name
            for name, digest in digests.items()
            if reads[self._input.tenants[name].digest].written != digest
        ]
        stored = self._store.read(changed)
        changed.sort(key=lambda name: not self._changes(name, decisions, stored))
        for number, name in enumerate(changed):
            tenant, decision = self._input.tenants[name], decisions[name]
            step = partial(self._tell, tenant, decision, stored[name], now)
            is_written = number < MOST_WRITES and self._guarded(tenant, step, is_enforced=True)
            # What is not written is due at the next run.
            reads[tenant.digest] = replace(
                reads[tenant.digest], written=digests[name] if is_written else ""
            )

    def _changes(
        self, name: str, decisions: Mapping[str, Decision], stored: Mapping[str, StoredUsage]
    ) -> bool:
        return bool(changes(decisions[name], stored[name], self._input.tenants[name]))

    def _tell(
        self, tenant: GuardedTenant, decision: Decision, before: StoredUsage, now: datetime
    ) -> None:
        found = self._store.write(tenant, decision, before, now)
        try:
            self._notices.tell(tenant, found)
        except _FAILURES:
            self._store.take_back(tenant, decision, before, now)
            raise
        self._result.told += len(found)

    def _finish(self, now: datetime) -> SweepResult:
        if self._settings.lease is not None and self._stop_unenforced():
            renew_lease(self._connect("scheduler"), self._settings.lease, self._input, now)
        if self._result.failed:
            names = ", ".join(self._result.failed[:5])
            raise IncompleteSweepError(
                f"The quotas of {len(self._result.failed):,} tenants were not enforced or not told, such as {names}; "
                "the log says why."
            )
        return self._result

    def _stop_unenforced(self) -> bool:
        """Stop the tenants whose quota this run could not enforce; False if one of them could not be stopped.

        Otherwise one tenant's failure would end the lease, and so stop all tenants of the shard. The next run lets
        in again whoever has quota left.
        """
        is_stopped = True
        for tenant in self._unenforced:
            try:
                self._denial.deny(self._role(tenant))
            except (BotoCoreError, ClientError) as error:
                _log.error("%s was not stopped: %s: %s", tenant.name, type(error).__name__, error)
                is_stopped = False
        return is_stopped

    def _guarded(
        self, tenant: GuardedTenant, step: Callable[[], None], *, is_enforced: bool = False
    ) -> bool:
        """Do a step for one tenant; a failure is logged, and keeps no other tenant from its own step."""
        try:
            step()
        except _FAILURES as error:
            self._fail(tenant, error, is_enforced=is_enforced)
            return False
        return True

    def _fail(self, tenant: GuardedTenant, error: Exception, *, is_enforced: bool = False) -> None:
        done = "told" if is_enforced else "enforced"
        _log.error(
            "The quota of %s was not %s: %s: %s", tenant.name, done, type(error).__name__, error
        )
        if tenant.name not in self._result.failed:
            self._result.failed.append(tenant.name)
        if not is_enforced:
            self._unenforced.append(tenant)

    def _role(self, tenant: GuardedTenant) -> str:
        return self._input.role_name(tenant.name)


def _span(tenant: GuardedTenant, now: datetime) -> Span:
    """Return the time to ask for: the tenant's longest window, in periods that each of its windows begins with."""
    kinds = {limit.window for limit in tenant.limits}
    windows = [window_at(kind, now, tenant.time_zone) for kind in kinds]
    times = tuple(time for window in windows for time in (window.start, window.end))
    return span_until(min(window.start for window in windows), now, period_of(times))


def _planned(decision: Decision, before: PlannedRead | None) -> PlannedRead:
    return PlannedRead(
        decision.next_read,
        before.written if before else "",
        decision.is_denied,
        bool(decision.denied_aliases),
    )
