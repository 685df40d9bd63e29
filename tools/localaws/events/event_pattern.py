"""Event patterns: moto matches them, and what it does not know is refused when a rule is made.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import json
from typing import Any

from tools.localaws.call import ServiceError

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
PATTERN_CHARACTERS = 2048
_OPERATORS = {
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
}


def check_pattern(text: str) -> None:
    """Refuse a pattern that is too long, that is none, or that has an unknown operator: ServiceError."""
    if len(text) > PATTERN_CHARACTERS:
        raise _invalid(f"it has more than {PATTERN_CHARACTERS} characters")
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise _invalid("it is no JSON") from error
    if not isinstance(pattern, dict):
        raise _invalid("it is no object")
    _check_object(pattern)


def _check_object(pattern: dict[str, Any]) -> None:
    for name, value in pattern.items():
        if name == "$or":
            if not isinstance(value, list) or len(value) < 2:
                raise _invalid("$or has a list of two or more patterns")
            for part in value:
                _check_object(part)
        elif isinstance(value, dict):
            _check_object(value)
        elif not isinstance(value, list) or not value:
            raise _invalid(f"{name} is neither an object nor a list with an entry")
        else:
            for entry in value:
                _check_entry(name, entry)


def _check_entry(name: str, entry: Any) -> None:  # noqa: ANN401 - any JSON value
    if isinstance(entry, list) or (isinstance(entry, dict) and len(entry) != 1):
        raise _invalid(f"an entry of {name} is neither a value nor one operator")
    if not isinstance(entry, dict):
        return
    ((operator, operand),) = entry.items()
    if operator not in _OPERATORS:
        raise _invalid(f"{operator} of {name} is no operator that the local AWS knows")
    if operator in {"anything-but", "prefix", "suffix"} and isinstance(operand, dict):
        _check_entry(name, operand)


def _invalid(reason: str) -> ServiceError:
    return ServiceError(
        "InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}."
    )
