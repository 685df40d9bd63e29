"""Reads tfvars and backend files as plain Python values, and writes values as HCL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import hcl2
from hcl2.utils import SerializationOptions

from tools.command_error import CommandError
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_hcl(path: Path) -> dict[str, Any]:
    """Return the attributes of a tfvars or backend file; CommandError when it is not valid HCL."""
    options = SerializationOptions(
        strip_string_quotes=True, explicit_blocks=False, with_comments=False
    )
    try:
        with path.open() as file:
            content: dict[str, Any] = hcl2.load(file, serialization_options=options)
    except Exception as error:  # noqa: BLE001 - the parser raises many types, and each means invalid HCL
        raise CommandError(
            f"{path.relative_to(ROOT)} is not valid HCL: {str(error).splitlines()[0]}"
        ) from None
    attributes: dict[str, Any] = _without_quotes(content)
    return attributes


def hcl_attributes(values: Mapping[str, Any], indent: str = "") -> str:
    """Return ``values`` as HCL attributes, one per line; JSON's scalars and lists are HCL expressions."""
    return "".join(f"{indent}{name} = {_hcl(value, indent)}\n" for name, value in values.items())


def _hcl(value: Any, indent: str) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{\n" + hcl_attributes(value, indent + "  ") + indent + "}"


def _without_quotes(value: Any) -> Any:  # noqa: ANN401 - HCL values are any JSON value
    """Remove the quotes that python-hcl2 8 keeps around object keys."""
    if isinstance(value, dict):
        return {str(key).strip('"'): _without_quotes(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_quotes(item) for item in value]
    return value
