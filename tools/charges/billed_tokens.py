"""What a line of the bill is about: which model, which kind of token, and how many of them.

AWS documents no grammar of usage types. These are in use: ``EUC1-NovaLite-input-tokens``,
``EUC1-NovaLite-cache-read-input-token-count``, ``EUC1-MP:EUC1_InputTokenCount_Global-Units`` and
``EUC1-MP:EUC1_output_tokens_standard-Units``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.charges.cost_report import CostLine

# The members of tools.records.bedrock_counts.Counts, by a word that is in the usage type without its punctuation.
# A cached token is an input token too, so its words come first.
_KINDS = {
    "cacheread": "cache_read_tokens",
    "cachewrite": "cache_write_tokens",
    "inputtoken": "input_tokens",
    "outputtoken": "output_tokens",
    "responsetoken": "output_tokens",
}
_UNITS = {"token": 1, "1ktoken": 1_000, "1mtoken": 1_000_000}
_BEDROCK_EDITION = re.compile(r" \(Amazon Bedrock Edition\)$")
_MODEL_IN_USAGE_TYPE = re.compile(
    r"^(?:[A-Z]{3,4}\d?-)?(?P<model>.+?)[-_](?:cache|input|output|response)", re.IGNORECASE
)


def token_kind(line: CostLine) -> str | None:
    """Return the member of Counts that the line bills; None for what is not tokens, such as a tax or an image."""
    if line.line_item_type == "Tax":
        return None
    letters = re.sub(r"[^a-z0-9]", "", line.usage_type.lower())
    return next((kind for word, kind in _KINDS.items() if word in letters), None)


def token_count(line: CostLine) -> int | None:
    """Return how many tokens the line bills; None if its unit does not say how many are one.

    A unit of AWS Marketplace is "Units", whose description says how many: "Million Input Tokens".
    """
    unit = re.sub(r"[^a-z0-9]", "", (line.pricing_unit or "").lower()).removesuffix("s")
    size = _UNITS.get(unit)
    if size is None and unit == "unit" and line.description:
        words = line.description.lower()
        size = 1_000_000 if "million" in words else 1_000 if "thousand" in words else None
    return None if size is None else int((line.usage_amount * size).to_integral_value())


def model_name(line: CostLine) -> str:
    """Return the model as the bill names it: by its product, or in the usage type of Amazon's own models."""
    if line.product_name not in ("Amazon Bedrock", "AmazonBedrock"):
        return _BEDROCK_EDITION.sub("", line.product_name)
    match = _MODEL_IN_USAGE_TYPE.match(line.usage_type)
    return match["model"] if match else line.usage_type


def usage_tokens(line: CostLine) -> dict[str, int]:
    """Return the tokens of a line by kind, as far as they are known; only usage has any."""
    kind = token_kind(line) if line.line_item_type.endswith("Usage") else None
    count = token_count(line) if kind else None
    return {kind: count} if kind and count is not None else {}


def has_unknown_unit(line: CostLine) -> bool:
    """Whether a line bills tokens in a unit that does not say how many they are."""
    is_usage = line.line_item_type.endswith("Usage") and line.usage_amount != Decimal(0)
    return is_usage and token_kind(line) is not None and token_count(line) is None
