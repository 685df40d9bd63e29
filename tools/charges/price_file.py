"""Reads the file with which `make cost` computes: AWS's prices by Region, and how the tenants use what they have.

No price is built in, because AWS changes them and negotiates them. docs/explanation/cost.md describes the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.hcl import read_hcl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_PRIVATELINK = "https://aws.amazon.com/privatelink/pricing/"
# Where AWS publishes each price.
PRICES = {
    "alarm_month": _CLOUDWATCH,
    "kms_key_month": "https://aws.amazon.com/kms/pricing/",
    "lambda_gb_second_arm64": _LAMBDA,
    "lambda_gb_second_x86_64": _LAMBDA,
    "lambda_million_requests": _LAMBDA,
    "log_gb_ingested": _CLOUDWATCH,
    "log_gb_masked": _CLOUDWATCH,
    "log_gb_month_stored": _CLOUDWATCH,
    "metric_thousand_requested": _CLOUDWATCH,
    "vpc_endpoint_gb": _PRIVATELINK,
    "vpc_endpoint_hour": _PRIVATELINK,
}
# What each number of `use` is.
USE = {
    "alarms": "CloudWatch alarms of the environment in the operations account",
    "answer_bytes": "bytes of an average answer, as text in UTF-8",
    "count_readings_per_month": "runs of `make gaps` and `make chargeback` in a month",
    "invocation_seconds": "seconds of an average invocation of the function",
    "log_compression": "stored bytes for each logged byte, such as 0.15",
    "prompt_bytes": "bytes of an average prompt, with its earlier messages",
}


@dataclass(frozen=True)
class PriceFile:
    """Prices in one currency by Region, and ``use`` by name."""

    path: Path
    prices: Mapping[str, Mapping[str, float]]
    uses: Mapping[str, float]

    def price(self, region: str, name: str) -> float:
        """Return a price; CommandError with its name if the file has none for the Region."""
        price = self.prices.get(region, {}).get(name)
        if price is None:
            raise CommandError(
                f"{self.path} has no price {name} for {region}; look it up at {PRICES[name]} and write it into "
                f'prices["{region}"].'
            )
        return price

    def use(self, name: str) -> float:
        """Return a number of ``use``; CommandError with its name if the file has none."""
        if name not in self.uses:
            raise CommandError(f"{self.path} has no use.{name}; write {USE[name]}.")
        return self.uses[name]


def read_price_file(path: Path) -> PriceFile:
    """Return what a file in the syntax of tfvars says; CommandError for one that is no price file."""
    if not path.is_file():
        raise CommandError(
            f"There is no file {path}; write PRICES= and a file as docs/explanation/cost.md shows it."
        )
    content = read_hcl(path)
    _refuse_unknown(path, "", content, ("prices", "use"))
    prices, use = content.get("prices", {}), content.get("use", {})
    if not isinstance(prices, dict):
        raise CommandError(
            f"prices in {path} is a map of Regions; docs/explanation/cost.md shows it."
        )
    return PriceFile(
        path,
        {
            region: _numbers(path, f'prices["{region}"]', of, PRICES)
            for region, of in prices.items()
        },
        _numbers(path, "use", use, USE),
    )


def _numbers(path: Path, place: str, values: Any, names: Iterable[str]) -> dict[str, float]:  # noqa: ANN401 - any HCL
    if not isinstance(values, dict):
        raise CommandError(
            f"{place} in {path} is a map of numbers; docs/explanation/cost.md shows it."
        )
    _refuse_unknown(path, f"{place} of ", values, names)
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise CommandError(
                f"{name} in {place} of {path} is a number of 0 or more, not {value!r}."
            )
    return {name: float(value) for name, value in values.items()}


def _refuse_unknown(
    path: Path, place: str, values: Mapping[str, Any], names: Iterable[str]
) -> None:
    if unknown := sorted(values.keys() - set(names)):
        raise CommandError(
            f"{place}{path} has {', '.join(unknown)}, which nothing reads; it may have {', '.join(sorted(names))}."
        )
