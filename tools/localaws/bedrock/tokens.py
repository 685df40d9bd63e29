"""Token counts of the stand-in model: words, so that a test can count them in its head."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def count_tokens(value: object) -> int:
    """How many tokens ``value`` is: a text's whitespace-separated words; anything else is one."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, Mapping):
        return sum(count_tokens(member) for member in value.values())
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return sum(count_tokens(member) for member in value)
    return 1


@dataclass(frozen=True)
class InputTokens:
    """How a prompt's tokens were taken in; ``fresh`` are those no cache held or will hold."""

    fresh: int
    cache_read: int
    cache_write: int
    cache_ttl: str | None = None  # what the cache point asked for, if it did


class PromptCache:
    """Which prompts up to a ``cachePoint`` were seen before: by account, Region and model.

    On AWS an entry needs a model's minimum of tokens and lives five minutes or an hour
    (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html); here every entry is
    kept until the cloud stops. Only digests are kept, never a prompt.
    """

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._lock = threading.Lock()

    def take_in(self, where: tuple[str, ...], prompt: Sequence[Mapping[str, Any]]) -> InputTokens:
        """Count a prompt's tokens, reading the longest known prefix and keeping the new ones."""
        total = read = cached = 0
        ttl = None
        digest = hashlib.sha256(repr(where).encode())
        with self._lock:
            for block in prompt:
                if "cachePoint" in block:
                    cached, ttl = total, block["cachePoint"].get("ttl")
                    if digest.digest() in self._seen:
                        read = total
                    self._seen.add(digest.digest())
                else:
                    total += count_tokens(block)
                    digest.update(repr(block).encode())
        return InputTokens(total - cached, read, cached - read, ttl)
