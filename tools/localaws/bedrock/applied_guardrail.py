"""ApplyGuardrail without a guardrail: what the guardrail of any id answers.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
It blocks the words "block this text", and no others.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call

_BLOCKED = re.compile(r"\bblock this text\b", re.IGNORECASE)
_BLOCKED_MESSAGE = "The local AWS's stand-in for the guardrail blocked this text."
_VERSION = re.compile(r"[1-9][0-9]{0,7}|DRAFT")
_UNIT_CHARACTERS = 1000
"""A text unit has up to 1,000 characters: https://aws.amazon.com/bedrock/pricing/."""


def apply_guardrail(call: Call) -> dict[str, Any]:
    """Return the operation's result; raises ServiceError (ValidationException)."""
    parameters = call.parameters
    if parameters.get("source") not in ("INPUT", "OUTPUT"):
        raise _invalid("source", "Member must satisfy enum value set: [INPUT, OUTPUT]")
    version = str(parameters.get("guardrailVersion"))
    if not _VERSION.fullmatch(version):
        raise _invalid("guardrailVersion", "Member must be DRAFT or a number")
    texts = [_text(block) for block in parameters.get("content") or ()]
    if not texts:
        raise _invalid("content", "Member must have length greater than or equal to 1")
    matches = [match[0] for text in texts for match in _BLOCKED.finditer(text)]
    characters = sum(len(text) for text in texts)
    usage = _usage(math.ceil(characters / _UNIT_CHARACTERS))
    coverage = {"textCharacters": {"guarded": characters, "total": characters}}
    return {
        "action": "GUARDRAIL_INTERVENED" if matches else "NONE",
        "actionReason": "Guardrail blocked." if matches else "No action.",
        "assessments": [
            {
                **_policy(matches, texts, full=parameters.get("outputScope") == "FULL"),
                "invocationMetrics": {
                    "guardrailCoverage": coverage,
                    "guardrailProcessingLatency": 1,
                    "usage": usage,
                },
            }
        ],
        "guardrailCoverage": coverage,
        "outputs": [{"text": _BLOCKED_MESSAGE}] if matches else [],
        "usage": usage,
    }


def _text(block: Mapping[str, Any]) -> str:
    text = (block.get("text") or {}).get("text")
    if not isinstance(text, str):
        raise ServiceError("ValidationException", "The local AWS tests guardrails with texts only.")
    return text


def _policy(matches: list[str], texts: list[str], *, full: bool) -> dict[str, Any]:
    """The word policy's assessment, as in a trace of Converse; without a match only where all is asked for."""
    words = [{"action": "BLOCKED", "detected": True, "match": match} for match in matches]
    if not words and full:
        words = [{"action": "NONE", "detected": False, "match": text} for text in texts]
    return {"wordPolicy": {"customWords": words, "managedWordLists": []}} if words else {}


def _usage(units: int) -> dict[str, int]:
    return {
        "contentPolicyUnits": 0,
        "contextualGroundingPolicyUnits": 0,
        "sensitiveInformationPolicyFreeUnits": 0,
        "sensitiveInformationPolicyUnits": 0,
        "topicPolicyUnits": 0,
        "wordPolicyUnits": units,
    }


def _invalid(name: str, constraint: str) -> ServiceError:
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value at '{name}' failed to satisfy constraint: {constraint}",
    )
