"""What an account's tokens per minute of each model are beside what its tenants may use in a day by their quotas."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tools.live.granted_models import granted_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.environment.model import Environment
    from tools.isolation.operations_specification import Stanza

_MINUTES_A_DAY = 24 * 60
# The limits of the guard that are tokens; one of dollars is no number of tokens.
_LIMITS = ("tokens_per_day", "tokens_per_month")


@dataclass(frozen=True)
class DeclaredTokens:
    """A model, the account's tokens a minute of it as terraform.tfvars states them, and what tenants may use in a day.

    ``without_limit`` are the tenants that may call it and have no limit of tokens. Tenants may have more together than
    the account has, because not all of them use their quotas up; who comes first is answered then.
    """

    model: str
    tokens_per_minute: int | None
    declared_per_day: int
    tenants: int
    without_limit: tuple[str, ...]

    @property
    def tokens_per_day(self) -> int | None:
        """What the account can use in a day; None if it is not stated."""
        return None if self.tokens_per_minute is None else self.tokens_per_minute * _MINUTES_A_DAY

    @property
    def share(self) -> float | None:
        """What is declared of what the account can use; None if that is not stated or somebody has no limit."""
        if self.tokens_per_day is None or self.without_limit:
            return None
        return self.declared_per_day / self.tokens_per_day

    @property
    def data(self) -> dict[str, Any]:
        """The row as JSON has it."""
        return {**asdict(self), "tokens_per_day": self.tokens_per_day, "share": self.share}


def declared_tokens(environment: Environment) -> list[DeclaredTokens]:
    """Return a row for each granted model, by its id; CommandError for a stanza that cannot be read."""
    stated = (environment.variables.get("operations") or {}).get("guard") or {}
    rates = stated.get("tokens_per_minute") or {}
    aliases: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for grant in granted_models(environment.stanzas):
        aliases[grant.model][grant.tenant].add(grant.alias)
    rows = []
    for model, tenants in sorted(aliases.items()):
        most = {
            tenant: _most_in_a_day(environment.stanzas[tenant], sorted(names))
            for tenant, names in tenants.items()
        }
        rows.append(
            DeclaredTokens(
                model=model,
                tokens_per_minute=rates.get(model),
                declared_per_day=sum(tokens for tokens in most.values() if tokens is not None),
                tenants=len(most),
                without_limit=tuple(sorted(name for name, each in most.items() if each is None)),
            )
        )
    return rows


def _most_in_a_day(stanza: Stanza, aliases: Sequence[str]) -> int | None:
    """Return the most that a tenant may use in a day through aliases of one model; None without a limit."""
    quota = stanza.get("quota") or {}
    own = quota.get("aliases") or {}
    by_alias = [_least(own.get(alias) or {}) for alias in aliases]
    together = sum(each for each in by_alias if each is not None)
    limits = [_least(quota), None if None in by_alias else together]
    return min((limit for limit in limits if limit is not None), default=None)


def _least(limits: Mapping[str, int | None]) -> int | None:
    """Return the lowest of the limits; a month's may be used in one day."""
    return min((limit for name in _LIMITS if (limit := limits.get(name))), default=None)
