"""Compares the tokens that AWS bills for tracked aliases with those that Bedrock has counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tools.records.bedrock_counts import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.charges.cost_report import CostLine
    from tools.charges.tenant_charges import Charge

# AWS updates an export at least once a day until the bill is final, so later usage may be missing:
# https://docs.aws.amazon.com/cur/latest/userguide/what-is-data-exports.html
BILL_LAG = timedelta(hours=48)


@dataclass(frozen=True)
class TokenComparison:
    """The tokens of one alias, or of all of a tenant, in one month: billed, and counted by Bedrock."""

    month: str
    tenant: str
    alias: str | None  # None for all aliases together, if the bill does not tell them apart
    billed: Counts  # its calls are not billed and are 0
    counted: Counts
    is_final: bool  # whether the bill is old enough to have everything

    @property
    def differences(self) -> dict[str, int]:
        """What is billed beyond what is counted, by kind of token; negative if less is billed."""
        billed, counted = asdict(self.billed), asdict(self.counted)
        kinds = (kind for kind in billed if kind != "calls")
        return {
            kind: billed[kind] - counted[kind] for kind in kinds if billed[kind] != counted[kind]
        }

    @property
    def sentence(self) -> str:
        """What the difference is and what to do about it; empty if there is none."""
        differences = self.differences
        if not differences:
            return ""
        amounts = ", ".join(
            f"{abs(count):,} {kind.replace('_', ' ')} {'more' if count > 0 else 'fewer'} billed than counted"
            for kind, count in differences.items()
        )
        return f"{self.tenant} {self.alias or '(all aliases)'} in {self.month}: {amounts}. {self._reason()}"

    def _reason(self) -> str:
        signs = {count > 0 for count in self.differences.values()}
        if signs == {False} and not self.is_final:
            return "The bill is less than two days old and may lack its last calls; compare a later delivery."
        if signs == {False}:
            return (
                "Bedrock counted calls that are not billed to this role and profile: look for their lines among the "
                "costs without a tenant or an alias."
            )
        if signs == {True}:
            return (
                "The role was billed for calls that Bedrock did not count by these profiles: they named another model "
                "or a profile that is gone. `make gaps` compares the records with the counts."
            )
        return "Compare the days around the month's ends, and the tenant's other aliases."


def months_of(lines: Iterable[CostLine]) -> dict[str, tuple[datetime, datetime]]:
    """Return the time of each month that the report covers: to the month's end, or to the report's last line."""
    times = [(line.usage_date, line.last_end) for line in lines]
    last = max((end for _, end in times), default=datetime.now(UTC))
    months = {}
    for day in sorted({day.replace(day=1) for day, _ in times}):
        since = datetime(day.year, day.month, 1, tzinfo=UTC)
        next_month = (since + timedelta(days=32)).replace(day=1)
        months[f"{day:%Y-%m}"] = since, min(next_month, last)
    return months


def compare_tokens(
    tenant: str,
    month: str,
    charges: Iterable[Charge],
    counts: Mapping[str, Counts],
    *,
    until: datetime,
    all_tracked: bool,
) -> list[TokenComparison]:
    """Return the comparisons of one tenant's charges in one month, which the report covers until ``until``.

    ``counts`` are Bedrock's by tracked alias. If the tenant has no other models and the bill names no alias, all
    are compared together.
    """
    of_month = [
        charge for charge in charges if charge.tenant == tenant and charge.period.startswith(month)
    ]
    is_final = datetime.now(UTC) - until > BILL_LAG
    if all_tracked and not any(charge.alias for charge in of_month):
        counted = sum(counts.values(), Counts())
        return [TokenComparison(month, tenant, None, _billed(of_month), counted, is_final)]
    return [
        TokenComparison(
            month,
            tenant,
            alias,
            _billed(charge for charge in of_month if charge.alias == alias),
            counted,
            is_final,
        )
        for alias, counted in sorted(counts.items())
    ]


def _billed(charges: Iterable[Charge]) -> Counts:
    return sum((Counts(**charge.tokens) for charge in charges), Counts())
