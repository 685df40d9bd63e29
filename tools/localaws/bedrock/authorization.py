"""Bedrock permissions: on a model, or a profile and each model behind it, on a project and on a guardrail."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

from tools.localaws.bedrock.model_ids import counted_model, resolve
from tools.localaws.bedrock.projects import called_project
from tools.localaws.permission import ContextKeys, Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.bedrock.control_plane import EnforcedGuardrails, InferenceProfiles
    from tools.localaws.call import Call

# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
_INVOCATIONS = {
    "Converse": "bedrock:InvokeModel",
    "ConverseStream": "bedrock:InvokeModelWithResponseStream",
    "InvokeModel": "bedrock:InvokeModel",
    "InvokeModelWithBidirectionalStream": "bedrock:InvokeModel",
    "InvokeModelWithResponseStream": "bedrock:InvokeModelWithResponseStream",
    "StartAsyncInvoke": "bedrock:InvokeModel",
}


def bedrock_runtime_permissions(
    call: Call, profiles: InferenceProfiles, enforced: EnforcedGuardrails
) -> Iterator[Permission]:
    """The permissions of a call that runs a model, counts its tokens or applies a guardrail."""
    action = _INVOCATIONS.get(call.operation, f"bedrock:{call.operation}")
    if call.operation == "ApplyGuardrail":
        yield _guardrail_permission(call, call.parameter("guardrailIdentifier"))
        return
    if call.operation == "CountTokens":
        model_arn = counted_model(call.parameter("modelId"), call)
        yield Permission(action, model_arn, call.account)
        return
    if call.operation == "GetAsyncInvoke":
        arn = call.parameter("invocationArn")
        yield Permission(action, arn, (arn.split(":") + [call.account] * 5)[4] or call.account)
        return
    if call.operation not in _INVOCATIONS:
        yield Permission(action, "*", call.account)
        return
    config = call.parameters.get("guardrailConfig") or {}
    guardrail = call.parameter("guardrailIdentifier") or config.get("guardrailIdentifier")
    version = call.parameter("guardrailVersion") or config.get("guardrailVersion")
    context: ContextKeys = {}
    if guardrail:
        permission = _guardrail_permission(call, str(guardrail))
        suffix = f":{version}" if version else ""
        context["bedrock:GuardrailIdentifier"] = permission.resource + suffix
        yield permission
    # Without permission for the account's enforced guardrail, a call is refused:
    # https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-resource-based-policies.html
    if configuration := enforced.get((call.account, call.region)):
        yield _guardrail_permission(call, configuration["guardrailArn"])
    yield from _model_permissions(call, profiles, action, context)
    if project := called_project(call):
        # AWS documents bedrock:ModelArn here, and bedrock:ProjectArn on the model, for stateful calls only,
        # and nowhere bedrock:GuardrailIdentifier on a project. So a policy that requires one of them refuses:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
        yield Permission(action, project, project.split(":")[4])
    if call.operation == "StartAsyncInvoke":
        # The invocation is a resource of its own, with an id that Bedrock makes:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
        yield Permission(action, call.arn("bedrock", f"async-invoke/{_new_id()}"), call.account)


def _new_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))


def _guardrail_permission(call: Call, identifier: str) -> Permission:
    is_arn = identifier.startswith("arn:")
    arn = identifier if is_arn else call.arn("bedrock", f"guardrail/{identifier}")
    return Permission("bedrock:ApplyGuardrail", arn, arn.split(":")[4])


def _model_permissions(
    call: Call, profiles: InferenceProfiles, action: str, context: ContextKeys
) -> Iterator[Permission]:
    """On a foundation model, or on a profile and then on each model behind it with the profile's ARN.

    Each model is checked in its own Region. The ARN of a model that may run in any commercial
    Region has no Region, and its requested Region is ``unspecified``:
    https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
    https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
    """
    reference = resolve(call.parameter("modelId"), call, profiles)
    if reference.profile_arn is not None:
        owner = reference.profile_arn.split(":")[4]
        tags = _profile_tags(profiles, reference.profile_arn)
        yield Permission(action, reference.profile_arn, owner, context=context | tags)
        context = context | {"bedrock:InferenceProfileArn": reference.profile_arn}
    for model_arn in reference.model_arns:
        region: ContextKeys = {"aws:RequestedRegion": model_arn.split(":")[3] or "unspecified"}
        yield Permission(action, model_arn, call.account, context=context | region)


def _profile_tags(profiles: InferenceProfiles, arn: str) -> ContextKeys:
    profile = profiles.get(arn)
    tags = {} if profile is None else profile.tags
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def bedrock_permissions(call: Call, profiles: InferenceProfiles) -> Iterator[Permission]:
    """The permissions of a control-plane call: on its inference profile if it has one, or on ``*``."""
    action = f"bedrock:{call.operation}"
    if call.operation == "CreateInferenceProfile":
        source = (call.parameters.get("modelSource") or {}).get("copyFrom", "")
        yield Permission(action, source, call.account)
        profile_arns = call.arn("bedrock", "application-inference-profile/*")
        yield Permission(action, profile_arns, call.account)
        return
    if call.operation == "GetFoundationModel":
        model = call.parameter("modelIdentifier").rpartition("/")[2]
        arn = f"arn:{call.partition}:bedrock:{call.region}::foundation-model/{model}"
        yield Permission(action, arn, call.account)
        return
    profile = call.parameter("inferenceProfileIdentifier", "resourceARN")
    if not profile:
        yield Permission(action, "*", call.account)
        return
    is_arn = profile.startswith("arn:")
    kind = "inference-profile" if "." in profile else "application-inference-profile"
    arn = profile if is_arn else call.arn("bedrock", f"{kind}/{profile}")
    tags = _profile_tags(profiles, arn)
    yield Permission(action, arn, arn.split(":")[4] or call.account, context=tags)
