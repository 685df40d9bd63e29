"""Edits a terraform.tfvars and leaves every other character as it was: comments, line ends and a BOM.

An edit is written only if Terraform reads the intended change from it, so a text that the scanner in
hcl_text.py misunderstands is refused and never damaged.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.hcl import decode_hcl
from tools.environment.hcl_text import find_attribute, not_an_object

if TYPE_CHECKING:
    from tools.environment.hcl_text import Attribute, Span


def add_stanza(text: str, stanza: str) -> str:
    """Return ``text`` with ``stanza``, whole lines, as the last tenant and with the text's line ends.

    Raises CommandError when there is no ``tenants = {``.
    """
    tenants = find_attribute(text, "tenants")
    if tenants is not None and tenants.inside is None:
        raise not_an_object("tenants")
    if tenants is None or tenants.inside is None:
        raise CommandError("terraform.tfvars has no `tenants = {`; add it before adding a tenant.")
    newline = _newline(text)
    lines = stanza.replace("\n", newline)
    closing = tenants.inside.end
    line = text.rfind("\n", 0, closing) + 1
    if text[line:closing].strip(" \t"):  # the closing brace has no line of its own
        before = text[:closing].rstrip(" \t")
        return f"{before}{newline}{lines}{text[closing:]}"
    previous_line = text[: line - 1].rpartition("\n")[2].strip()
    gap = newline if previous_line and not previous_line.endswith("{") else ""
    return f"{text[:line]}{gap}{lines}{text[line:]}"


def stanza_path(tenant: str | None) -> tuple[str, ...]:
    """Return where a text has a tenant's stanza; None for a tenant's own file, whose text is the stanza."""
    return () if tenant is None else ("tenants", tenant)


def set_state(text: str, tenant: str | None, state: str) -> str:
    """Return ``text`` with a tenant's ``state``, in place of the one before or as the stanza's first attribute.

    Raises CommandError when the text has no stanza of this tenant in braces.
    """
    if attribute := find_attribute(text, *stanza_path(tenant), "state"):
        return replace_span(text, attribute.value, f'"{state}"')
    if tenant is None:
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        return f'{mark}state = "{state}"{_newline(text)}{text.removeprefix(mark)}'
    stanza = _stanza(text, tenant)
    if stanza.inside is None:
        raise not_an_object(f"tenants.{tenant}")
    start = stanza.inside.start
    after = text[start:]
    line_end = re.match(r"[ \t]*(?:(?:#|//)[^\n]*?)?(?=\r?\n)", after)
    if line_end is None:  # the whole stanza is on one line
        comma = ", " if after[: stanza.inside.end - start].strip() else " "
        return f'{text[:start]} state = "{state}"{comma}{after.lstrip(" ")}'
    position = start + line_end.end()
    line = text.rfind("\n", 0, stanza.whole.start) + 1
    indent = re.match(r"[ \t]*", text[line:])[0]  # type: ignore[index] # it matches an empty text too
    return f'{text[:position]}{_newline(text)}{indent}  state = "{state}"{text[position:]}'


def remove_stanza(text: str, tenant: str) -> str:
    """Return ``text`` without a tenant's stanza and without an empty line in its place.

    Raises CommandError when the text has no such stanza.
    """
    stanza = _stanza(text, tenant)
    edited = remove_attribute(text, stanza)
    line = text.rfind("\n", 0, stanza.whole.start) + 1
    before, after = edited[:line], edited[line:]
    blank_line = re.search(r"(?<=\n)[ \t]*\r?\n$", before)
    if blank_line and re.match(r"[ \t]*(?:\r?\n|\})", after):
        return before[: blank_line.start()] + after
    first = re.match(r"[ \t]*\r?\n", after)
    return before + after[first.end() :] if first and before.rstrip().endswith("{") else edited


def replace_span(text: str, span: Span, value: str) -> str:
    """Return ``text`` with ``value`` in place of ``span``."""
    return f"{text[: span.start]}{value}{text[span.end :]}"


def add_attribute(text: str, after: Attribute, name: str, value: str) -> str:
    """Return ``text`` with ``name = value`` behind an attribute: on a line of its own if that one has one."""
    before = text[: after.whole.start].rpartition("\n")[2]
    line = text[after.whole.end :].partition("\n")[0].strip()
    has_line = not before.strip(" \t") and (not line or line.startswith(("#", "//")))
    if not has_line:
        return f"{text[: after.value.end]}, {name} = {value}{text[after.value.end :]}"
    end = len(text[: after.whole.end]) + len(text[after.whole.end :].partition("\n")[0])
    end -= text[:end].endswith("\r")
    return f"{text[:end]}{_newline(text)}{before}{name} = {value}{text[end:]}"


def remove_attribute(text: str, attribute: Attribute) -> str:
    """Return ``text`` without an attribute and without the comma or the empty line it would leave."""
    start, end = attribute.whole.start, attribute.whole.end
    before, after = text[:start], text[end:]
    comma_before, comma_after = attribute.commas
    if comma_before is not None:
        comment = text[comma_before + 1 : start].rstrip(" \t")
        return text[:comma_before] + comment + after
    if comma_after is not None:
        after = text[end:comma_after] + text[comma_after + 1 :]
    starts_line = not before.rpartition("\n")[2].strip(" \t")
    if starts_line and (line_end := re.match(r"[ \t]*\r?\n", after)):
        return before.rstrip(" \t") + after[line_end.end() :]
    return before + after.lstrip(" \t")


def read_text(path: Path) -> str:
    """Return a file's text with its line ends and its BOM; CommandError when it is not UTF-8."""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise CommandError(
            f"{path.parent.name}/{path.name} is not UTF-8 text; save the file as UTF-8."
        ) from None


def replace_file(path: Path, text: str, expected: dict[str, Any]) -> None:
    """Replace a tfvars file, of HCL or JSON, by ``text`` at once, if Terraform reads ``expected`` from it.

    Raises CommandError, and leaves the file as it was, when Terraform reads something else.
    """
    try:
        values = json.loads(text) if path.suffix == ".json" else decode_hcl(text.encode())
    except CommandError as error:
        problem = f"the result would not be valid HCL, {error.args[0].rstrip('.')}"
    else:
        problem = "" if values == expected else "the result would have another meaning"
    if problem:
        raise CommandError(
            f"{path.parent.name}/{path.name} is written in a way that this command cannot edit: {problem}. "
            "Nothing was changed; edit the file by hand."
        )
    file = path.resolve()  # a link stays a link
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as partial:
        try:
            partial.write(text.encode())
            partial.flush()
            os.fsync(partial.fileno())
            Path(partial.name).chmod(file.stat().st_mode)
            Path(partial.name).replace(file)
        except BaseException:
            Path(partial.name).unlink()
            raise


def _stanza(text: str, tenant: str) -> Attribute:
    stanza = find_attribute(text, "tenants", tenant)
    if stanza is None:
        raise CommandError(
            f"terraform.tfvars has no stanza `{tenant} = {{ … }}` in `tenants = {{`, or its key is computed, so this "
            "command cannot edit it. Nothing was changed; edit the file by hand."
        )
    return stanza


def _newline(text: str) -> str:
    """Return the line end that most lines of ``text`` have."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
