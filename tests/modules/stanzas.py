"""Stanzas for the plans of operations-role."""

from __future__ import annotations

from typing import Any

Stanza = dict[str, Any]

ROUTES = (
    "on-demand",
    "geographic",
    "global",
    "tracked-on-demand",
    "tracked-geographic",
    "tracked-global",
)


def stanza(**changed: Any) -> Stanza:  # noqa: ANN401 - HCL values
    """A minimal stanza, with changes."""
    return {
        "accounts": {"222222222222": {}},
        "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
        "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
        **changed,
    }


def nova(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - HCL values
    """The models of a stanza with one model."""
    return {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"], **changed}}


def by_route(route: str, region: str, profile: str, destinations: list[str]) -> Stanza:
    """A stanza with one model that is called by one of ``ROUTES``."""
    path = route.removeprefix("tracked-")
    geographic = {"profile": profile, "destinations": destinations} if path == "geographic" else {}
    tracked = route.startswith("tracked-")
    return stanza(models=nova(regions=[region], route=path, track=tracked, **geographic))


# A stanza with every key.
EVERYTHING = stanza(
    accounts={"333333333333": {}, "222222222222": {}},
    external_ids={
        "current": "269170463fdc32af10a91e67a8fd77bd",
        "previous": "e2f2aa7d039ce726c5185bff0d2467ce",
    },
    guardrail={
        "arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abcdefgh1234",
        "version": "7",
    },
    models={
        "claude": {
            "count_tokens": True,
            "fallbacks": ["haiku", "nova"],
            "model": "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "profile": "eu.",
            "regions": ["eu-central-1"],
            "route": "geographic",
            "track": True,
        },
        "haiku": {
            "model": "anthropic.claude-haiku-4-5-20251001-v1:0",
            "regions": ["eu-central-1"],
            "route": "global",
        },
        "nova": {
            "count_tokens": True,
            "model": "amazon.nova-lite-v1:0",
            "regions": ["eu-central-1"],
            "streaming": False,
        },
        "nova-pro": {
            "destinations": ["eu-central-1", "eu-north-1"],
            "model": "amazon.nova-pro-v1:0",
            "profile": "eu.",
            "regions": ["eu-central-1"],
            "route": "geographic",
        },
    },
    perimeter={"networks": ["203.0.113.0/24"], "vpc_endpoints": ["vpce-0123456789abcdef0"]},
    quota={
        "max_tokens_per_call": 4096,
        "requests_per_second": 5,
        "tokens_per_day": 1000000,
        "tokens_per_month": 20000000,
    },
    state="suspended",
)
