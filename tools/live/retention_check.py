"""Sets data retention to none wherever the stanzas let a call run, and says where it is not none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.cli.console import out, warn
from tools.cli.data_retention import keep_nothing, read_retention
from tools.live.granted_models import granted_models, granted_regions, worldwide_regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operations_guard.account_retention import Retention
    from tools.cli.targets import Target
    from tools.environment.model import Environment


@dataclass(frozen=True)
class CallRegions:
    """The Regions in which a call may run: those that the stanzas name, and the others of the global profile."""

    granted: tuple[str, ...]
    worldwide: tuple[str, ...]

    @property
    def all(self) -> list[str]:
        """Each Region once."""
        return sorted({*self.granted, *self.worldwide})


def call_regions(environment: Environment, tenants: Iterable[str] | None = None) -> CallRegions:
    """Return the Regions in which calls of these tenants may run, or of all tenants."""
    models = granted_models(environment.stanzas, tenants)
    return CallRegions(
        granted=tuple(granted_regions(environment.operations_region, models)),
        worldwide=tuple(worldwide_regions(environment.partition, models)),
    )


def set_retention(target: Target) -> str | None:
    """Set it in every Region, print what was found and done in each, and return a sentence if one is not none."""
    environment = target.environment
    regions = call_regions(environment)
    results = keep_nothing(target, regions.all)
    for result in results:
        if result.keeps_nothing and result.mode == result.mode_before:
            out.print(f"  Data retention in {result.region} is none already.")
        elif result.keeps_nothing:
            out.print(
                f"  Data retention in {result.region} was {result.mode_before} and is none now."
            )
    problem = _problem(results, regions)
    return problem and (
        f"{problem} The command sets it with bedrock:GetAccountDataRetention and bedrock:PutAccountDataRetention; "
        "see docs/how-to/read-what-exists.md."
    )


def retention_problem(target: Target, tenants: Iterable[str] | None = None) -> str | None:
    """Return a sentence that names the Regions where calls of these tenants may run and it is not none."""
    regions = call_regions(target.environment, tenants)
    problem = _problem(read_retention(target, regions.all), regions)
    return problem and (
        f"{problem} Bedrock may keep prompts and answers there, so the apply is not done. Run "
        f"`make bootstrap ENV={target.environment.name}`, which sets it, and then this command again."
    )


def _problem(results: Sequence[Retention], regions: CallRegions) -> str | None:
    """Return where it is not none or not known; of Regions that no stanza names, a warning says that it is not known.

    Nothing can be read in a Region that the account has not enabled or that its organization denies. The global profile
    may send a call there all the same, and no page of AWS says which mode counts then:
    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
    """
    others = [result for result in results if not result.keeps_nothing]
    unread = [
        result for result in others if result.problem and result.region not in regions.granted
    ]
    if unread:
        warn(
            f"Data retention is not known in {', '.join(result.region for result in unread)}, for instance because of "
            f"{unread[0].problem}. No stanza names these Regions, but the global profile may send calls there; a "
            "geographic profile does not."
        )
    failed = [result for result in others if result not in unread]
    if not failed:
        return None
    states = "; ".join(f"in {result.region} it {result.state}" for result in failed)
    closed = [result.region for result in failed if result.is_closed]
    advice = (
        f" If the account has not enabled {', '.join(closed)}, run `aws account enable-region --region-name "
        f"{closed[0]}`."
        if closed
        else ""
    )
    return f'Data retention must be "none" in every Region where a call may run: {states}.{advice}'
