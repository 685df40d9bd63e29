"""Bedrock: a model, or a profile and each model behind it, and the guardrail of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.bedrock.model_ids import resolve
from tools.localaws.permission import Asked, Check, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
_INVOCATIONS = {
    "Converse": "bedrock:InvokeModel",
    "ConverseStream": "bedrock:InvokeModelWithResponseStream",
    "InvokeModel": "bedrock:InvokeModel",
    "InvokeModelWithBidirectionalStream": "bedrock:InvokeModel",
    "InvokeModelWithResponseStream": "bedrock:InvokeModelWithResponseStream",
    "StartAsyncInvoke": "bedrock:InvokeModel",
}


def bedrock_runtime(asked: Asked) -> Iterator[Check]:
    """Checks of a call that runs a model, counts its tokens or applies a guardrail."""
    call = asked.call
    action = _INVOCATIONS.get(call.operation, f"bedrock:{call.operation}")
    if call.operation == "ApplyGuardrail":
        yield _guardrail(asked, asked.parameter("guardrailIdentifier"))
        return
    if call.operation not in _INVOCATIONS and call.operation != "CountTokens":
        yield Check(action, "*", call.account)
        return
    config = call.parameters.get("guardrailConfig") or {}
    guardrail = asked.parameter("guardrailIdentifier") or config.get("guardrailIdentifier")
    version = asked.parameter("guardrailVersion") or config.get("guardrailVersion")
    extra: Values = {}
    if guardrail:
        check = _guardrail(asked, str(guardrail))
        extra["bedrock:GuardrailIdentifier"] = check.resource + (f":{version}" if version else "")
        yield check
    yield from _model_checks(asked, action, asked.parameter("modelId"), extra)


def _guardrail(asked: Asked, identifier: str) -> Check:
    given = identifier.startswith("arn:")
    arn = identifier if given else asked.arn("bedrock", f"guardrail/{identifier}")
    return Check("bedrock:ApplyGuardrail", arn, arn.split(":")[4])


def _model_checks(asked: Asked, action: str, model: str, extra: Values) -> Iterator[Check]:
    """A foundation model, or a profile and then each model behind it with the profile's ARN.

    Each model is asked for in its own Region; one somewhere in the world has none in its ARN, and
    ``unspecified`` is requested:
    https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
    https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
    """
    call = asked.call
    reference = resolve(model, account=call.account, region=call.region, profiles=asked.profiles)
    if reference.profile_arn is not None:
        owner = reference.profile_arn.split(":")[4]
        tags = _profile_tags(asked, reference.profile_arn)
        yield Check(action, reference.profile_arn, owner, context=extra | tags)
        extra = extra | {"bedrock:InferenceProfileArn": reference.profile_arn}
    for model_arn in reference.model_arns:
        destination: Values = {"aws:RequestedRegion": model_arn.split(":")[3] or "unspecified"}
        yield Check(action, model_arn, call.account, context=extra | destination)


def _profile_tags(asked: Asked, arn: str) -> Values:
    profile = asked.profiles.get(arn)
    tags = {} if profile is None else profile.tags
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def bedrock(asked: Asked) -> Iterator[Check]:
    """Checks of a control-plane call: on a profile where it names one, else on ``*``."""
    call = asked.call
    action = f"bedrock:{call.operation}"
    if call.operation == "CreateInferenceProfile":
        source = (call.parameters.get("modelSource") or {}).get("copyFrom", "")
        yield Check(action, source, call.account)
        yield Check(action, asked.arn("bedrock", "application-inference-profile/*"), call.account)
        return
    named = asked.parameter("inferenceProfileIdentifier", "resourceARN")
    if not named:
        yield Check(action, "*", call.account)
        return
    given = named.startswith("arn:")
    arn = named if given else asked.arn("bedrock", f"application-inference-profile/{named}")
    tags = _profile_tags(asked, arn)
    yield Check(action, arn, arn.split(":")[4] or call.account, context=tags)
