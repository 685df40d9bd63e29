"""The shapes of answers: the events of ConverseStream, the members of Converse, the words of a refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

    from tools.acceptance.sandbox import Sandbox

# The events of one answer by their first letters: messageStart, the blocks, messageStop, metadata. A block of text
# has no contentBlockStart:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
_LETTERS = {
    "messageStart": "m",
    "contentBlockStart": "b",
    "contentBlockDelta": "d",
    "contentBlockStop": "e",
    "messageStop": "s",
    "metadata": "u",
}
ORDER = re.compile(r"m(b?d*e)+su")
# What the package reads of each event.
KEYS = {
    "messageStart": {"role"},
    "contentBlockDelta": {"contentBlockIndex", "delta"},
    "contentBlockStop": {"contentBlockIndex"},
    "messageStop": {"stopReason"},
    "metadata": {"metrics", "usage"},
}
USAGE = {"inputTokens", "outputTokens", "totalTokens"}


@dataclass(frozen=True)
class StreamEvents:
    """The events of one streamed answer, without its text."""

    names: tuple[str, ...]
    keys: dict[str, list[str]]  # of each kind of event, all that were seen
    usage: dict[str, Any]
    metrics: dict[str, Any]
    request_id: str

    @property
    def is_in_order(self) -> bool:
        """Whether the events have the documented order, and no others are between them."""
        return ORDER.fullmatch("".join(_LETTERS.get(name, "?") for name in self.names)) is not None

    @property
    def missing_keys(self) -> list[str]:
        """The members that the package needs and that no event of the kind had."""
        return [
            f"{name}.{key}"
            for name, keys in KEYS.items()
            for key in sorted(keys - set(self.keys.get(name, ())))
        ]


def read_stream(sandbox: Sandbox, caller: boto3.Session) -> StreamEvents:
    """Call ConverseStream and read its events to the end; ClientError if it is refused."""
    answer = sandbox.converse(caller, streamed=True)
    names: list[str] = []
    keys: dict[str, set[str]] = {}
    last: dict[str, Any] = {}
    for event in answer["stream"]:
        for name, members in event.items():
            names.append(name)
            keys.setdefault(name, set()).update(members)
            if name == "metadata":
                last = members
    usage = dict(last.get("usage") or {})
    sandbox.budget.add(usage)
    return StreamEvents(
        names=tuple(names),
        keys={name: sorted(members) for name, members in keys.items()},
        usage=usage,
        metrics=dict(last.get("metrics") or {}),
        request_id=str(answer.get("ResponseMetadata", {}).get("RequestId", "")),
    )


def run_lengths(names: tuple[str, ...]) -> list[str]:
    """Return the names with a count in place of repetitions, such as ``3 contentBlockDelta``."""
    runs: list[tuple[str, int]] = []
    for name in names:
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1] + 1)
        else:
            runs.append((name, 1))
    return [name if count == 1 else f"{count} {name}" for name, count in runs]
