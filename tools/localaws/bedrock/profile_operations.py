"""Bedrock's operations on inference profiles and their tags.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateInferenceProfile.html and its
neighbours. Application profiles are kept here; system-defined ones follow from their id.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moto.utilities.utils import get_partition

from tools.localaws.bedrock.inference_profiles import InferenceProfile
from tools.localaws.bedrock.model_ids import resolve
from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext

_NAME = re.compile(r"([0-9a-zA-Z][ _-]?){1,64}")
_MOST_TAGS = 50
_ID_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class _Details:
    """What only the control plane shows of an application profile."""

    name: str
    created: str
    description: str | None
    request_token: str | None


class ProfileOperations:
    """Each public method answers the operation of its name, from and to botocore's members."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._profiles = context.inference_profiles
        self._details: dict[str, _Details] = {}
        context.stores.append(self._stored)

    def create_inference_profile(self, call: Call) -> Mapping[str, Any]:
        """Make an application profile; a repeated clientRequestToken finds the first one."""
        wanted = call.parameters
        if not _NAME.fullmatch(wanted["inferenceProfileName"]):
            raise _invalid("The inference profile name is invalid.")
        arn = self._find_token(call, wanted.get("clientRequestToken"))
        if arn is None:
            arn = self._create(call)
        return {"inferenceProfileArn": arn, "status": "ACTIVE"}

    def _find_token(self, call: Call, token: str | None) -> str | None:
        for profile in self._profiles.of_account(call.account, call.region):
            if token is not None and self._details[profile.arn].request_token == token:
                return profile.arn
        return None

    def _create(self, call: Call) -> str:
        wanted = call.parameters
        source = resolve(
            wanted["modelSource"]["copyFrom"],
            account=call.account,
            region=call.region,
            profiles=self._profiles,
        )
        tags = _tags(wanted.get("tags", ()))
        identifier = "".join(secrets.choice(_ID_LETTERS) for _ in range(12))
        arn = (
            f"arn:{get_partition(call.region)}:bedrock:{call.region}:{call.account}"
            f":application-inference-profile/{identifier}"
        )
        self._details[arn] = _Details(
            name=wanted["inferenceProfileName"],
            created=self._context.clock.now().isoformat(),
            description=wanted.get("description"),
            request_token=wanted.get("clientRequestToken"),
        )
        self._profiles.put(InferenceProfile(arn, source.model_arns, tags))
        return arn

    def get_inference_profile(self, call: Call) -> Mapping[str, Any]:
        """An application profile by id or ARN, or a system-defined one."""
        identifier = call.parameters["inferenceProfileIdentifier"]
        profile = self._find(call, identifier)
        return self._application(profile) if profile else self._system_defined(call, identifier)

    def list_inference_profiles(self, call: Call) -> Mapping[str, Any]:
        """The account's application profiles; system-defined ones are not listed."""
        profiles = self._profiles.of_account(call.account, call.region)
        if call.parameters.get("typeEquals", "APPLICATION") != "APPLICATION":
            profiles = []
        return {"inferenceProfileSummaries": [self._application(p) for p in profiles]}

    def delete_inference_profile(self, call: Call) -> Mapping[str, Any]:
        """Delete an application profile."""
        profile = self._find(call, call.parameters["inferenceProfileIdentifier"])
        if profile is None:
            raise _not_found()
        self._profiles.remove(profile.arn)
        del self._details[profile.arn]
        return {}

    def tag_resource(self, call: Call) -> Mapping[str, Any]:
        """Add tags to an application profile, or change them."""
        profile = self._existing(call)
        tags = {**profile.tags, **_tags(call.parameters["tags"])}
        self._profiles.put(replace(profile, tags=tags))
        return {}

    def untag_resource(self, call: Call) -> Mapping[str, Any]:
        """Remove tags from an application profile."""
        profile = self._existing(call)
        gone = call.parameters["tagKeys"]
        kept = {key: value for key, value in profile.tags.items() if key not in gone}
        self._profiles.put(replace(profile, tags=kept))
        return {}

    def list_tags_for_resource(self, call: Call) -> Mapping[str, Any]:
        """An application profile's tags."""
        tags = self._existing(call).tags
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _stored(self) -> Iterator[tuple[str, str, object]]:
        for arn, details in list(self._details.items()):
            yield arn.split(":")[4], arn, f"{details.name} {details.description or ''}"

    def _existing(self, call: Call) -> InferenceProfile:
        profile = self._find(call, call.parameters["resourceARN"])
        if profile is None:
            raise _not_found()
        return profile

    def _find(self, call: Call, identifier: str) -> InferenceProfile | None:
        for profile in self._profiles.of_account(call.account, call.region):
            if identifier in (profile.arn, profile.arn.rpartition("/")[2]):
                return profile
        return None

    def _application(self, profile: InferenceProfile) -> dict[str, Any]:
        details = self._details[profile.arn]
        shown = {
            "createdAt": details.created,
            "inferenceProfileArn": profile.arn,
            "inferenceProfileId": profile.arn.rpartition("/")[2],
            "inferenceProfileName": details.name,
            "models": [{"modelArn": arn} for arn in profile.model_arns],
            "status": "ACTIVE",
            "type": "APPLICATION",
            "updatedAt": details.created,
        }
        return (
            shown if details.description is None else shown | {"description": details.description}
        )

    def _system_defined(self, call: Call, identifier: str) -> dict[str, Any]:
        try:
            reference = resolve(
                identifier, account=call.account, region=call.region, profiles=self._profiles
            )
        except ServiceError as error:
            raise _not_found() from error
        if reference.profile_arn is None:
            raise _not_found()
        profile_id = reference.profile_arn.rpartition("/")[2]
        return {
            "inferenceProfileArn": reference.profile_arn,
            "inferenceProfileId": profile_id,
            "inferenceProfileName": profile_id,
            "models": [{"modelArn": arn} for arn in reference.model_arns],
            "status": "ACTIVE",
            "type": "SYSTEM_DEFINED",
        }


def _tags(tags: list[Mapping[str, str]]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise ServiceError("TooManyTagsException", f"A resource has at most {_MOST_TAGS} tags.")
    return {tag["key"]: tag["value"] for tag in tags}


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _not_found() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The inference profile was not found.", 404)
