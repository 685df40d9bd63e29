"""What the stanzas let tenants call: each model with its Regions, and every Region in which a call may run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from tools.command_error import CommandError
from tools.isolation import operations_specification as operations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.isolation.operations_specification import Stanza

GEOGRAPHIC, GLOBAL = "geographic", "global"  # the routes that go through a profile of Bedrock's own


@dataclass(frozen=True)
class GrantedModel:
    """One model of an alias, or its ``previous`` one. ``destinations`` are granted beside ``regions``."""

    tenant: str
    alias: str
    model: str
    route: str
    regions: tuple[str, ...]
    destinations: tuple[str, ...]  # of the stanza or, without any, of the module's table
    profile: str | None  # the id of Bedrock's own profile; None on demand
    is_previous: bool
    is_tracked: bool = False  # called through a profile of the tenant's own, which counts its calls

    @property
    def called(self) -> str:
        """The id by which the model is called, or which the tenant's own profile copies."""
        return self.profile or self.model

    def tracking_profile(self, base_name: str) -> str | None:
        """Return the name of the tenant's own profile; None if the model is not tracked."""
        if not self.is_tracked:
            return None
        return operations.profile_name(base_name, self.alias, self.called)

    @property
    def granted(self) -> frozenset[str]:
        """The Regions in which the role may run the model; with the global profile there are more."""
        return frozenset({*self.regions, *self.destinations})


def granted_models(
    stanzas: Mapping[str, Stanza], tenants: Iterable[str] | None = None
) -> list[GrantedModel]:
    """Return all that these tenants' stanzas grant, or all stanzas: the current models and the previous ones.

    Raises CommandError for a stanza whose models are not as the variable tenants declares them.
    """
    models = []
    for name in stanzas if tenants is None else tenants:
        try:
            models += [
                _granted_model(
                    name, alias, model, is_previous=model is not stanzas[name]["models"][alias]
                )
                for alias, model in operations.granted_models(stanzas[name])
            ]
        except (AttributeError, KeyError, TypeError):
            raise CommandError(
                f"The stanza of {name} needs models = {{ … }}, in which each alias is an object with model and regions."
            ) from None
    return models


def _granted_model(tenant: str, alias: str, model: Stanza, *, is_previous: bool) -> GrantedModel:
    route = model.get("route") or "on-demand"
    return GrantedModel(
        tenant=tenant,
        alias=alias,
        model=model["model"],
        route=route,
        regions=tuple(model["regions"]),
        destinations=tuple(operations.destinations(model)),
        profile=operations.called_id(model) if route in {GEOGRAPHIC, GLOBAL} else None,
        is_previous=is_previous,
        is_tracked=bool(model.get("track")),
    )


def granted_regions(operations_region: str, models: Iterable[GrantedModel]) -> list[str]:
    """Return the operations Region and every Region that the models' stanzas name, sorted."""
    return sorted({operations_region}.union(*(model.granted for model in models)))


def worldwide_regions(partition: str, models: Iterable[GrantedModel]) -> list[str]:
    """Return every Region in which Bedrock is, if the global profile may send a call there; otherwise none.

    "The destination Regions for Global cross-Region inference profiles include all commercial Regions":
    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
    """
    if all(model.route != GLOBAL for model in models):
        return []
    return sorted(boto3.Session().get_available_regions("bedrock", partition))
