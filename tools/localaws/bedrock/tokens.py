"""Token counts of the stand-in model: each word is a token, so tests can predict the counts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def count_tokens(value: object) -> int:
    """The number of tokens in ``value``: a text has one per word, any other leaf is one token."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, Mapping):
        return sum(count_tokens(member) for member in value.values())
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return sum(count_tokens(member) for member in value)
    return 1


@dataclass(frozen=True)
class InputTokens:
    """The tokens of a prompt; ``fresh`` are those neither read from nor written to the cache."""

    fresh: int
    cache_read: int
    cache_write: int
    cache_ttl: str | None = None  # the ttl of the cache point, if it has one


class PromptCache:
    """The prompts up to a ``cachePoint`` that were already sent, by account, Region and model.

    On AWS an entry needs a model's minimum of tokens and lives five minutes or an hour
    (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html); here an
    entry stays until the local AWS stops. The cache stores only digests, never a prompt.
    """

    def __init__(self) -> None:
        self._digests: set[bytes] = set()
        self._lock = threading.Lock()

    def add(self, scope: tuple[str, ...], prompt: Sequence[Mapping[str, Any]]) -> InputTokens:
        """Count a prompt's tokens: read the longest cached prefix, and cache the new prefixes."""
        total = read = cached = 0
        ttl = None
        digest = hashlib.sha256(repr(scope).encode())
        with self._lock:
            for block in prompt:
                if "cachePoint" in block:
                    cached, ttl = total, block["cachePoint"].get("ttl")
                    if digest.digest() in self._digests:
                        read = total
                    self._digests.add(digest.digest())
                else:
                    total += count_tokens(block)
                    digest.update(repr(block).encode())
        return InputTokens(total - cached, read, cached - read, ttl)
