"""Bedrock's control plane: inference profiles and their tags, invocation logging, data retention.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateInferenceProfile.html and related
operations. System-defined profiles are not stored: their models follow from their ids.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.invocation_log import logging_config
from tools.localaws.bedrock.model_ids import foundation_model, resolve, runs_on_demand
from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext

_NAME = re.compile(r"([0-9a-zA-Z][ _-]?){1,64}")
_MOST_TAGS = 50
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html
_PAGE = 1000
_ID_LETTERS = string.ascii_lowercase + string.digits
# As botocore 1.44.5 models them.
_RETENTION_MODES = frozenset({"default", "none", "aws_review", "provider_data_share", "inherit"})


@dataclass(frozen=True)
class InferenceProfile:
    """One application inference profile; ``model_arns`` are the foundation models that it runs.

    ``created`` is ISO 8601; ``request_token`` is the clientRequestToken that created the profile.
    """

    arn: str
    model_arns: tuple[str, ...]
    name: str
    created: str
    description: str | None = None
    request_token: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


InferenceProfiles = dict[str, InferenceProfile]
"""The application inference profiles of all accounts, by ARN, in the order of their creation."""


EnforcedGuardrails = dict[tuple[str, str], dict[str, Any]]
"""The enforced guardrail of an account in a Region: (account id, Region) => its configuration."""


class ControlPlane:
    """Each public method answers the operation of its name, with botocore's names for all members."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._profiles = context.inference_profiles
        self._enforced = context.enforced_guardrails
        self._retention: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._models: dict[
            tuple[str, str], Mapping[str, Any]
        ] = {}  # by id and Region, or "" for all
        context.control_routes["foundation_model"] = self._set_foundation_model

    def get_account_data_retention(self, call: Call) -> Mapping[str, Any]:
        """The mode; it is ``inherit`` until it is set, which is not zero retention."""
        return self._retention.get((call.account, call.region), {"mode": "inherit"})

    def put_account_data_retention(self, call: Call) -> Mapping[str, Any]:
        """Set the mode; ValidationException for one that does not exist."""
        mode = call.parameters["mode"]
        if mode not in _RETENTION_MODES:
            raise _invalid(f"The mode must be one of {sorted(_RETENTION_MODES)}.")
        setting = {"mode": mode, "updatedAt": self._context.clock.now().isoformat()}
        self._retention[call.account, call.region] = setting
        return setting

    def get_foundation_model(self, call: Call) -> Mapping[str, Any]:
        """The model's details. All models are active until the control API says otherwise."""
        model = self._foundation_model(call, "modelIdentifier")
        provider, _, name = model.partition(".")
        runs_by = "ON_DEMAND" if runs_on_demand(model) else "INFERENCE_PROFILE"
        details = {
            "customizationsSupported": [],
            "inferenceTypesSupported": [runs_by],
            "inputModalities": ["TEXT"],
            "modelArn": f"arn:{call.partition}:bedrock:{call.region}::foundation-model/{model}",
            "modelId": model,
            "modelLifecycle": {"status": "ACTIVE", **self._settings(call, model, "lifecycle")},
            "modelName": name[:20],
            "outputModalities": ["TEXT"],
            "providerName": provider.capitalize(),
            "responseStreamingSupported": True,
        }
        return {"modelDetails": details}

    def get_foundation_model_availability(self, call: Call) -> Mapping[str, Any]:
        """Whether the account may use the model; it may until the control API says otherwise."""
        model = self._foundation_model(call, "modelId")
        return {
            "agreementAvailability": {"status": "AVAILABLE"},
            "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE",
            "modelId": model,
            "regionAvailability": "AVAILABLE",
            **self._settings(call, model, "availability"),
        }

    def _foundation_model(self, call: Call, parameter: str) -> str:
        model = foundation_model(call.parameters[parameter], call)
        if model is None:
            raise _invalid("The provided model identifier is invalid.")
        if self._settings(call, model).get("is_gone"):
            message = "Could not resolve the foundation model from the provided model identifier."
            raise ServiceError("ResourceNotFoundException", message, 404)
        return model

    def _settings(self, call: Call, model: str, part: str = "") -> Mapping[str, Any]:
        """What the control API said of a model in the call's Region or else in all of them."""
        settings = self._models.get((model, call.region)) or self._models.get((model, "")) or {}
        return settings.get(part, {}) if part else settings

    def _set_foundation_model(self, arguments: Mapping[str, Any]) -> None:
        """Replace what a model is: ``lifecycle`` and ``availability`` have botocore's members; or it ``is_gone``.

        Without a ``region`` it is so in all Regions. Models that are gone can still be called.
        """
        if unknown := set(arguments) - {"model", "region", "lifecycle", "availability", "is_gone"}:
            raise ValueError(f"A foundation model has no {', '.join(sorted(unknown))}.")
        self._models[arguments["model"], arguments.get("region", "")] = arguments

    def get_model_invocation_logging_configuration(self, call: Call) -> Mapping[str, Any]:
        """The configuration; an empty response if none is set."""
        config = logging_config(call)
        return {"loggingConfig": config} if config else {}

    def put_model_invocation_logging_configuration(self, call: Call) -> Mapping[str, Any]:
        """Set the configuration of the caller's account and Region."""
        bedrock = backend("bedrock", call.account, call.region)
        bedrock.put_model_invocation_logging_configuration(dict(call.parameters["loggingConfig"]))
        return {}

    def delete_model_invocation_logging_configuration(self, call: Call) -> Mapping[str, Any]:
        """Stop logging."""
        bedrock = backend("bedrock", call.account, call.region)
        bedrock.delete_model_invocation_logging_configuration()
        return {}

    def put_enforced_guardrail_configuration(self, call: Call) -> Mapping[str, Any]:
        """Enforce a guardrail on every model call of the account in the Region; it replaces another."""
        settings = call.parameters["guardrailInferenceConfig"]
        if not re.fullmatch(r"[1-9][0-9]{0,7}", settings["guardrailVersion"]):
            raise _invalid("The guardrail version must be a number.")
        identifier = settings["guardrailIdentifier"].rpartition("/")[2]
        old = self._enforced.get((call.account, call.region), {})
        if call.parameters.get("configId", old.get("configId")) != old.get("configId"):
            raise ServiceError("ResourceNotFoundException", "There is no such configuration.", 404)
        now, caller = self._context.clock.now().isoformat(), call.caller.principal.arn
        names = ("modelEnforcement", "selectiveContentGuarding")
        configuration = {
            "configId": old.get("configId") or secrets.token_hex(6),
            "createdAt": old.get("createdAt") or now,
            "createdBy": old.get("createdBy") or caller,
            "guardrailArn": call.arn("bedrock", f"guardrail/{identifier}"),
            "guardrailId": identifier,
            "guardrailVersion": settings["guardrailVersion"],
            "owner": "ACCOUNT",
            "updatedAt": now,
            "updatedBy": caller,
            **{name: settings[name] for name in names if name in settings},
        }
        self._enforced[call.account, call.region] = configuration
        return {name: configuration[name] for name in ("configId", "updatedAt", "updatedBy")}

    def list_enforced_guardrails_configuration(self, call: Call) -> Mapping[str, Any]:
        """The enforced guardrail of the account and Region, if there is one."""
        configuration = self._enforced.get((call.account, call.region))
        return {"guardrailsConfig": [configuration] if configuration else []}

    def delete_enforced_guardrail_configuration(self, call: Call) -> Mapping[str, Any]:
        """Stop enforcing the guardrail."""
        configuration = self._enforced.get((call.account, call.region), {})
        if configuration.get("configId") != call.parameters["configId"]:
            raise ServiceError("ResourceNotFoundException", "There is no such configuration.", 404)
        del self._enforced[call.account, call.region]
        return {}

    def create_inference_profile(self, call: Call) -> Mapping[str, Any]:
        """Create an application profile; a repeated clientRequestToken returns the first one."""
        if not _NAME.fullmatch(call.parameters["inferenceProfileName"]):
            raise _invalid("The inference profile name is invalid.")
        profile = self._find_by_token(call) or self._create(call)
        return {"inferenceProfileArn": profile.arn, "status": "ACTIVE"}

    def _find_by_token(self, call: Call) -> InferenceProfile | None:
        token = call.parameters.get("clientRequestToken")
        for profile in self._own_profiles(call):
            if token is not None and profile.request_token == token:
                return profile
        return None

    def _create(self, call: Call) -> InferenceProfile:
        parameters = call.parameters
        source = resolve(parameters["modelSource"]["copyFrom"], call, self._profiles)
        tags = _tags(parameters.get("tags", ()))
        identifier = "".join(secrets.choice(_ID_LETTERS) for _ in range(12))
        profile = InferenceProfile(
            arn=call.arn("bedrock", f"application-inference-profile/{identifier}"),
            model_arns=source.model_arns,
            name=parameters["inferenceProfileName"],
            created=self._context.clock.now().isoformat(),
            description=parameters.get("description"),
            request_token=parameters.get("clientRequestToken"),
            tags=tags,
        )
        self._profiles[profile.arn] = profile
        return profile

    def get_inference_profile(self, call: Call) -> Mapping[str, Any]:
        """An application profile by id or ARN, or a system-defined one."""
        identifier = call.parameters["inferenceProfileIdentifier"]
        profile = self._find(call, identifier)
        return _summary(profile) if profile else self._system_defined(call, identifier)

    def list_inference_profiles(self, call: Call) -> Mapping[str, Any]:
        """The account's application profiles; system-defined ones are not listed."""
        profiles = self._own_profiles(call)
        if call.parameters.get("typeEquals", "APPLICATION") != "APPLICATION":
            profiles = []
        start = int(call.parameters.get("nextToken") or 0)
        size = int(call.parameters.get("maxResults") or _PAGE)
        if not 1 <= size <= _PAGE:
            raise _invalid(f"maxResults must be from 1 to {_PAGE}.")
        more = {"nextToken": str(start + size)} if len(profiles) > start + size else {}
        shown = profiles[start : start + size]
        return {"inferenceProfileSummaries": [_summary(profile) for profile in shown], **more}

    def delete_inference_profile(self, call: Call) -> Mapping[str, Any]:
        """Delete an application profile."""
        profile = self._existing(call, call.parameters["inferenceProfileIdentifier"])
        self._profiles.pop(profile.arn, None)
        return {}

    def tag_resource(self, call: Call) -> Mapping[str, Any]:
        """Add tags to an application profile, or change them."""
        profile = self._existing(call, call.parameters["resourceARN"])
        tags = {**profile.tags, **_tags(call.parameters["tags"])}
        self._profiles[profile.arn] = replace(profile, tags=tags)
        return {}

    def untag_resource(self, call: Call) -> Mapping[str, Any]:
        """Remove tags from an application profile."""
        profile = self._existing(call, call.parameters["resourceARN"])
        removed_keys = call.parameters["tagKeys"]
        tags = {key: value for key, value in profile.tags.items() if key not in removed_keys}
        self._profiles[profile.arn] = replace(profile, tags=tags)
        return {}

    def list_tags_for_resource(self, call: Call) -> Mapping[str, Any]:
        """An application profile's tags."""
        tags = self._existing(call, call.parameters["resourceARN"]).tags
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _own_profiles(self, call: Call) -> list[InferenceProfile]:
        """The profiles of the caller's account and Region."""
        prefix = call.arn("bedrock", "application-inference-profile/")
        profiles = list(self._profiles.values())
        return [profile for profile in profiles if profile.arn.startswith(prefix)]

    def _existing(self, call: Call, identifier: str) -> InferenceProfile:
        profile = self._find(call, identifier)
        if profile is None:
            raise _no_such_profile()
        return profile

    def _find(self, call: Call, identifier: str) -> InferenceProfile | None:
        for profile in self._own_profiles(call):
            if identifier in (profile.arn, profile.arn.rpartition("/")[2]):
                return profile
        return None

    def _system_defined(self, call: Call, identifier: str) -> dict[str, Any]:
        try:
            reference = resolve(identifier, call, self._profiles)
        except ServiceError as error:
            raise _no_such_profile() from error
        if reference.profile_arn is None:
            raise _no_such_profile()
        profile_id = reference.profile_arn.rpartition("/")[2]
        return {
            "inferenceProfileArn": reference.profile_arn,
            "inferenceProfileId": profile_id,
            "inferenceProfileName": profile_id,
            "models": [{"modelArn": arn} for arn in reference.model_arns],
            "status": "ACTIVE",
            "type": "SYSTEM_DEFINED",
        }


def _summary(profile: InferenceProfile) -> dict[str, Any]:
    summary = {
        "createdAt": profile.created,
        "inferenceProfileArn": profile.arn,
        "inferenceProfileId": profile.arn.rpartition("/")[2],
        "inferenceProfileName": profile.name,
        "models": [{"modelArn": arn} for arn in profile.model_arns],
        "status": "ACTIVE",
        "type": "APPLICATION",
        "updatedAt": profile.created,
    }
    return summary | ({} if profile.description is None else {"description": profile.description})


def _tags(tags: list[Mapping[str, str]]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise ServiceError("TooManyTagsException", f"A resource has at most {_MOST_TAGS} tags.")
    return {tag["key"]: tag["value"] for tag in tags}


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _no_such_profile() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The inference profile was not found.", 404)
