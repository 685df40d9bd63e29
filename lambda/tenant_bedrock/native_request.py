"""The body of InvokeModel's request, which is a JSON object in the model's own format."""

from __future__ import annotations

import json
from typing import Any

from tenant_bedrock.errors import BadRequestError


def read(body: object) -> dict[str, Any] | None:
    """Parse a body, which boto3 takes as bytes, as a text or as a file; None for anything else.

    Raises BadRequestError unless it is a JSON object in which each name stands once: of a name that stands twice, a
    record could show another member than the one that the model reads.
    https://www.rfc-editor.org/rfc/rfc8259#section-4
    """
    read_file = getattr(body, "read", None)
    body = read_file() if read_file else body
    if not isinstance(body, (str, bytes, bytearray)):
        return None
    try:
        request = json.loads(body, object_pairs_hook=_members)
    except RecursionError:
        raise BadRequestError(
            "The body of the request is nested too deeply. Nothing was sent."
        ) from None
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise BadRequestError("The body of the request must be a JSON object. Nothing was sent.")
    return request


def write(request: dict[str, Any]) -> bytes:
    """Return the body of a request."""
    try:
        return json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only JSON's escape can hold
        return json.dumps(request).encode()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise BadRequestError(
            "A name stands twice in an object of the request's body; write it once. Nothing was sent."
        )
    return members
