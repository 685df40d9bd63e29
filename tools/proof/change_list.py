"""Says in a few lines what a plan changes in one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.proof.saved_plan import SavedPlan

SHOWN = 20  # lines for one account; `make plan PROOF=` shows the rest

_VERBS = {
    ("create",): "+ create",
    ("update",): "~ change",
    ("delete",): "- destroy",
    ("delete", "create"): "± replace",
    ("create", "delete"): "± replace",
    ("forget",): "- forget",
}


def change_lines(plan: SavedPlan) -> list[str]:
    """Return a line for each resource that an apply of the plan changes or adopts."""
    lines = []
    for item in plan.content.get("resource_changes", ()):
        change = item["change"]
        verb = _VERBS.get(tuple(change["actions"]))
        if change.get("importing"):
            verb = f"= adopt, {verb[2:]}" if verb else "= adopt"
        if verb is not None:
            lines.append(f"{verb} {item['address']}")
    if len(lines) > SHOWN:
        return [*lines[:SHOWN], f"and {len(lines) - SHOWN:,} more"]
    return lines
