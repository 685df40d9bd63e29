"""Checks what `make model` writes by the rules of modules/operations-role/rules-models.tf, before it is written.

The rules about one entry are here; those about several aliases, such as fallbacks, are checked by the next plan.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tools.isolation.operations_specification import DESTINATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROUTES = ("on-demand", "geographic", "global")
# The same expressions as in rules-models.tf and destinations.tf, which the test of this module compares.
MODEL_ID = r"^[a-z0-9-]+([.][a-z0-9-]+)+(:[a-z0-9-]+)*$"
PREFIX = r"^([a-z]{2}|apac|global|us-gov)[.]"
PROFILE = r"^([a-z]{2,4}(-[a-z]+)?[.])?$"
REGION = (
    r"^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-"
    r"((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$"
)
SOURCES = {
    "apac.": "^ap-",
    "au.": "^ap-southeast-",
    "eu.": "^eu-",
    "jp.": "^ap-northeast-",
    "us.": "^(us-(east|west)|ca-(central|west))-",
    "us-gov.": "^us-gov-",
}


def model_problems(model: Mapping[str, Any], operations_region: str) -> list[str]:
    """Return what is wrong with one entry of a stanza's models, each as a sentence that says what to write."""
    return [
        *_id_problems(model["model"]),
        *_region_problems(model, operations_region),
        *_route_problems(model),
    ]


def _id_problems(model_id: str) -> Iterator[str]:
    if prefix := re.match(PREFIX, model_id):
        route = "global" if prefix[0] == "global." else f"geographic PROFILE={prefix[0]}"
        own_id = model_id.removeprefix(prefix[0])
        yield f"{model_id} has the prefix of a profile; write MODEL={own_id} ROUTE={route}."
    elif not re.match(MODEL_ID, model_id):
        yield f"MODEL= is a model's full id, such as amazon.nova-lite-v1:0, not {model_id}."


def _region_problems(model: Mapping[str, Any], operations_region: str) -> Iterator[str]:
    regions = model["regions"]
    if not regions or len(set(regions)) < len(regions):
        yield 'REGIONS= has at least one Region, and each only once, such as "eu-central-1 eu-west-1".'
    for region in regions:
        if not re.match(REGION, region):
            yield f"A Region is written like eu-central-1, not {region}."
    if model.get("track") and regions != [operations_region]:
        yield f"It is tracked by a profile in {operations_region}; write REGIONS={operations_region}."


def _route_problems(model: Mapping[str, Any]) -> Iterator[str]:
    route, profile = model.get("route") or "on-demand", model.get("profile")
    if route not in ROUTES:
        yield f"ROUTE= is on-demand, geographic or global, not {route}."
    elif profile is None and route == "geographic":
        yield "ROUTE=geographic needs the prefix of a profile; write PROFILE=eu., for instance."
    elif profile is None:
        return
    elif route != "geographic":
        yield f"PROFILE= is allowed with ROUTE=geographic only, and the route is {route}."
    elif not profile or not re.match(PROFILE, profile):
        yield f"PROFILE= is a prefix such as eu., not {profile}."
    elif not model.get("destinations"):
        yield from _geography_problems(profile, model["regions"])


def _geography_problems(profile: str, regions: list[str]) -> Iterator[str]:
    if profile not in DESTINATIONS:
        yield (
            f"The Regions behind the profile {profile} are not known; PROFILE= is one of "
            f"{', '.join(DESTINATIONS)}. For another one, list `destinations` in the stanza by hand."
        )
    elif far := [region for region in regions if not re.match(SOURCES[profile], region)]:
        yield f"The profile {profile} cannot be called from {', '.join(far)}; write other REGIONS=."
