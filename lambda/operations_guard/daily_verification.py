"""The function that verifies every day that the operations account keeps nothing of what tenants ask.

It reads what `make verify` reads of the operations account, with a role that can change nothing. Two metrics have the
result, and the operator is told of each fault in words.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from operations_guard.aws_reader import AwsReader
from operations_guard.guard_settings import read_settings
from operations_guard.verification import verify
from operations_guard.verification_input import read_verification_input
from operations_guard.verified_line import CANNOT_TELL, FAULT, OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations_guard.verification import Verification
    from operations_guard.verified_line import VerifiedLine

# A Region may be out of reach. LookupEvents answers twice a second, so it is asked again.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 5},
)
NAMESPACE = "TenantBedrock"  # with the environment after it, so that a role can be limited to it
FAULTS, UNREAD = "VerificationFaults", "VerificationLinesNotRead"
_FAULTS_TOLD = 20  # a message is read by a person, and has up to 256 KB
_log = logging.getLogger(__name__)


def handler(event: object, _context: object) -> dict[str, Any]:
    """Verify the account for the tenants of the schedule's input, tell the faults, and write the metrics.

    Raises GuardInputError or GuardSettingsError, or botocore's errors if nobody could be told.
    """
    settings = read_settings(os.environ.get("OPERATIONS_GUARD"))
    verification_input = read_verification_input(event)
    shard, account = verification_input.shard, verification_input.account
    if verification_input.shards != settings.shards or shard >= settings.shards:
        _log.warning("The schedule is of another number of shards, and its tenants are in others.")
        return {"lines": 0}
    result = verify(AwsReader(boto3.Session(), account.region, _connect), account)
    for line in result.lines:
        if line.status != OK:
            _log.warning("%s: %s (%s)", line.subject, line.found, line.status)
    counts = _counts(result)
    # First, because an alarm tells of a fault also if the message cannot be sent.
    boto3.client("cloudwatch", config=_CONFIG).put_metric_data(
        Namespace=f"{NAMESPACE}/{account.environment}",
        MetricData=[
            {"MetricName": name, "Unit": "Count", "Value": counts[status]}
            for name, status in ((FAULTS, FAULT), (UNREAD, CANNOT_TELL))
        ],
    )
    if faults := [line for line in result.lines if line.status == FAULT]:
        boto3.client("sns", config=_CONFIG).publish(
            TopicArn=settings.topic_arn,
            Subject=f"Memorylessness: {_number(len(faults))} in {account.environment}"[:100],
            Message=_message(account.environment, faults, settings.runbooks),
        )
    answer = {
        "lines": len(result.lines),
        "faults": counts[FAULT],
        "not_read": counts[CANNOT_TELL],
        "not_asked": [item.subject for item in result.not_asked],
    }
    _log.info("The account was verified.", extra=answer)
    return answer


def _connect(session: boto3.Session, service: str, region: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
    connect: Any = session.client  # its overloads know a service by its literal name only
    return connect(service, region_name=region, config=_CONFIG)


def _number(faults: int) -> str:
    return "1 fault" if faults == 1 else f"{faults:,} faults"


def _counts(result: Verification) -> Counter[str]:
    return Counter(line.status for line in result.lines)


def _message(environment: str, faults: Sequence[VerifiedLine], runbooks: str) -> str:
    fault_lines = "\n".join(
        f"- {line.subject}: {line.found}. {line.advice}" for line in faults[:_FAULTS_TOLD]
    )
    more = len(faults) - _FAULTS_TOLD
    return (
        f"The operations account of {environment} may keep prompts or answers, or lets somebody change that:\n\n"
        f"{fault_lines}\n\n"
        + (f"There are {more:,} more. " if more > 0 else "")
        + f"Run `make verify ENV={environment}`, which says what is so now. What to do: "
        f"{runbooks}/guard.md#the-account-may-keep-content"
    )
