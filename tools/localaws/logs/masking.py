"""Data protection policies: CloudWatch Logs masks sensitive data for readers without logs:Unmask.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html. The local
AWS supports a few of AWS's data identifiers and refuses a policy with any other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.localaws.logs.limits import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATTERNS = {
    "CreditCardNumber": re.compile(r"\b(?:\d[ -]?){13,18}\d\b"),
    "EmailAddress": re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
    "IpAddress": re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
}
_PREFIX = re.compile(r"arn:aws[a-z-]*:dataprotection::aws:data-identifier/")


@dataclass(frozen=True)
class Masking:
    """A policy that is in force; it masks events ingested at or after ``since`` (milliseconds)."""

    document: str
    since: int
    patterns: tuple[re.Pattern[str], ...]

    def mask(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event with all characters of sensitive data replaced by asterisks."""
        if event.get("ingestionTime", self.since) < self.since:
            return event
        message = event["message"]
        for pattern in self.patterns:
            message = pattern.sub(lambda match: "*" * len(match[0]), message)
        return {**event, "message": message}


def read_policy(document: str, since: int) -> Masking:
    """Read a policy; raises ServiceError (InvalidParameterException) if it is not valid."""
    try:
        statements = json.loads(document)["Statement"]
        audit, deidentify = (_identifiers(statements, name) for name in ("Audit", "Deidentify"))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise invalid_parameter("The document is not a data protection policy.") from error
    if not audit or audit != deidentify:
        raise invalid_parameter(
            "Audit and Deidentify must have the same data identifiers, at least one."
        )
    unknown = sorted(audit - _PATTERNS.keys())
    if unknown:
        raise invalid_parameter(
            f"The local AWS masks {', '.join(_PATTERNS)}, but not {', '.join(unknown)}."
        )
    return Masking(document, since, tuple(_PATTERNS[name] for name in sorted(audit)))


def _identifiers(statements: Iterable[dict[str, Any]], operation: str) -> set[str]:
    return {
        _PREFIX.sub("", identifier)
        for statement in statements
        if operation in statement["Operation"]
        for identifier in statement["DataIdentifier"]
    }
