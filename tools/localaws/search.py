"""Looking for a text in everything at rest, account by account.

"Everything" is found, not listed: all of moto's objects are walked, whatever service they belong
to, and what the cloud's own parts hold beside it.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from moto.core import base_backend
from moto.s3.models import FakeKey

if TYPE_CHECKING:
    from tools.localaws.context import LocalAwsContext

_backend_dict: Any = base_backend.BackendDict
_BACKENDS = (base_backend.BaseBackend, base_backend.AccountSpecificBackend, _backend_dict)
_LEAVES = (bool, int, float, complex, datetime, type(None), re.Pattern, type)


def search(needle: str, context: LocalAwsContext) -> dict[str, list[str]]:
    """Where ``needle`` is at rest: account id => locations such as ``logs/eu-central-1/groups/…``.

    It is found as it is, in base64 (at any offset), in hex, percent-encoded, and inside zip and
    gzip archives. ValueError for a needle of less than eight bytes, which would be found by chance.
    """
    if len(needle.encode()) < 8:
        raise ValueError("Search for at least eight bytes: less is found by chance.")
    found: dict[str, list[str]] = {}
    pattern = re.compile(b"|".join(re.escape(form) for form in _forms(needle.encode())))
    for account, location, value in _everything(context):
        for path, text in _texts(value, location):
            if pattern.search(text) and path not in found.setdefault(account, []):
                found[account].append(path)
    return {account: locations for account, locations in sorted(found.items()) if locations}


def _forms(needle: bytes) -> set[bytes]:
    """The needle and its encodings; of base64, the characters that do not depend on neighbours."""
    forms = {needle, needle.hex().encode(), needle.hex().upper().encode()}
    forms.add(quote(needle, safe="").encode())
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + needle)
        start = (offset * 8 + 5) // 6
        end = (offset + len(needle)) * 8 // 6
        forms |= {encoded[start:end], encoded[start:end].translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def _everything(context: LocalAwsContext) -> Iterator[tuple[str, str, object]]:
    for backends in list(_backend_dict._instances):  # noqa: SLF001 — moto has no public list
        for account, region, backend in list(backends.iter_backends()):
            yield account, f"{backends.service_name}/{region}", backend
    for session in context.sessions.all():
        kept = (session.principal, session.policies, session.tags, session.source_identity)
        yield session.principal.account, f"sts/session/{session.principal.arn}", kept
    for entry in context.trail.entries():
        owner = entry.resource.split(":")[4] if entry.resource.count(":") >= 5 else ""
        for account in {entry.account, owner} - {""}:
            yield account, f"trail/{entry.action}", asdict(entry)
    for store in context.stores:
        yield from store()


def _texts(root: object, location: str) -> Iterator[tuple[str, bytes]]:
    """Every text below ``root`` with the path to it; each object is visited once."""
    seen: set[int] = set()
    waiting = [(location, root)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value.encode("utf-8", errors="surrogateescape")
        elif isinstance(value, bytes | bytearray):
            yield from _unpacked(bytes(value), path)
        elif not _passed_over(value, root) and id(value) not in seen:
            seen.add(id(value))
            for name, child in _children(value):
                # A name may itself be what is looked for (a log stream's, a tag's key).
                yield f"{path}/{name}", name.encode("utf-8", errors="surrogateescape")
                waiting.append((f"{path}/{name}", child))


def _passed_over(value: object, root: object) -> bool:
    """What holds no text, and what belongs to another account that an object only points to."""
    if isinstance(value, _LEAVES) or callable(value):
        return True
    return isinstance(value, _BACKENDS) and value is not root


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, FakeKey):
        yield "value", value.value  # kept in a temporary file
    if isinstance(value, Mapping | WeakKeyDictionary):
        for key, child in list(value.items()):
            yield str(key), child
    elif isinstance(value, list | tuple | set | frozenset):
        for number, child in enumerate(list(value)):
            yield str(number), child
    if is_dataclass(value):
        for field in fields(value):
            yield field.name, getattr(value, field.name)
    else:
        yield from list(getattr(value, "__dict__", {}).items())


def _unpacked(content: bytes, path: str) -> Iterator[tuple[str, bytes]]:
    yield path, content
    if content.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    yield f"{path}!{name}", archive.read(name)
        except zipfile.BadZipFile:
            return
    elif content.startswith(b"\x1f\x8b"):
        try:
            yield f"{path}!gzip", gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return
