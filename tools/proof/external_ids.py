"""Removes ExternalIds from what is shown of a plan, also those that no stanza has any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.environment.model import Environment
    from tools.terraform.runner import PlanJson

# The keys that hold one: in a hand-over or a function's settings, in a stanza, and in a trust policy.
_NAMES = frozenset({"external_id", "external_ids", "sts:ExternalId"})


def without_external_ids(environment: Environment, text: str, *values: Any) -> str:  # noqa: ANN401 - any JSON values
    """Return a text with a name in place of each ExternalId of the environment or of ``values``.

    A plan that removes an ExternalId has it as the value before, and the role accepts it until the apply.
    """
    text = environment.without_external_ids(text)
    for external_id in sorted({*external_ids_in(list(values))}, key=len, reverse=True):
        text = text.replace(external_id, "(an ExternalId)")
    return text


def values_of(plan: PlanJson) -> list[Any]:
    """Return the values before and after each change of a plan."""
    changes = [
        *(item["change"] for item in plan.get("resource_changes", ())),
        *plan.get("output_changes", {}).values(),
    ]
    return [change.get(side) for change in changes for side in ("before", "after")]


def external_ids_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield each ExternalId in a value; texts that are JSON are read as JSON."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item) if name in _NAMES else external_ids_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from external_ids_in(item)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield each text in a value that is an ExternalId, or a list or an object of them."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
