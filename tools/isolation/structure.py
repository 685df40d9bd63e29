"""Check that a plan and its variables have the structure that the proof reads, before it reads them.

Terraform prints such plans and has checked the variables' types, but a plan may also come from a file.
https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class StructureError(ValueError):
    """A part of a plan is missing or of the wrong type; the message has its path."""


@dataclass(frozen=True)
class MapOf:
    """An object with any keys, whose values have this shape."""

    shape: Shape


@dataclass(frozen=True)
class Text:
    """A text that the test accepts."""

    description: str
    accepts: Callable[[str], bool]


# A type, a list of one shape, an object whose keys are known (those that end in ? may be absent or
# null), a check of its own, or None for any value. An object may have further keys.
Shape = Any

_NOUNS = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "text",
    type(None): "null",
}


def check(value: object, shape: Shape, path: str) -> None:
    """Raise StructureError, with the path of the first part that does not have the shape."""
    match shape:
        case None:
            return
        case type():
            _check_type(value, shape, path)
        case Text(description, accepts):
            _check_type(value, str, path)
            if not accepts(str(value)):
                raise StructureError(f"{path} is {value!r} instead of {description}")
        case [item]:
            for number, element in enumerate(_check_type(value, list, path)):
                check(element, item, f"{path}[{number}]")
        case MapOf(item):
            for key, element in _check_type(value, dict, path).items():
                check(element, item, _join(path, key))
        case Mapping():
            _check_type(value, dict, path)
            _check_members(value, shape, path)
        case _:
            shape(value, path)


def _check_members(value: Any, shape: Mapping[str, Shape], path: str) -> None:  # noqa: ANN401 - any JSON value
    for name, member in shape.items():
        key, place = name.removesuffix("?"), _join(path, name.removesuffix("?"))
        if value.get(key) is not None:
            check(value[key], member, place)
        elif name == key:
            raise StructureError(f"{place} is {'null' if key in value else 'missing'}")


def _check_type(value: Any, type_: type, path: str) -> Any:  # noqa: ANN401 - any JSON value
    # In Python, true and false are numbers too.
    if not isinstance(value, type_) or (isinstance(value, bool) and type_ is not bool):
        noun = _NOUNS.get(type(value), type(value).__name__)
        raise StructureError(f"{path} is {noun} instead of {_NOUNS[type_]}")
    return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _expression(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON value
    """Check what the code assigns: an expression, a block, or a list of blocks, with what it refers to."""
    if isinstance(value, list):
        check(value, [_BLOCK], path)
        return
    for name, part in _check_type(value, dict, path).items():
        if name == "references":
            check(part, [str], _join(path, name))
        elif name != "constant_value":
            _expression(part, _join(path, name))


_BLOCK = MapOf(_expression)


def _configured_module(value: object, path: str) -> None:
    """Check a module of the code and the modules that it calls."""
    resource = {"address": str, "expressions?": _BLOCK, "mode?": str, "type?": str}
    check(
        value,
        {"resources?": [resource], "module_calls?": MapOf({"module?": _configured_module})},
        path,
    )


def _module(value: object, path: str) -> None:
    """Check a module of the state, or of what will be, and the modules in it."""
    check(value, {"resources?": [_existing_resource], "child_modules?": [_module]}, path)


def _resource(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON value
    """Check a resource or a data source; its address identifies it better than its number."""
    check(value, {"address": str, "mode": Text("managed or data", _MODES.__contains__)}, path)
    path = f"{path.rpartition('[')[0]} {value['address']}"
    check(value, {"type": str, "values?": MapOf(None), "change?": _change}, path)
    if value["mode"] == "managed" and not _is_address(value["address"]):
        raise StructureError(f"{path} is not the address of a resource")


def _actions(value: object, path: str) -> None:
    check(value, [str], path)
    if not value:
        raise StructureError(f"{path} is empty")


def _change(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON value
    """Check a change. One that deletes a resource says nothing about what will be."""
    check(value, {"actions": _actions, "after?": MapOf(None), "before?": MapOf(None)}, path)
    if value.get("after") is not None:
        check(value, {"after_unknown": MapOf(None)}, path)


def _is_address(text: str) -> bool:
    """Whether the text names a managed resource, in the root module or in others."""
    index = r'(\["(?:[^"\\]|\\.)*"\]|\[\d+\])?'
    return bool(re.fullmatch(rf"(module\.[\w-]+{index}\.)*[\w-]+\.[\w-]+{index}", text))


def _resource_change(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON value
    _resource(value, path)
    check(value, {"change": _change}, f"resource_changes {value['address']}")


def _existing_resource(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON value
    _resource(value, path)
    check(value, {"values": MapOf(None)}, f"resources {value['address']}")


def _output_changes(value: object, path: str) -> None:
    check(value, MapOf({"after?": None, "after_unknown?": None, "after_sensitive?": None}), path)
    handover = {"after?": MapOf({"external_id?": None, "role_arn?": None})}
    check(value, {"handover?": handover}, path)


_MODES = frozenset({"data", "managed"})

PLAN: Shape = {
    # "increments the major version for any change that is not backward-compatible":
    # https://developer.hashicorp.com/terraform/internals/json-format
    "format_version?": Text("a version 1", lambda text: text.startswith("1.")),
    "variables": MapOf({"value?": None}),
    "planned_values": {"root_module?": _module},
    "configuration": {
        "provider_config?": MapOf({"expressions?": _BLOCK}),
        "root_module": _configured_module,
    },
    "checks?": [{"address": {"to_display?": str}, "status": str}],
    "output_changes?": _output_changes,
    "resource_changes?": [_resource_change],
    "prior_state?": {"values?": {"root_module?": _module}},
    "complete?": bool,
    "errored?": bool,
}


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
_ARN = Text("an ARN", lambda text: text.startswith("arn:") and text.count(":") >= 5)
_ACCOUNT = Text("an account ID of 12 digits", lambda text: bool(_ACCOUNT_ID.fullmatch(text)))


def _operations_account(value: object, path: str) -> None:
    """Check the account's ID, which Terraform accepts as a number, too."""
    check(str(value) if type(value) is int else value, _ACCOUNT, path)


def _whole_number(value: object, path: str) -> None:
    """Check a number that may also be text with digits, as Terraform accepts on its command line."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return
    check(value, int, path)


def _number(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON value
    check(value, float if isinstance(value, float) else int, path)


def _accounts(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON value
    vpc = {"id?": str, "security_group_ids": [str], "subnet_ids": [str]}
    account = {
        "region?": str,
        "readers?": [_ARN],
        "tags?": MapOf(str),
        "unmaskers?": [_ARN],
        "vpc?": vpc,
    }
    check(
        value,
        MapOf({**account, "code_signing_config_arn?": str, "permissions_boundary?": str}),
        path,
    )
    for id_ in value:
        check(id_, _ACCOUNT, f"a key of {path}")


_PREVIOUS_MODEL: Shape = {
    "count_tokens?": bool,
    "destinations?": [str],
    "model": str,
    "profile?": str,
    "regions": [str],
    "route?": str,
    "streaming?": bool,
    "track?": bool,
}
_MODEL: Shape = {**_PREVIOUS_MODEL, "previous?": _PREVIOUS_MODEL}
_LIMITS: Shape = {
    "tokens_per_day?": _number,
    "tokens_per_month?": _number,
    "usd_per_month?": _number,
}
_STANZA: Shape = {
    "accounts": _accounts,
    "audit?": str,
    "content?": str,
    "deployer?": {"external_id?": str},
    "external_ids": {"current?": str, "previous?": str},
    "guardrail?": {
        "arn": str,
        "previous?": {"arn?": str, "version?": str},
        "version": str,
    },
    "masking?": [str],
    "models": MapOf(_MODEL),
    "perimeter?": {
        "networks?": [Text("a network in CIDR notation", _is_network)],
        "vpc_endpoints?": [str],
    },
    "quota?": {
        "aliases?": MapOf(_LIMITS),
        "event_bus?": _ARN,
        "time_zone?": str,
        "warn_at?": [_number],
        **_LIMITS,
    },
    "state?": str,
    "tags?": MapOf(str),
    "trusted_accounts?": [str],
    "workload?": {
        "architecture?": str,
        "memory_size?": int,
        "reserved_concurrency?": int,
        "retention_days?": int,
        "snap_start?": bool,
        "timeout?": int,
    },
}
ENVIRONMENT: Shape = {
    "accounts_with_several_tenants?": [str],
    "deployer_role_name?": str,
    "environment": str,
    "operations": {
        "account_id": _operations_account,
        "administrators?": [str],
        "deployment_principals?": [str],
        "guard?": {
            "lease_minutes?": int,
            "minutes?": int,
            "on_failure?": str,
            "permissions_boundary?": str,
            "tokens_per_minute?": MapOf(_number),
            "prices?": MapOf(
                {
                    "cache_read?": _number,
                    "cache_write?": _number,
                    "input": _number,
                    "output": _number,
                }
            ),
        },
        "permissions_boundary?": str,
        "region": str,
        "shards?": _whole_number,
    },
    "shard?": _whole_number,
    "shared_between_environments?": [str],
    "package_path?": str,
    "tags?": MapOf(str),
    "tenants": MapOf(_STANZA),
}
