"""Finds which calls of a tenant's functions its role would refuse once a changed stanza is applied.

A function calls with what its last apply took from the hand-over, until its own next apply. In between, the
role must grant the old as well: that is what `previous` is for.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from tools.isolation.operations_specification import destinations, granted_models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWN_PROFILE = ":application-inference-profile/"


def lost_calls(
    stanza: Mapping[str, Any],
    use: Mapping[str, Any],
    removed_profiles: Mapping[str, bool] | None = None,
) -> list[str]:
    """Return what of ``use`` the stanza's role no longer accepts, each as "alias nova changes from x to y".

    ``use`` is a hand-over, or the settings of a function. ``removed_profiles`` are the ARNs of the tenant's
    inference profiles that the apply removes, with whether it makes the same again in place of each. It does so when
    it adopts one, because Bedrock does not say what it was copied from. A tenant that is not active is denied every
    call on purpose.
    """
    if (stanza.get("state") or "active") != "active":
        return []
    return [
        *_external_id(stanza, use),
        *_guardrail(stanza, use),
        *_perimeter(stanza, use),
        *(
            problem
            for alias, model in sorted(use.get("models", {}).items())
            for problem in _alias(stanza, alias, model, removed_profiles or {})
        ),
        *_destinations(stanza, use),
    ]


def uses_previous(
    stanza: Mapping[str, Any], alias: str, settings: Mapping[str, Any], handover: Mapping[str, Any]
) -> bool:
    """Return whether a function with these settings needs the alias's `previous`.

    ``handover`` is the tenant's last one. A function that calls another profile of the tenant's own than it
    names calls a previous one.
    """
    model = stanza["models"][alias]
    current = {name: value for name, value in model.items() if name != "previous"}
    called = settings.get("models", {}).get(alias, {}).get("model") or ""
    is_new = called == handover["models"].get(alias, {}).get("model")
    profiles = {called: False} if OWN_PROFILE in called and not is_new else {}
    use = {"models": settings.get("models", {}), "guardrail": settings.get("guardrail")}
    lost = lost_calls({**stanza, "models": {**stanza["models"], alias: current}}, use, profiles)
    return bool(set(lost) - set(lost_calls(stanza, use)))


def is_handed_over(entry: Mapping[str, Any], model: Mapping[str, Any] | None) -> bool:
    """Return whether an alias of a hand-over calls what an entry of a stanza's models says."""
    if model is None or model.get("base_model_id") != entry["model"]:
        return False
    called = model.get("model") or ""
    is_tracked = OWN_PROFILE in called
    return (
        list(model["regions"]) == list(entry["regions"])
        and is_tracked == bool(entry.get("track"))
        and (is_tracked or called == called_id(entry))
    )


def called_id(model: Mapping[str, Any]) -> str:
    """Return the id by which a model of a stanza is called: its own, or the system profile's."""
    prefixes = {"geographic": model.get("profile") or "", "global": "global."}
    return f"{prefixes.get(model.get('route') or '', '')}{model['model']}"


def _external_id(stanza: Mapping[str, Any], use: Mapping[str, Any]) -> Iterator[str]:
    accepted = stanza["external_ids"].values()
    if "external_id" in use and use["external_id"] not in accepted:
        yield "the ExternalId changes without the old one as previous"  # its value is a secret


def _guardrail(stanza: Mapping[str, Any], use: Mapping[str, Any]) -> Iterator[str]:
    """A role with a guardrail demands that a call names it; without one it may not apply any."""
    if "models" not in use:
        return
    old, current = _version(use.get("guardrail")), stanza.get("guardrail")
    accepted = {_version(current)}
    if current and current.get("previous") is not None:
        accepted.add(_version(current["previous"]))
    if old not in accepted:
        names = [text or "none" for text in (old, _version(current))]
        yield f"the guardrail changes from {names[0]} to {names[1]}"


def _version(guardrail: Mapping[str, Any] | None) -> str:
    """Return ARN and version of a guardrail, and an empty text for none."""
    return (
        f"{guardrail['arn']}:{guardrail['version']}" if guardrail and guardrail.get("arn") else ""
    )


def _perimeter(stanza: Mapping[str, Any], use: Mapping[str, Any]) -> Iterator[str]:
    """A call comes from a place that the hand-over named; nothing says from which a function calls now."""
    perimeter = stanza.get("perimeter")
    if "perimeter" not in use or not perimeter:
        return
    old = use["perimeter"]
    if not old:
        yield "a perimeter is added"
        return
    networks = [_network(text) for text in perimeter.get("networks") or ()]
    lost = [
        text
        for text in old.get("networks") or ()
        if not any(_contains(network, _network(text)) for network in networks)
    ]
    endpoints = perimeter.get("vpc_endpoints") or ()
    lost += [text for text in old.get("vpc_endpoints") or () if text not in endpoints]
    if lost:
        yield f"the perimeter no longer has {', '.join(sorted(lost))}"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _contains(
    outer: ipaddress.IPv4Network | ipaddress.IPv6Network,
    inner: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> bool:
    return (
        outer.version == inner.version
        and outer.prefixlen <= inner.prefixlen
        and inner.network_address in outer
    )


def _alias(
    stanza: Mapping[str, Any],
    alias: str,
    model: Mapping[str, Any],
    removed_profiles: Mapping[str, bool],
) -> Iterator[str]:
    """Yield what an alias may no longer do. IAM sees no alias, so another one may grant the same call."""
    current = stanza["models"].get(alias)
    if current is None:
        yield f"alias {alias}, which calls {_old_id(model)}, is removed"
        return
    called = model.get("model") or ""
    is_tracked = OWN_PROFILE in called
    grants = [
        entry
        for name, entry in granted_models(stanza)
        if bool(entry.get("track")) == is_tracked
        and (
            name == alias and entry["model"] == model.get("base_model_id")
            if is_tracked
            else called_id(entry) == called
        )
    ]
    if removed_profiles.get(called):
        yield f"the inference profile that alias {alias} calls is made anew, where no `previous` helps"
    elif called and (not grants or called in removed_profiles):
        own = " through a profile of the tenant's own"
        yield (
            f"alias {alias} changes from {_old_id(model)}{own if is_tracked else ''} to "
            f"{called_id(current)}{own if current.get('track') else ''}"
        )
    elif called:
        regions = {region for entry in grants for region in entry["regions"]}
        if lost := [region for region in model["regions"] if region not in regions]:
            yield f"alias {alias} may no longer be called in {', '.join(lost)}"
        if model.get("streaming", True) and all(
            entry.get("streaming") is False for entry in grants
        ):
            yield f"alias {alias} may no longer stream"
    counted = {
        region
        for _, entry in granted_models(stanza)
        if entry.get("count_tokens") and entry["model"] == model.get("base_model_id")
        for region in entry["regions"]
    }
    if model.get("count_tokens") and not counted.issuperset(model["regions"]):
        yield f"alias {alias} may no longer count the tokens of {model.get('base_model_id')}"


def _old_id(model: Mapping[str, Any]) -> str:
    """Return what a handed-over model is: the id that it is called by, or the model behind its profile."""
    called = model.get("model") or ""
    return str(model.get("base_model_id")) if OWN_PROFILE in called or not called else called


def _destinations(stanza: Mapping[str, Any], use: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Regions to which a profile may no longer send a call, so that some calls would fail."""
    for alias, regions in sorted((use.get("destinations") or {}).items()):
        model = use["models"].get(alias, {})
        entries = [
            entry
            for _, entry in granted_models(stanza)
            if entry.get("route") == "geographic" and entry["model"] == model.get("base_model_id")
        ]
        if alias not in stanza["models"] or not entries:
            continue  # the alias itself is lost, which _alias says
        granted = {
            region for entry in entries for region in (*entry["regions"], *destinations(entry))
        }
        if lost := [region for region in regions if region not in granted]:
            yield f"the profile of alias {alias} may no longer send calls to {', '.join(lost)}"
