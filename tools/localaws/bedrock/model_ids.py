"""Resolves a Bedrock ``modelId`` to a foundation model, alone or behind an inference profile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto.utilities.utils import get_partition

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from tools.localaws.bedrock.control_plane import InferenceProfiles
    from tools.localaws.call import Call

GEOGRAPHIES = {
    "apac": ("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    "au": ("ap-southeast-2", "ap-southeast-4"),
    "eu": ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"),
    "jp": ("ap-northeast-1", "ap-northeast-3"),
    "us": ("us-east-1", "us-east-2", "us-west-2"),
    "us-gov": ("us-gov-east-1", "us-gov-west-1"),
}
"""The destination Regions of a geographic profile. On AWS they differ from model to model."""

GLOBAL = "global"

_BY_PROFILE_ONLY = re.compile(r"anthropic\.claude-(3-7|(haiku|opus|sonnet)-\d)")
"""Models that Bedrock does not run on demand: Claude from 3.7 on. AWS has more such models.

https://docs.aws.amazon.com/bedrock/latest/userguide/models-regions.html
"""

_COUNTS_TOKENS = re.compile(r"/anthropic\.claude-(3-[57]|(haiku|opus|sonnet)-\d)")

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):bedrock:(?P<region>[a-z0-9-]+):(?P<account>\d{12}|):"
    r"(?P<kind>foundation-model|inference-profile|application-inference-profile)/(?P<id>.+)"
)
# All well-formed model ids of these providers exist, in all Regions.
_MODEL_ID = re.compile(
    r"(ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|nvidia|openai|qwen"
    r"|stability|twelvelabs|writer|zai)\.[a-z0-9-]{1,63}([.:][a-z0-9-]{1,63}){0,3}"
)


@dataclass(frozen=True)
class ModelReference:
    """A resolved ``modelId``: ``model`` is the foundation model's id.

    ``model_arns`` are the foundation models that Bedrock may run, one for each destination Region;
    ``profile_arn`` is the ARN of the inference profile, if the id is a profile's.
    """

    model: str
    model_arns: tuple[str, ...]
    profile_arn: str | None = None


def resolve(model_id: str, call: Call, profiles: InferenceProfiles) -> ModelReference:
    """Resolve ``model_id`` for the account and the Region of ``call``.

    Accepts the same forms as Converse: a model id, a foundation model's ARN, a geographic or global
    profile's id or ARN, an application inference profile's ARN
    (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html). Raises
    ServiceError: ValidationException for an invalid identifier, ResourceNotFoundException for an
    application inference profile that does not exist.
    """
    arn = _ARN.fullmatch(model_id)
    if arn is None:
        return _from_id(model_id, call.account, call.region)
    if arn["region"] != call.region:
        raise _invalid()
    if arn["kind"] == "application-inference-profile":
        return _from_application_profile(model_id, profiles)
    reference = _from_id(arn["id"], arn["account"] or call.account, call.region)
    is_profile = arn["kind"] == "inference-profile"
    if is_profile != (reference.profile_arn is not None):
        raise _invalid()
    return reference


def counted_model(model_id: str, call: Call) -> str:
    """Return the ARN of the foundation model for which CountTokens shall count.

    An inference profile, in any form, is no model that counts tokens. Raises ServiceError:
    ValidationException for an invalid identifier.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
    """
    arn = _ARN.fullmatch(model_id)
    is_model_arn = arn is not None and arn["kind"] == "foundation-model"
    if arn is not None and not is_model_arn:
        raise _no_counting()
    if arn is not None and arn["region"] != call.region:
        raise _invalid()
    model = arn["id"] if arn is not None else model_id
    if _is_model(model.partition(".")[2]):
        raise _no_counting()
    if not _is_model(model):
        raise _invalid()
    return _model_arn(get_partition(call.region), call.region, model)


def check_counting(model_arn: str) -> None:
    """Raise ServiceError unless Bedrock counts tokens for the model, as for Claude from 3.5 on.

    https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
    """
    if not _COUNTS_TOKENS.search(model_arn):
        raise _no_counting()


def foundation_model(identifier: str, call: Call) -> str | None:
    """Return the id of the foundation model that an id or an ARN of the call's Region names; None if there is none."""
    arn = _ARN.fullmatch(identifier)
    if arn is None:
        return identifier if _is_model(identifier) else None
    is_here = arn["kind"] == "foundation-model" and arn["region"] == call.region
    return arn["id"] if is_here and _is_model(arn["id"]) else None


def runs_on_demand(model: str) -> bool:
    """Return whether Bedrock runs a model without an inference profile."""
    return _BY_PROFILE_ONLY.match(model) is None


def _from_id(model_id: str, account: str, region: str) -> ModelReference:
    geography, _, rest = model_id.partition(".")
    partition = get_partition(region)
    regions: tuple[str, ...]
    if geography == GLOBAL and _is_model(rest):
        regions = (region, "")  # an ARN without a Region is that of any commercial Region
    elif region in GEOGRAPHIES.get(geography, ()) and _is_model(rest):
        regions = GEOGRAPHIES[geography]
    elif _is_model(model_id):
        if not runs_on_demand(model_id):
            raise _on_demand_unsupported(model_id)
        return ModelReference(model_id, (_model_arn(partition, region, model_id),))
    else:
        raise _invalid()
    return ModelReference(
        model=rest,
        model_arns=tuple(_model_arn(partition, destination, rest) for destination in regions),
        profile_arn=f"arn:{partition}:bedrock:{region}:{account}:inference-profile/{model_id}",
    )


def _from_application_profile(arn: str, profiles: InferenceProfiles) -> ModelReference:
    profile = profiles.get(arn)
    if profile is None:
        raise ServiceError(
            "ResourceNotFoundException",
            "Could not resolve the foundation model from the provided model identifier.",
            404,
        )
    model = profile.model_arns[0].partition("foundation-model/")[2]
    return ModelReference(model, profile.model_arns, profile.arn)


def _is_model(model_id: str) -> bool:
    return _MODEL_ID.fullmatch(model_id) is not None


def _model_arn(partition: str, region: str, model: str) -> str:
    return f"arn:{partition}:bedrock:{region}::foundation-model/{model}"


def _on_demand_unsupported(model_id: str) -> ServiceError:
    return ServiceError(
        "ValidationException",
        f"Invocation of model ID {model_id} with on-demand throughput isn\u2019t supported. Retry your "
        "request with the ID or ARN of an inference profile that contains this model.",
    )


def _no_counting() -> ServiceError:
    # As users report it, for instance in pydantic/pydantic-ai issue 4001.
    return ServiceError(
        "ValidationException", "The provided model doesn't support counting tokens."
    )


def _invalid() -> ServiceError:
    return ServiceError("ValidationException", "The provided model identifier is invalid.")
