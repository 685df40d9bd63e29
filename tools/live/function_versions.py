"""Deletes the versions of a function that no caller uses any more, because AWS charges for their snapshots.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html: a snapshot is paid for until its version is deleted.
"""

from __future__ import annotations

from typing import Any

ALIAS = "live"


def delete_unused_versions(client: Any, function: str) -> list[str]:  # noqa: ANN401 - boto3's client
    """Delete all published versions but that of the alias and the one before it; return their numbers.

    Calls that began before the alias moved still run on the version before. Without the alias, as after
    snap_start was switched off, no version is invoked, so all of them are deleted.
    """
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    numbers = [
        version["Version"]
        for page in pages
        for version in page["Versions"]
        if version["Version"] != "$LATEST"
    ]
    used = _versions_of_the_alias(client, function)
    older = [number for number in numbers if used and int(number) < min(map(int, used))]
    kept = {*used, *sorted(older, key=int)[-1:]}
    # A newer version than that of the alias belongs to an apply that is under way.
    unused = [
        number
        for number in numbers
        if number not in kept and (not used or int(number) < max(map(int, used)))
    ]
    for number in unused:
        client.delete_function(FunctionName=function, Qualifier=number)
    return unused


def _versions_of_the_alias(client: Any, function: str) -> set[str]:  # noqa: ANN401 - boto3's client
    """Return the version of the alias, and those to which somebody routes a part of its calls."""
    try:
        alias = client.get_alias(FunctionName=function, Name=ALIAS)
    except client.exceptions.ResourceNotFoundException:
        return set()
    routing = alias.get("RoutingConfig") or {}
    return {alias["FunctionVersion"], *routing.get("AdditionalVersionWeights", {})}
