"""Finds the ExternalIds that a plan, a state or a policy contains, so that nothing prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The condition key of trust policies, and the arguments and outputs of Terraform's code.
_NAMES = frozenset({"sts:externalid", "external_id", "external_ids"})
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html says that an ExternalId has 2 characters
# or more. A shorter text in such a place is no secret, and replacing it would make every sentence unreadable.
_SHORTEST = 2


def external_ids_in(document: Any) -> frozenset[str]:  # noqa: ANN401 - any JSON value
    """Return every ExternalId in a JSON value, also in texts that are JSON themselves, such as policies.

    They are found by the name of their place, so that also one that no stanza has any more is found.
    """
    texts = set()
    # Each value, and whether it stands in such a place.
    rest: list[tuple[Any, bool]] = [(document, False)]
    while rest:
        value, is_secret = rest.pop()
        if isinstance(value, dict):
            for name, item in value.items():
                # Below "references" are the expressions of Terraform's code and no values.
                if not (is_secret and name == "references"):
                    rest.append((item, is_secret or name.lower() in _NAMES))
        elif isinstance(value, list):
            rest += [(item, is_secret) for item in value]
        elif isinstance(value, str) and is_secret:
            texts.add(value)
        elif isinstance(value, str) and value[:1] in {"{", "["}:
            rest.append((_parsed(value), False))
    return frozenset(text for text in texts if len(text) >= _SHORTEST)


def without_external_ids(text: str, names: Mapping[str, str]) -> str:
    """Return a text for people, in which each ExternalId is replaced by its name in ``names``."""
    # An ExternalId can be a part of a longer one.
    for external_id in sorted(names, key=len, reverse=True):
        text = text.replace(external_id, names[external_id])
    return text


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a text that looks like JSON means; None if it is not JSON or deeper than Python reads."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
