"""The text that a rule sends to a target: the event itself, or what an input transformer makes of it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = re.compile(r"\$(\.[\w-]+)+", re.ASCII)
_PLACEHOLDER = re.compile(r"<([^<>]+)>")
_TEXT = re.compile(r'"[^"\\\n]*"')


def check_target(target: Mapping[str, Any]) -> None:
    """Refuse a target whose input the local AWS does not make: ServiceError, as PutTargets answers.

    It makes one text in quotes of paths in dot notation, and passes whole events on.
    """
    if target.keys() & {"Input", "InputPath"}:
        raise _invalid("The local AWS transforms input by InputTransformer only.")
    transformer = target.get("InputTransformer")
    if transformer is None:
        return
    paths, template = transformer.get("InputPathsMap") or {}, transformer["InputTemplate"]
    if len(paths) > 100:
        raise _invalid("An input transformer has at most 100 paths.")
    if other := [path for path in paths.values() if not _PATH.fullmatch(path)]:
        raise _invalid(f"The local AWS reads paths in dot notation, and not {other[0]}.")
    if not _TEXT.fullmatch(template):
        raise _invalid("The local AWS makes input of one text in quotes.")
    if unknown := set(_PLACEHOLDER.findall(template)) - paths.keys():
        raise _invalid(f"InputTemplate has the placeholder {min(unknown)}, which no path defines.")


def transformed(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return what the target gets; a path that the event does not have leaves nothing in the text."""
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    paths = transformer.get("InputPathsMap") or {}
    values = {name: _text(_value(event, path)) for name, path in paths.items()}
    return _PLACEHOLDER.sub(lambda match: values[match[1]], transformer["InputTemplate"])


def _value(event: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - any JSON value
    value: Any = event
    for name in path.split(".")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
