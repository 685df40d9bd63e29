"""Values that conform to a JSON schema, for the arguments of the stand-in's tool calls.

It supports the keywords that LangChain and pydantic use to declare tools
(https://json-schema.org/understanding-json-schema/reference): types, required, enum, const,
default, anyOf, oneOf, allOf, local $ref, minItems, minLength, maxLength, minimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIXED = ("const", "default")
_CHOICES = ("anyOf", "oneOf", "allOf")
_ANY = {"type": "string"}  # the schema of a part that has none


def conforming_value(schema: Mapping[str, Any], text: str) -> Any:  # noqa: ANN401
    """The smallest value that conforms to ``schema``; an unrestricted string is ``text``."""
    return _value(schema, text, schema)


def _value(schema: Mapping[str, Any], text: str, root: Mapping[str, Any]) -> Any:  # noqa: ANN401
    if "$ref" in schema:
        return _value(_referenced(root, schema["$ref"]), text, root)
    for keyword in _FIXED:
        if keyword in schema:
            return schema[keyword]
    if "enum" in schema:
        return schema["enum"][0]
    for keyword in _CHOICES:
        if keyword in schema:
            return _value(schema[keyword][0], text, root)
    return _typed_value(schema, text, root)


def _typed_value(schema: Mapping[str, Any], text: str, root: Mapping[str, Any]) -> Any:  # noqa: ANN401
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        return {name: _value(properties.get(name, _ANY), text, root) for name in required}
    if kind == "array":
        item = schema.get("items", _ANY)
        return [_value(item, text, root) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return text[: schema.get("maxLength")].ljust(schema.get("minLength", 0), ".")
    simple = {"boolean": True, "null": None}
    return simple[kind] if kind in simple else schema.get("minimum", 0)


def _referenced(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    """The part of the schema to which ``#/$defs/Name`` points (RFC 6901, without escapes)."""
    node: Any = root
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    part: Mapping[str, Any] = node
    return part
