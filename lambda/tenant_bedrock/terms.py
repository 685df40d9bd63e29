"""The stanza's terms for every call: its guardrail, its cap, and no stream where it is withheld.

They are kept at the Bedrock client, whatever was given to ``chat`` or ``invoke``, and for calls
made past LangChain too. IAM checks the guardrail and streaming again; the cap is kept here only.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tenant_bedrock.errors import BadRequestError, ModelNotGrantedError

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.settings import Guardrail, Settings


def keep(client: BedrockRuntimeClient, settings: Settings) -> None:
    """Complete or refuse every Converse and ConverseStream of ``client`` before it is sent."""
    for operation in ("Converse", "ConverseStream"):
        event = f"provide-client-params.bedrock-runtime.{operation}"
        client.meta.events.register(event, partial(_keep, settings))


def _keep(
    settings: Settings, *, params: dict[str, Any], model: OperationModel, **_: object
) -> None:
    """Change the parameters of one call before botocore reads them; an error stops the call."""
    if model.name == "ConverseStream":
        _check_streaming(params, settings)
    if settings.guardrail is not None:
        params["guardrailConfig"] = _guarded(params, settings.guardrail)
    if settings.quota.max_tokens_per_call is not None:
        params["inferenceConfig"] = _capped(params, settings.quota.max_tokens_per_call)


def _check_streaming(params: dict[str, Any], settings: Settings) -> None:
    """IAM grants streaming by model: it is withheld when no alias of this model has it."""
    aliases = settings.aliases_of(params.get("modelId"))
    if aliases and not any(settings.models[alias].streaming for alias in aliases):
        raise ModelNotGrantedError(
            f"Tenant {settings.tenant} may not stream {' or '.join(aliases)}. Use invoke, or "
            "disable_streaming=True to get the answer of a stream in one piece."
        )


def _guarded(params: dict[str, Any], guardrail: Guardrail) -> dict[str, Any]:
    """The tenant's guardrail; a caller may name the same one, to trace it or to set its stream."""
    required = {"guardrailIdentifier": guardrail.arn, "guardrailVersion": guardrail.version}
    given = params.get("guardrailConfig") or {}
    if any(given.get(name, value) != value for name, value in required.items()):
        raise BadRequestError(
            "The guardrail asked for is not the tenant's; leave guardrail_config out and the "
            "tenant's own is sent. No model was called."
        )
    return {**given, **required}


def _capped(params: dict[str, Any], cap: int) -> dict[str, Any]:
    """At most ``cap`` tokens: unset, Bedrock sets the model's maximum aside from the shared quota.

    https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
    """
    given = params.get("inferenceConfig") or {}
    if given.get("maxTokens", cap) > cap:
        raise BadRequestError(
            f"max_tokens is too high; write {cap} or less, the tenant's most for one call. "
            "No model was called."
        )
    return {"maxTokens": cap, **given}
