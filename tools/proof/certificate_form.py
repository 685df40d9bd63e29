"""The form of the certificate of a part, so that any other file in its place is refused with a sentence."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXTS = {str: str}  # an object with any names
_OPTIONAL_TEXT = (str, type(None))
_PROBLEM = {"subject": str, "about": str, "problem": str}
# A type, several types, a list with the form of its items, or an object with those of its members; beside the named
# members, an object has any others with the form at `str`.
_FORM: dict[str, Any] = {
    "compared": dict,
    "counts": {"tenants": int, "claims": int, str: int},
    "environment": str,
    "made": datetime,  # with its offset from UTC
    "not_covered": [str],
    "part": {"covered": [str], "operations": _TEXTS},
    "plan_files": [
        {
            "state": str,
            "changes": str,
            "sha256": str,
            "json_sha256": str,
            "zips": _TEXTS,
            "handover_sha256": _OPTIONAL_TEXT,
        }
    ],
    "plans": [
        {"root": str, "sha256": str, "proved": bool, "faults": [_PROBLEM], "failed": [_PROBLEM]}
    ],
    "proved": bool,
    "provenance": {
        "tfvars_sha256": _OPTIONAL_TEXT,
        "code_sha256": str,
        "terraform": [str],
        "providers": _TEXTS,
    },
    "seconds": (int, float),
    "solvers": _TEXTS,
    "subject": str,
    "unchanged": [str],
    "unread": [str],
    "waiting": [str],
}


def wrong_members(certificate: object) -> list[str]:
    """Return the place of each member that is missing or of another type, such as ``plans[0].proved``."""
    return list(_wrong(certificate, _FORM, ""))


def _wrong(value: Any, form: Any, place: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(form, list) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _wrong(item, form[0], f"{place}[{index}]")
    elif isinstance(form, dict) and isinstance(value, dict):
        other = form.get(str)
        names = dict.fromkeys((*form, *(value if other else ())))
        for name in names.keys() - {str}:
            inner = f"{place}.{name}" if place else str(name)
            yield from _wrong(value.get(name), form.get(name, other), inner)
    elif not _is_of(form, value):
        yield place or "all of it"


def _is_of(form: Any, value: object) -> bool:  # noqa: ANN401 - types, or what contains them
    """Whether a value of JSON is of a type; a bool is no number there, and a time is a text with an offset."""
    if form is datetime:
        try:
            return datetime.fromisoformat(str(value)).tzinfo is not None
        except ValueError:
            return False
    if isinstance(form, list | dict) or (isinstance(value, bool) and form is not bool):
        return False
    return isinstance(value, form)
