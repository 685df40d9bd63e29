"""The review of tenants' access: for people, for machines, and as dated evidence."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from operations_guard.aws_statements import AwsStatement
from tools.cli.evidence_file import (
    data_lines,
    evidence_file_name,
    markdown_row,
    write_evidence_file,
)
from tools.release import release_version
from tools.verification.tenant_access import (
    CANNOT_TELL,
    CLOUDTRAIL,
    CLOUDWATCH,
    IAM,
    NEVER,
)
from tools.verification.trail_lookup import DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.environment.model import Environment
    from tools.verification.access_reading import AccessReading
    from tools.verification.filed_evidence import FiledEvidence, NewestEvidence
    from tools.verification.tenant_access import Caller, GrantUse, Refusal, TenantAccess

_STS_PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html"
# Which refusals and callers CloudTrail shows to whom.
LIMITS = (
    AwsStatement(
        "A call of AssumeRole that is denied across accounts is in the CloudTrail of the caller's account alone. The "
        "operations account has only those that one of its own identities made.",
        _STS_PAGE,
    ),
    AwsStatement(
        "Of a caller in another account, the role's account sees the account and a unique id, and no ARN.",
        _STS_PAGE,
    ),
    AwsStatement(
        "A call with the role's keys, answered or refused, is an event of the operations account, which owns the role, "
        "and none of the customer's account.",
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html",
    ),
    AwsStatement(
        "A call that only the policy of a VPC endpoint denies is in no event history; AWS says so of KMS and others.",
        "https://docs.aws.amazon.com/kms/latest/developerguide/vpce-logging.html",
    ),
    AwsStatement(
        f"The event history has {DAYS} days, and each Region has its own.",
        "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html",
    ),
)


@dataclass(frozen=True)
class AccessLine:
    """One line of the table; ``is_finding`` marks what somebody has to look at."""

    tenant: str
    subject: str
    found: str
    known_by: str
    is_finding: bool = False


@dataclass(frozen=True)
class AccessReport:
    """The review of an environment's tenants, or of one tenant."""

    environment: Environment
    tenant: str | None
    started: datetime  # in UTC
    reading: AccessReading
    evidence: NewestEvidence

    @property
    def unread(self) -> tuple[str, ...]:
        """Sentences about what could not be read."""
        return (*self.reading.unread, *self.evidence.unread)

    @property
    def is_ok(self) -> bool:
        """Whether everything was read, and only accounts of the stanzas assumed the roles."""
        return not self.unread and not any(item.strangers for item in self.reading.tenants)

    @property
    def lines(self) -> list[AccessLine]:
        """The table: the lines of each tenant in turn."""
        return [line for tenant in self.reading.tenants for line in _lines(tenant)]

    @property
    def filed(self) -> list[str]:
        """A sentence about the certificate of the proof and one about the report of the verification."""
        name = self.environment.name
        return [
            _filed("certificate of a proof", self.evidence.certificate, f"make prove ENV={name}"),
            _filed("verification", self.evidence.verification, f"make verify ENV={name}"),
        ]

    @property
    def file_name(self) -> str:
        """The name of its evidence."""
        return evidence_file_name("access", self.environment.name, self.tenant, self.started)

    @property
    def data(self) -> dict[str, Any]:
        """The report for machines; times are ISO 8601 in UTC."""
        data = {
            "environment": self.environment.name,
            "account": self.environment.operations_account_id,
            "tenant": self.tenant,
            "started": self.started,
            "since": self.reading.since,
            "version": release_version(),
            "tenants": [asdict(item) for item in self.reading.tenants],
            "unread": list(self.unread),
            "certificate": self.evidence.certificate and asdict(self.evidence.certificate),
            "verification": self.evidence.verification and asdict(self.evidence.verification),
            "limits": [asdict(item) for item in LIMITS],
        }
        plain: dict[str, Any] = json.loads(json.dumps(data, default=_iso))
        return plain

    def write(self, folder: Path) -> Path:
        """Write the evidence and return its path; CommandError if the file exists."""
        return write_evidence_file(folder / self.file_name, self._evidence())

    def _evidence(self) -> Iterator[str]:
        environment = self.environment
        yield f"# Access of tenants in {environment.name}, {self.started:%Y-%m-%d}"
        yield ""
        yield (
            f"Version {release_version()}, operations account {environment.operations_account_id}, "
            f"{self.tenant or 'all tenants'}, started {self.started:%H:%M:%S} UTC, events since "
            f"{_time(self.reading.since)}."
        )
        yield ""
        yield markdown_row("tenant", "what", "found", "known by")
        yield "|---|---|---|---|"
        for line in self.lines:
            yield markdown_row(line.tenant, line.subject, line.found, line.known_by)
        for title, sentences in (
            ("Evidence", self.filed),
            ("Not read", self.unread or ("Everything was read.",)),
            ("What CloudTrail shows to whom", [f"{item.sentence} {item.page}" for item in LIMITS]),
        ):
            yield from ("", f"## {title}", "")
            yield from (f"- {sentence}" for sentence in sentences)
        yield ""
        yield from data_lines(self.data)


def _lines(access: TenantAccess) -> Iterator[AccessLine]:
    name = access.tenant if access.state == "active" else f"{access.tenant} ({access.state})"
    role = access.role
    if role is not None:
        last = f"{_time(role.last)} in {role.region}" if role.last else "not in 400 days"
        yield AccessLine(name, "last use", f"{last}; the role was made {_time(role.made)}", IAM)
    for caller in access.callers:
        yield AccessLine(
            name, "caller", _caller(caller), CLOUDTRAIL, is_finding=not caller.is_of_stanza
        )
    for use in access.uses:
        model = f"{', '.join(use.aliases)} ({use.model})" if use.aliases else use.model
        found = f"{model} in {use.region}, run in {', '.join(use.served_in)}: {_times(use.calls, use.last)}"
        yield AccessLine(name, "call", found, CLOUDTRAIL)
    for grant in access.grants:
        if grant.calls:
            found = f"{_grant(grant)}: {grant.calls:,} calls in {DAYS} days"
            yield AccessLine(name, "counted", found, CLOUDWATCH)
        elif grant.use == NEVER:
            yield AccessLine(name, f"never used in {DAYS} days", _grant(grant), grant.known_by)
        elif grant.use == CANNOT_TELL:
            found = f"{_grant(grant)}, because {grant.reason}"
            yield AccessLine(name, "cannot tell whether used", found, grant.known_by)
    for refusal in access.refusals:
        yield AccessLine(name, "refused or failed", _refusal(refusal), CLOUDTRAIL)
    for partial in access.partial:
        yield AccessLine(name, "read in part", partial, CLOUDTRAIL)


def _caller(caller: Caller) -> str:
    stranger = "" if caller.is_of_stanza else ", which is not in the stanza"
    account = f"account {caller.account}" if caller.account else "a caller without an account"
    return (
        f"{account}{stranger}: {caller.principal} in {caller.region}, "
        f"{_times(caller.calls, caller.last)}"
    )


def _grant(grant: GrantUse) -> str:
    previous = " previous" if grant.is_previous else ""
    return f"{grant.alias}{previous} ({grant.model}) in {grant.region}"


def _refusal(refusal: Refusal) -> str:
    by = "" if refusal.principal is None else f" by {refusal.principal}"
    return (
        f"{refusal.operation} of {refusal.subject}{by} in {refusal.region}: {refusal.code}, "
        f"{_times(refusal.calls, refusal.last)}"
    )


def _filed(what: str, evidence: FiledEvidence | None, command: str) -> str:
    if evidence is None:
        return f"There is no {what} on this machine; run `{command}`."
    return f"Newest {what}: {evidence.file}, {evidence.time}, {evidence.result}."


def _times(calls: int, last: datetime) -> str:
    return f"{calls:,} {'time' if calls == 1 else 'times'}, last {_time(last)}"


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _iso(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return value.isoformat(timespec="seconds")
