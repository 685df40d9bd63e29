"""The limits that the stanza sets for every call: guardrail, token cap, streaming, counting tokens.

They are applied in the Bedrock client, so they hold for any parameters given to ``chat`` or
``invoke`` and for calls made directly with the client. IAM also enforces the guardrail and
streaming; the cap is enforced only here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tenant_bedrock import native_cap, native_request
from tenant_bedrock.errors import BadRequestError, ModelNotGrantedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import OperationModel
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.settings import Guardrail, Settings


def register(client: BedrockRuntimeClient, settings: Settings) -> None:
    """Apply the limits to every call of ``client`` before it is sent."""
    limits: dict[str, tuple[Callable[..., None], ...]] = {
        "Converse": (_limit_conversation,),
        "ConverseStream": (_check_streaming, _limit_conversation),
        "InvokeModel": (_limit_native_request,),
        "InvokeModelWithResponseStream": (_check_streaming, _limit_native_request),
        "ApplyGuardrail": (_limit_guardrail_test,),
        "CountTokens": (partial(_check_counting, region=client.meta.region_name),),
    }
    for operation, handlers in limits.items():
        event = f"provide-client-params.bedrock-runtime.{operation}"
        for handler in (_replace_alias, *handlers):
            client.meta.events.register(event, partial(handler, settings))


def _replace_alias(
    settings: Settings, *, params: dict[str, Any], model: OperationModel, **_: object
) -> None:
    """Put the model id in the place of an alias, which a caller may write there."""
    granted = settings.models.get(str(params.get("modelId")))
    if granted is not None:
        is_count = model.name == "CountTokens"
        params["modelId"] = granted.base_model_id if is_count else granted.model


def _limit_conversation(settings: Settings, *, params: dict[str, Any], **_: object) -> None:
    """Complete the parameters of one call before botocore reads them, or raise to stop the call."""
    if settings.guardrail is not None:
        config = params.get("guardrailConfig") or {}
        params["guardrailConfig"] = _with_guardrail(config, settings.guardrail)
    if settings.quota.max_tokens_per_call is not None:
        params["inferenceConfig"] = _inference_config(params, settings.quota.max_tokens_per_call)


def _limit_native_request(settings: Settings, *, params: dict[str, Any], **_: object) -> None:
    """Like ``_limit_conversation``, for a request in the model's own format."""
    if settings.guardrail is not None:
        params |= _with_guardrail(params, settings.guardrail)
    request = native_request.read(params.get("body"))
    if request is None:
        return  # botocore says what is wrong with it
    if settings.quota.max_tokens_per_call is not None:
        granted = settings.granted(params.get("modelId"))
        base_model_id = granted.base_model_id if granted else str(params.get("modelId"))
        native_cap.limit(request, base_model_id, settings.quota.max_tokens_per_call)
    params["body"] = native_request.write(request)


def _limit_guardrail_test(settings: Settings, *, params: dict[str, Any], **_: object) -> None:
    """Let a text be tested with the tenant's own guardrail, and with no other."""
    if settings.guardrail is None:
        raise ModelNotGrantedError(
            f"Tenant {settings.tenant} has no guardrail; ask the operator to set one in the tenant's stanza."
        )
    params |= _with_guardrail(params, settings.guardrail)


def _check_streaming(settings: Settings, *, params: dict[str, Any], **_: object) -> None:
    """Refuse a stream unless an alias of this model may stream, which is how IAM grants it."""
    aliases = settings.aliases_for(params.get("modelId"))
    if aliases and not any(settings.models[alias].streaming for alias in aliases):
        raise ModelNotGrantedError(
            f"Tenant {settings.tenant} may not stream {' or '.join(aliases)}. Use invoke(), or pass "
            "disable_streaming=True so that stream() returns the whole answer as one chunk."
        )


def _check_counting(
    settings: Settings, *, region: str, params: dict[str, Any], **_: object
) -> None:
    """Refuse to count tokens for a model or in a Region that the stanza does not name for it.

    Raises ModelNotGrantedError. Like IAM, this compares the foundation model: CountTokens takes its
    id and refuses that of a profile.
    https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
    """
    model_id = str(params.get("modelId")).rpartition("foundation-model/")[2]
    models = settings.models.values()
    if not any(
        model.count_tokens and model.base_model_id == model_id and region in model.regions
        for model in models
    ):
        raise ModelNotGrantedError(
            f"Tenant {settings.tenant} may not count tokens for this model in this Region; ask the "
            "operator to set count_tokens = true for its alias in the tenant's stanza. LangChain's "
            "count_tokens_approximately counts without Bedrock."
        )


def _with_guardrail(config: dict[str, Any], guardrail: Guardrail) -> dict[str, Any]:
    """The tenant's guardrail, with the trace and stream settings that the caller may have added."""
    required = {"guardrailIdentifier": guardrail.arn, "guardrailVersion": guardrail.version}
    if any(config.get(name, value) != value for name, value in required.items()):
        raise BadRequestError(
            "The requested guardrail is not the tenant's; leave it out and the tenant's own guardrail is used. "
            "No model was called."
        )
    return {**config, **required}


def _inference_config(params: dict[str, Any], cap: int) -> dict[str, Any]:
    """The caller's inference settings with at most ``cap`` tokens.

    Without a maximum, Bedrock deducts the model's own maximum from the shared quota:
    https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
    """
    config = params.get("inferenceConfig") or {}
    if config.get("maxTokens", cap) > cap:
        raise BadRequestError(
            f"max_tokens is too high; write {cap} or less, the tenant's limit for one call. "
            "No model was called."
        )
    return {"maxTokens": cap, **config}
