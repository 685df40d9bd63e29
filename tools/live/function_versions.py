"""Deletes the versions of a function that no caller uses any more, because AWS charges for their snapshots.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html: a snapshot is paid for until its version is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIAS = "live"


def delete_unused_versions(client: Any, function: str) -> list[str]:  # noqa: ANN401 - boto3's client
    """Delete the published versions that nobody needs; return their numbers.

    A version that an alias names, or to which it routes a part of its calls, stays: Lambda refuses to delete it
    (https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html), and the owner of the account may have
    aliases of its own. So does the version before that of ``live``, on which calls still run that began before the
    alias moved, and newer ones, which belong to an apply that is under way. Without ``live``, as after snap_start was
    switched off, only the versions of other aliases stay.
    """
    numbers = [
        item["Version"]
        for item in _all(client, "list_versions_by_function", "Versions", function)
        if item["Version"] != "$LATEST"
    ]
    versions_by_alias = {
        alias["Name"]: _versions_of(alias)
        for alias in _all(client, "list_aliases", "Aliases", function)
    }
    used = versions_by_alias.get(ALIAS, set())
    older = [number for number in numbers if used and int(number) < min(map(int, used))]
    kept = {*sorted(older, key=int)[-1:]}.union(*versions_by_alias.values())
    unused = [
        number
        for number in numbers
        if number not in kept and (not used or int(number) < max(map(int, used)))
    ]
    for number in unused:
        client.delete_function(FunctionName=function, Qualifier=number)
    return unused


def _all(client: Any, operation: str, member: str, function: str) -> list[dict[str, Any]]:  # noqa: ANN401
    pages = client.get_paginator(operation).paginate(FunctionName=function)
    return [item for page in pages for item in page[member]]


def _versions_of(alias: Mapping[str, Any]) -> set[str]:
    """Return the published versions that an alias calls; it may name $LATEST, which is none."""
    routing = alias.get("RoutingConfig") or {}
    return {alias["FunctionVersion"], *routing.get("AdditionalVersionWeights", {})} - {"$LATEST"}
