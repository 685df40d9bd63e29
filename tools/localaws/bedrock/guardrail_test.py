"""ApplyGuardrail without a guardrail's policies: every text passes, and its units are counted.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from tools.localaws.call import Call

# https://aws.amazon.com/bedrock/pricing/: a text unit has up to 1,000 characters.
_UNIT_CHARACTERS = 1000
_POLICIES = (
    "topicPolicyUnits",
    "contentPolicyUnits",
    "wordPolicyUnits",
    "sensitiveInformationPolicyUnits",
    "sensitiveInformationPolicyFreeUnits",
    "contextualGroundingPolicyUnits",
)


def apply_guardrail(call: Call) -> dict[str, Any]:
    """Answer one call; raises ServiceError (ValidationException) for content that is no text."""
    blocks = call.parameters["content"]
    if any("text" not in block for block in blocks):
        raise ServiceError("ValidationException", "The local AWS tests only texts with guardrails.")
    characters = sum(len(block["text"]["text"]) for block in blocks)
    units = -(-characters // _UNIT_CHARACTERS)
    usage = dict.fromkeys(_POLICIES, 0) | {"wordPolicyUnits": units}
    covered = {"guarded": characters, "total": characters}
    return {
        "action": "NONE",
        "assessments": [],
        "guardrailCoverage": {"textCharacters": covered},
        "outputs": [],
        "usage": usage,
    }
