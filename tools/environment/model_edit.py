"""Edits one model of a stanza, and keeps what it granted before as its `previous`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.edits import add_attribute, remove_attribute, replace_span, stanza_path
from tools.environment.hcl import hcl_line
from tools.environment.hcl_text import find_attribute

if TYPE_CHECKING:
    from collections.abc import Mapping

# The attributes that are edited. A new one is written behind the model's id, so the last one comes first.
EDITED = (
    "track",
    "streaming",
    "count_tokens",
    "destinations",
    "profile",
    "route",
    "regions",
    "model",
    "previous",
)

# What `previous` does not have: fallbacks are no grant, and there is one previous entry only.
NOT_PREVIOUS = frozenset({"fallbacks", "previous"})


def changed_model(model: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model of a stanza with changes, and with what it granted before as ``previous``.

    A profile and its destinations go when the route is no longer geographic.
    """
    new = {**model, **changes}
    if changes.get("route", "geographic") != "geographic":
        new |= {"destinations": None, "profile": changes.get("profile")}
    new["previous"] = {
        name: value
        for name, value in model.items()
        if name not in NOT_PREVIOUS and value is not None
    }
    return {name: value for name, value in new.items() if value is not None or name not in EDITED}


# What an attribute is that a model of a stanza does not have: environments/variables-tenants.tf.
DEFAULTS: Mapping[str, Any] = {
    "count_tokens": False,
    "destinations": [],
    "route": "on-demand",
    "streaming": True,
    "track": False,
}


def has_values(model: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a model of a stanza, or its previous entry, has these values."""
    return all(
        value == (DEFAULTS.get(name) if model.get(name) is None else model[name])
        for name, value in values.items()
    )


def restored_model(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model of a stanza that grants what its ``previous`` says, and has no ``previous``."""
    return {**{name: model[name] for name in ("fallbacks",) if name in model}, **model["previous"]}


def without_previous(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model of a stanza without what it granted before."""
    return {name: value for name, value in model.items() if name != "previous"}


def with_model(text: str, tenant: str | None, alias: str, model: Mapping[str, Any]) -> str:
    """Return ``text`` with the edited attributes of ``model`` in place of the alias's own.

    ``tenant`` is None in its own file. Raises CommandError when the alias is not written as an object in braces.
    """
    path = (*stanza_path(tenant), "models", alias)
    attribute = find_attribute(text, *path)
    if attribute is None or attribute.inside is None:
        of = f' of tenant "{tenant}"' if tenant else ""
        raise CommandError(
            f'Model "{alias}" is not written as {alias} = {{ … }} in the stanza{of}, so '
            "this command cannot edit it. Nothing was changed; edit the file by hand."
        )
    for name in EDITED:
        value, old = model.get(name), find_attribute(text, *path, name)
        if value is None:
            text = text if old is None else remove_attribute(text, old)
        elif old is None and (anchor := find_attribute(text, *path, "model")) is not None:
            text = add_attribute(text, anchor, name, hcl_line(value))
        elif old is not None:
            text = replace_span(text, old.value, hcl_line(value))
    return text
