"""Finds the ExternalIds that a plan, a state or a policy contains, so that nothing prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The condition key of trust policies, and the arguments and outputs of Terraform's code.
_NAMES = frozenset({"sts:externalid", "external_id", "external_ids"})
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html says that an ExternalId has 2 characters
# or more. A shorter text in such a place is no secret, and replacing it would make every sentence unreadable.
_SHORTEST = 2


def external_ids_in(document: Any) -> frozenset[str]:  # noqa: ANN401 - any JSON value
    """Return every ExternalId in a JSON value, also in texts that are JSON themselves, such as policies.

    They are found by the name of their place, so that also one that no stanza has any more is found.
    """
    return frozenset(text for text in _external_ids(document) if len(text) >= _SHORTEST)


def without_external_ids(text: str, names: Mapping[str, str]) -> str:
    """Return a text for people, in which each ExternalId is replaced by its name in ``names``."""
    # An ExternalId can be a part of a longer one.
    for external_id in sorted(names, key=len, reverse=True):
        text = text.replace(external_id, names[external_id])
    return text


def _external_ids(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item) if name.lower() in _NAMES else _external_ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from _external_ids(item)
    elif isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            yield from _external_ids(json.loads(value))
        except ValueError:  # it only looks like JSON
            return


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield every text in a value, except the expressions to which Terraform's code refers."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name != "references":
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
