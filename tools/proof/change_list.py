"""Says in a few lines what a plan changes in one account: each resource, and of an update each value that differs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.terraform.healing import TAINTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.terraform.runner import PlanJson

SHOWN = 40  # lines for one account; `make plan PROOF=` shows the rest
VALUE_LENGTH = 100  # characters of a value

_VERBS = {
    ("create",): "+ create",
    ("update",): "~ change",
    ("delete",): "- destroy",
    ("delete", "create"): "± replace",
    ("create", "delete"): "± replace",
    ("forget",): "- forget",
}
_REPEATED = {"tags"}  # tags_all has the same and the provider's tags


def change_lines(plan: PlanJson) -> list[str]:
    """Return a line for each resource that an apply of the plan changes or adopts, and one for each changed value.

    A policy's change is the statements that differ. The lines may contain ExternalIds.
    """
    lines = []
    for line, values in resource_changes(plan):
        lines += [line, *(f"    {value}" for value in values)]
    if len(lines) > SHOWN:
        return [*lines[:SHOWN], f"and {len(lines) - SHOWN:,} more"]
    return lines


def resource_changes(plan: PlanJson) -> Iterator[tuple[str, list[str]]]:
    """Yield a line for each resource that an apply changes or adopts, with a line for each changed value.

    The lines may contain ExternalIds.
    """
    for item in plan.get("resource_changes", ()):
        change = item["change"]
        verb = _VERBS.get(tuple(change["actions"]))
        if change.get("importing"):
            verb = f"= adopt, {verb[2:]}" if verb else "= adopt"
        if verb is None:
            continue
        half_made = (
            ", which an apply left half made" if item.get("action_reason") == TAINTED else ""
        )
        is_update = change.get("before") and change.get("after")
        yield (
            f"{verb} {item['address']}{half_made}",
            list(_value_lines(change)) if is_update else [],
        )


def indented(lines: Iterable[str]) -> str:
    """Return lines as they are shown below an account."""
    return "\n".join(f"    {line}" for line in lines)


def _value_lines(change: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between the two sides of a change, without what is known only after the apply."""
    before, after = change["before"], change["after"]
    secret = {
        name
        for side in ("before_sensitive", "after_sensitive")
        for name, value in (change.get(side) or {}).items()
        if value is True
    }
    unknown = {name for name, value in (change.get("after_unknown") or {}).items() if value is True}
    for name in sorted({*before, *after} - _REPEATED - unknown):
        if name in secret:
            if before.get(name) != after.get(name):
                yield f"{name} (sensitive)"
        else:
            yield from differences(name, before.get(name), after.get(name))


def differences(path: str, before: Any, after: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield a line for each value below ``path`` that differs; texts that are JSON are compared as JSON."""
    before, after = _decoded(before), _decoded(after)
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            below = name if path == "" else f"{path}.{name}"
            if name not in before:
                yield f"+ {below}: {_text(after[name])}"
            elif name not in after:
                yield f"- {below}: {_text(before[name])}"
            else:
                yield from differences(below, before[name], after[name])
    elif isinstance(before, list) and isinstance(after, list):
        if _is_scalar(before) and _is_scalar(after):
            yield from (f"+ {path}: {_text(value)}" for value in after if value not in before)
            yield from (f"- {path}: {_text(value)}" for value in before if value not in after)
            if sorted(map(_text, before)) == sorted(map(_text, after)):
                yield f"~ {path}: in another order"
        else:
            yield from differences(path, _by_name(before), _by_name(after))
    else:
        yield f"~ {path}: {_text(before)} → {_text(after)}"


def _decoded(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a text that is a JSON object or list holds, and any other value as it is."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _is_scalar(values: list[Any]) -> bool:
    return not any(isinstance(value, (dict, list)) for value in values)


def _by_name(values: list[Any]) -> dict[str, Any]:
    """Return the elements by their Sid or name, or by their position where they have none."""
    named = {}
    for position, value in enumerate(values):
        name = (value.get("Sid") or value.get("name")) if isinstance(value, dict) else None
        named[str(name or position)] = value
    return named


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"
