"""Divides the lines of a bill among the tenants, and names what no tenant of the environment bears."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tools.charges.billed_tokens import has_unknown_unit, model_name, usage_tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tools.charges.cost_report import CostLine
    from tools.environment.model import Environment

Period = Literal["day", "month"]
ZERO = Decimal(0)


@dataclass
class Charge:
    """What one tenant has paid for one alias or model in one period; ``tokens`` are by kind, as in Counts.

    ``alias`` is None if the bill does not tell it: the model is not tracked, or neither its tag nor its id is in the
    report.
    """

    period: str
    tenant: str
    alias: str | None
    model: str
    currency: str
    cost: Decimal = ZERO
    net_cost: Decimal = ZERO
    tokens: dict[str, int] = field(default_factory=dict)

    def add(self, line: CostLine) -> None:
        """Count a line too."""
        self.cost += line.cost
        self.net_cost += line.net_cost
        for kind, count in usage_tokens(line).items():
            self.tokens[kind] = self.tokens.get(kind, 0) + count


@dataclass(frozen=True)
class Unassigned:
    """A cost that no tenant of the environment bears; ``is_fault`` if it is the environment's own all the same."""

    reason: str
    currency: str
    cost: Decimal
    net_cost: Decimal
    is_fault: bool


@dataclass(frozen=True)
class Assignment:
    """The lines of a report by tenant; ``faults`` are sentences about lines that somebody has to look at."""

    charges: list[Charge]
    unassigned: list[Unassigned]
    faults: list[str]


def assign(
    environment: Environment,
    lines: Iterable[CostLine],
    aliases: Mapping[str, str],
    period: Period = "month",
    tenants: Collection[str] | None = None,
) -> Assignment:
    """Return the charges of the environment's tenants, and the rest of the operations account's bill.

    ``aliases`` has the alias of each tracked profile by its ARN. With ``tenants``, the others are left out.
    """
    charges: dict[tuple[str, ...], Charge] = {}
    rest: dict[tuple[str, str, bool], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    faults: dict[str, None] = {}
    for line in lines:
        if line.account_id != environment.operations_account_id:
            continue
        if tenants is not None and line.tenant not in tenants:
            continue
        reason, is_fault = _refusal(environment, line)
        if reason is not None:
            amounts = rest[reason, line.currency, is_fault]
            amounts[0] += line.cost
            amounts[1] += line.net_cost
            continue
        tenant = str(line.tenant)
        alias = line.alias_tag or aliases.get(line.resource_id or "")
        key = (period_of(line, period), tenant, alias or "", model_name(line), line.currency)
        charges.setdefault(key, Charge(key[0], tenant, alias, key[3], line.currency)).add(line)
        if line.tenant_tag not in (None, tenant):
            faults[
                f"The role of {tenant} had the tag tenant = {line.tenant_tag} when {line.usage_type} was billed, so "
                "Cost Explorer shows its cost under that name; `make drift` shows what was changed by hand."
            ] = None
        if has_unknown_unit(line):
            faults[
                f"The unit {line.pricing_unit} of {line.usage_type} does not say how many tokens it is, so its tokens "
                f"({tenant}) are not counted; its cost is."
            ] = None
    return Assignment(
        [charges[key] for key in sorted(charges)],
        [
            Unassigned(reason, currency, cost, net_cost, is_fault)
            for (reason, currency, is_fault), (cost, net_cost) in sorted(rest.items())
        ],
        list(faults),
    )


def period_of(line: CostLine, period: Period) -> str:
    """Return the day or the month of a line, such as ``2026-11``, in UTC."""
    return line.usage_date.isoformat() if period == "day" else f"{line.usage_date:%Y-%m}"


def _refusal(environment: Environment, line: CostLine) -> tuple[str | None, bool]:
    """Return why no tenant bears the line, and whether that is a fault; None for a tenant's own line."""
    if line.environment == environment.name and line.tenant is not None:
        if line.tenant in environment.stanzas:
            return None, False
        return f"the role of {line.tenant}, which has no stanza", True
    if line.environment is not None:
        return f"environment {line.environment}", False
    if line.iam_principal is not None:
        return line.iam_principal, False
    if usage_tokens(line) or has_unknown_unit(line):
        return "usage without an IAM principal", True
    return f"{line.line_item_type} without an IAM principal", False
