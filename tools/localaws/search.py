"""Search for a text in all stored data, account by account.

The search walks all of moto's objects, of whatever service, so no service can be forgotten; the
sessions, the trail, the inference profiles, Bedrock's objects, counts that are not visible yet, and the events of
EventBridge and CloudTrail of the local AWS follow.
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
    """Where ``needle`` is stored: account id => locations such as ``logs/eu-central-1/groups/…``.

    The search covers plain text, base64 (at any offset), hex, percent-encoding, and the contents
    of zip and gzip archives. Raises ValueError for a needle shorter than eight bytes, which could
    match by chance.
    """
    if len(needle.encode()) < 8:
        raise ValueError("Search for at least eight bytes: a shorter text matches by chance.")
    matches: dict[str, list[str]] = {}
    pattern = re.compile(b"|".join(re.escape(form) for form in _forms(needle.encode())))
    for account, location, value in _stored_values(context):
        for path, text in _texts(value, location):
            if pattern.search(text) and path not in matches.setdefault(account, []):
                matches[account].append(path)
    return {account: locations for account, locations in sorted(matches.items()) if locations}


def _forms(needle: bytes) -> set[bytes]:
    """The needle and its encodings; of base64, only the characters that no neighbouring byte affects."""
    forms = {needle, needle.hex().encode(), needle.hex().upper().encode()}
    forms.add(quote(needle, safe="").encode())
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + needle)
        start = (offset * 8 + 5) // 6
        end = (offset + len(needle)) * 8 // 6
        forms |= {encoded[start:end], encoded[start:end].translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def _stored_values(context: LocalAwsContext) -> Iterator[tuple[str, str, object]]:
    for backends in list(_backend_dict._instances):  # noqa: SLF001 — moto has no public list
        for account, region, backend in list(backends.iter_backends()):
            yield account, f"{backends.service_name}/{region}", backend
    for session in context.sessions.all():
        stored = (session.principal, session.policies, session.tags, session.source_identity)
        yield session.principal.account, f"sts/session/{session.principal.arn}", stored
    for entry in context.trail.entries():
        owner = entry.resource.split(":")[4] if entry.resource.count(":") >= 5 else ""
        for account in {entry.account, owner} - {""}:
            yield account, f"trail/{entry.action}", asdict(entry)
    for profile in list(context.inference_profiles.values()):
        text = f"{profile.name} {profile.description or ''}"
        yield profile.arn.split(":")[4], profile.arn, text
    yield from _kept_by_services(context)


def _kept_by_services(context: LocalAwsContext) -> Iterator[tuple[str, str, object]]:
    """What the services of the local AWS keep themselves: objects, counts and events."""
    for (account, region, kind), objects in list(context.bedrock_objects.items()):
        yield account, f"bedrock/{region}/{kind}", objects
    for point in context.data_points.pending():
        yield point.account, f"cloudwatch/{point.region}/pending", asdict(point)
    for put in list(context.put_events):
        yield put.bus.split(":")[4], put.bus, asdict(put)
    for event in [*context.management_events, *context.trail_events]:
        yield event.account, f"cloudtrail/{event.region}", event


def _texts(root: object, location: str) -> Iterator[tuple[str, bytes]]:
    """All texts below ``root`` with their paths; each object is visited once."""
    visited: set[int] = set()
    pending = [(location, root)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str):
            yield path, value.encode("utf-8", errors="surrogateescape")
        elif isinstance(value, bytes | bytearray):
            yield from _unpacked(bytes(value), path)
        elif not _is_skipped(value, root) and id(value) not in visited:
            visited.add(id(value))
            for name, child in _children(value):
                # A name may itself contain the needle (the name of a log stream, the key of a tag).
                yield f"{path}/{name}", name.encode("utf-8", errors="surrogateescape")
                pending.append((f"{path}/{name}", child))


def _is_skipped(value: object, root: object) -> bool:
    """Whether a value holds no text, or is another account's backend that an object refers to."""
    if isinstance(value, _LEAVES) or callable(value):
        return True
    return isinstance(value, _BACKENDS) and value is not root


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, FakeKey):
        yield "value", value.value  # moto stores it in a temporary file
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
