"""The names of tenants' sessions, which CloudTrail stores in the operations account.

The package of the function always gives the tenant's name, and the role's trust admits no other. A name that a caller
could choose would carry a customer's data into this account.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from operations_guard.verified_line import lines_of_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operations_guard.aws_reader import AwsReader
    from operations_guard.guarded_account import GuardedAccount
    from operations_guard.verified_line import VerifiedLine

SUBJECT = "session names in CloudTrail"
HOURS = 24
# LookupEvents has 50 events a page and two pages a second, for each account and Region:
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
EVENTS = 1_000


def session_name_lines(
    reader: AwsReader, account: GuardedAccount, now: datetime | None = None
) -> Iterator[VerifiedLine]:
    """Look at the newest AssumeRole events of each Region; a name that is not the tenant's is not shown."""
    names = {account.role_arn(tenant): tenant for tenant in account.tenants}
    since = (now or datetime.now(UTC)) - timedelta(hours=HOURS)

    def look(region: str) -> Iterator[str]:
        answer = reader.ask(
            "cloudtrail",
            "LookupEvents",
            region=region,
            most=EVENTS,
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}],
            StartTime=since,
        )
        for event in (answer or {}).get("Events", ()):
            parameters = _parameters(event)
            role = str(parameters.get("roleArn"))
            if role in names and parameters.get("roleSessionName") != names[role]:
                yield (
                    f"a session of {role} at {event['EventTime']:%Y-%m-%dT%H:%M:%SZ} in {region} is not named "
                    f"{names[role]} (event {event.get('EventId')})"
                )

    clean = f"each is its tenant's name, in up to {EVENTS:,} events of {HOURS} hours,"
    advice = (
        "Apply the tenant's role, whose trust fixes the name, and look at the event in CloudTrail in {region}: its "
        "roleSessionName is stored there and in no report of this project."
    )
    return lines_of_regions(SUBJECT, account.trail_regions, look, clean, advice)


def _parameters(event: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(event.get("CloudTrailEvent") or "{}")
    return content.get("requestParameters") or {}
