"""The most that a run may cost, said before it begins, and what it has used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CALLS = 250  # calls of a model; further ones are refused
INPUT_TOKENS = 60  # of each call on average at most: its prompt is one short sentence
OUTPUT_TOKENS = 4  # of each call at most, which the call itself demands
MOST_METRICS = 1000  # metrics that CloudWatch is asked for
MOST_TOKENS = MOST_CALLS * (INPUT_TOKENS + OUTPUT_TOKENS)  # in all; then further calls are refused
LIMIT = 1.0  # dollars
_MILLION = 1_000_000


@dataclass
class Budget:
    """Counts the answers of models and their tokens; a call that is refused costs nothing."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def check(self) -> None:
        """Raise CommandError instead of one more call if there have been too many."""
        if self.calls >= MOST_CALLS:
            raise CommandError(
                f"Models have answered {MOST_CALLS} calls, which is the most of one run."
            )
        if self.input_tokens + self.output_tokens >= MOST_TOKENS:
            raise CommandError(f"The calls have used {MOST_TOKENS:,} tokens, the most of one run.")

    def add(self, usage: Mapping[str, Any]) -> None:
        """Count an answer with its tokens, as Converse states them."""
        self.calls += 1
        self.input_tokens += int(usage.get("inputTokens", 0))
        self.output_tokens += int(usage.get("outputTokens", 0))


def highest_price() -> float:
    """Return the price of a million tokens at which a whole run costs LIMIT, in dollars."""
    return LIMIT / MOST_TOKENS * _MILLION


def estimate(price: float | None) -> str:
    """Return a sentence about the most that a run costs; ``price`` is dollars for a million tokens.

    Raises CommandError if that is LIMIT or more.
    """
    most = (
        f"At most {MOST_CALLS} calls of the model with {MOST_TOKENS:,} tokens in all, and {MOST_METRICS:,} metrics of "
        "CloudWatch."
    )
    if price is None:
        return (
            f"{most} The calls cost less than {LIMIT:.0f} dollar if a million tokens cost less than "
            f"{highest_price():.0f} dollars; see https://aws.amazon.com/bedrock/pricing/ for the model, and write "
            "PRICE= to have it computed."
        )
    dollars = MOST_TOKENS * price / _MILLION
    if dollars >= LIMIT:
        raise CommandError(
            f"The run may cost {dollars:.2f} dollars at this price, and it may cost less than {LIMIT:.2f}; choose an "
            "alias with a cheaper model with MODEL=."
        )
    return f"{most} At {price:g} dollars for a million tokens, the calls cost at most {dollars:.2f} dollars."
