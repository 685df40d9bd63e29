"""What an apply of the operations account will hand over to each tenant, taken from the plan of that apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.proof.change_list import differences

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State

KNOWN_LATER = "known after the operations apply"


@dataclass(frozen=True)
class PlannedHandover:
    """One tenant's hand-over as the apply will write it."""

    content: dict[str, Any]  # without what is unknown
    unknown: tuple[str, ...] = ()  # such as "models.claude.model", which Bedrock makes

    def change_lines(self, present: Mapping[str, Any]) -> list[str]:
        """Return a line for each value that differs from the present hand-over; they may contain ExternalIds."""
        known = list(differences("", dict(present), self.content))
        # What is missing in the content because it is unknown is not removed.
        removed = tuple(f"- {name}: " for name in self.unknown)
        return [
            *(line for line in known if not line.startswith(removed)),
            *(f"~ {name}: {KNOWN_LATER}" for name in self.unknown),
        ]


def planned_handovers(plan: PlanJson) -> dict[str, PlannedHandover]:
    """Return the hand-over of each tenant of an operations plan, as `terraform show -json` prints the plan.

    ``after`` leaves unknown values out, and ``after_unknown`` has true in their places. A plan that does not
    have the output, or knows nothing of it, has the hand-over of no tenant:
    https://developer.hashicorp.com/terraform/internals/json-format#change-representation
    """
    change = plan.get("output_changes", {}).get("handover", {})
    after, unknown = change.get("after") or {}, change.get("after_unknown")
    unknown = unknown if isinstance(unknown, dict) else {}
    return {
        tenant: PlannedHandover(
            after.get(tenant) or {}, tuple(_paths_of_unknown(unknown.get(tenant), ""))
        )
        for tenant in sorted(after.keys() | unknown.keys())
    }


def unplannable(
    states: Collection[State], planned: Mapping[str, PlannedHandover]
) -> dict[str, str]:
    """Return why customer states cannot be planned before the operations apply, by the state's label."""
    reasons = {}
    for state in states:
        handover = planned.get(state.tenant or "")
        if handover is None:
            reasons[state.label] = f"its hand-over is {KNOWN_LATER}"
        elif handover.unknown:
            names = " and ".join(handover.unknown)
            reasons[state.label] = f"{names} of its hand-over: {KNOWN_LATER}"
    return reasons


def _paths_of_unknown(unknown: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the path of each true below ``path``."""
    if unknown is True:
        yield path or "everything"
    if isinstance(unknown, list):
        unknown = dict(enumerate(unknown))
    for name, value in unknown.items() if isinstance(unknown, dict) else ():
        yield from _paths_of_unknown(value, f"{path}.{name}" if path else str(name))
