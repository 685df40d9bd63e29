"""Reads tfvars and backend files as Terraform does, and writes values as HCL."""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Terraform's own reader, so that every file that it accepts has the meaning here that it has there. The
# provider is built in and needs no `terraform init`:
# https://developer.hashicorp.com/terraform/language/functions/terraform-decode_tfvars
_READER = """\
terraform {
  required_providers {
    terraform = { source = "terraform.io/builtin/terraform" }
  }
}
"""
# All texts are in one file, because reading many in one expression takes twice as long.
_TEXTS = "texts.json"
_DECODE = "provider::terraform::decode_tfvars(text)"
_READ = f'base64encode(jsonencode([for text in jsondecode(file("{_TEXTS}")) : {_DECODE}]))\n'
_READ_VALID = _READ.replace(_DECODE, f"try({_DECODE}, null)")
_PRINTED = re.compile(r'^"(.*)"$', re.MULTILINE)
_REASON = re.compile(
    r"failed: invalid (?:tfvars \w+|expression for variable .*?): <.*?>:(\d+),(.*)"
)
_PLACE = re.compile(r"<.*?>:(\d+),[\d-]+")

# An identifier that needs no quotes as the key of an object. HCL reads an object that begins with `for`
# as a for expression.
_BARE_KEY = re.compile(r"(?!(?:for|null|true|false)$)[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def read_hcl(path: Path) -> dict[str, Any]:
    """Return the attributes of a tfvars or backend file; CommandError when it is not valid HCL."""
    try:
        return decode_hcl(path.read_bytes())
    except CommandError as error:
        raise CommandError(f"{path.parent.name}/{path.name} is not valid HCL: {error}") from None


def read_hcl_files(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the attributes of each file, which one process of Terraform reads; CommandError as in `read_hcl`."""
    if not paths:
        return []
    contents = [path.read_bytes() for path in paths]
    try:
        values = _decoded(contents, _READ)
    except CommandError:
        # Terraform does not say which of them it refuses, so that one is read again by itself.
        values = _decoded(contents, _READ_VALID)
    return [
        read_hcl(path) if value is None else value
        for path, value in zip(paths, values, strict=True)
    ]


def decode_hcl(content: bytes) -> dict[str, Any]:
    """Return the attributes that Terraform reads from a tfvars file, in the order of their names.

    Raises CommandError with the line and Terraform's reason when it refuses the file. Neither quotes
    the file, which contains ExternalIds.
    """
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CommandError(f"line {line} is not UTF-8 text; save the file as UTF-8.") from None
    [attributes] = _decoded([content], _READ)
    return attributes or {}


def _decoded(contents: Sequence[bytes], expression: str) -> list[dict[str, Any] | None]:
    """Return what Terraform reads from each file; None for one that `try` in the expression catches."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    toolchain = ensure_toolchain(lambda _: None)
    # A folder of its own, because concurrent consoles in one folder would wait for its state's lock.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text(_READER)
        # A text that is not UTF-8 has null in its place, which Terraform refuses as such a text.
        texts = [_text(content) for content in contents]
        Path(folder, _TEXTS).write_text(json.dumps(texts))
        try:
            printed = toolchain.run(Path(folder), "console", environment=inherited, text=expression)
        except CommandError as error:
            raise CommandError(_sentence(str(error))) from None
    # On a slow machine terraform also says that it acquires and releases a state lock.
    [encoded] = _PRINTED.findall(printed)
    values: list[dict[str, Any] | None] = json.loads(base64.b64decode(encoded))
    return values


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _sentence(message: str) -> str:
    """Return the line and the reason from what Terraform prints in a frame of 78 characters."""
    text = " ".join(message.split())
    reason = _REASON.search(text)
    if reason is None:
        return text
    sentence = _PLACE.sub(r"line \1", reason[2].partition(": ")[2]).rstrip(".")
    return f"line {reason[1]}: {sentence}."


def hcl_attributes(values: Mapping[str, Any], indent: str = "") -> str:
    """Return ``values`` as HCL attributes, one per line; keys that are no identifiers are quoted."""
    return "".join(
        f"{indent}{hcl_key(name)} = {_hcl(value, indent)}\n" for name, value in values.items()
    )


def hcl_line(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as HCL on one line."""
    if isinstance(value, dict):
        attributes = (f"{hcl_key(name)} = {hcl_line(item)}" for name, item in value.items())
        return f"{{ {', '.join(attributes)} }}"
    return _hcl(value, "")


def hcl_key(name: str) -> str:
    """Return ``name`` as the key of an object, in quotes when it is not an identifier, such as 3m."""
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _hcl(value: Any, indent: str) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return "{\n" + hcl_attributes(value, indent + "  ") + indent + "}"
    if isinstance(value, list):
        return f"[{', '.join(_hcl(item, indent) for item in value)}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Return ``text`` as an HCL string, in which ``${`` and ``%{`` begin no template.

    https://developer.hashicorp.com/terraform/language/expressions/strings#escape-sequences
    """
    escaped = "".join(
        _ESCAPES.get(character) or (character if character.isprintable() else _code(character))
        for character in text
    )
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
