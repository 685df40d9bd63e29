"""The JSON object of InvokeModel's body, and the error for one that the model does not read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def read_body(body: bytes) -> dict[str, Any]:
    """Parse a request body; raises ServiceError (ValidationException) unless it is a JSON object."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise invalid(
            "Malformed input request: expected a JSON object, please reformat your input."
        )
    return parsed


def invalid(message: str) -> ServiceError:
    """Return a ValidationException with this message."""
    return ServiceError("ValidationException", message)


def malformed(problem: str) -> ServiceError:
    """Return the error for a body that does not fit the model's schema, in Bedrock's words."""
    return invalid(f"Malformed input request: {problem}, please reformat your input and try again.")


def check_members(
    body: Mapping[str, Any], required: Collection[str], optional: Collection[str]
) -> None:
    """Raise ServiceError (ValidationException) if the body lacks a member or has one that the model does not know."""
    for name in required:
        if name not in body:
            raise malformed(f"#: required key [{name}] not found")
    for name in body:
        if name not in (*required, *optional):
            raise malformed(f"#: extraneous key [{name}] is not permitted")


def read_texts(body: Mapping[str, Any], name: str, most: int) -> list[str]:
    """Return a list of at most ``most`` texts; raises ServiceError (ValidationException) for anything else."""
    texts = body[name]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise malformed(f"#/{name}: expected a list of strings")
    if not 1 <= len(texts) <= most:
        raise malformed(f"#/{name}: expected 1 to {most} items, found {len(texts)}")
    return texts


def read_choice(body: Mapping[str, Any], name: str, choices: Sequence[Any], default: Any) -> Any:  # noqa: ANN401
    """Return a member that has one of ``choices``; raises ServiceError (ValidationException) for another value."""
    value = body.get(name, default)
    if type(value) is not type(choices[0]) or value not in choices:
        raise malformed(f"#/{name}: expected one of {', '.join(map(str, choices))}")
    return value
