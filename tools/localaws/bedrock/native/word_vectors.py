"""The stand-in's vectors: texts that share words have near vectors, and equal texts equal ones.

A word adds 1 to the dimension that its hash chooses. No component is negative, so the cosine of two vectors is 0 to 1.
"""

from __future__ import annotations

import hashlib
import math
import re

_WORD = re.compile(r"\w+")


def word_counts(text: str, dimensions: int) -> list[float]:
    """The number of words of each dimension; a text without words counts as one word."""
    vector = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        vector[int.from_bytes(digest[:8], "big") % dimensions] += 1
    return vector


def unit_vector(text: str, dimensions: int) -> list[float]:
    """The counts as a vector of length 1."""
    counts = word_counts(text, dimensions)
    length = math.hypot(*counts)
    return [count / length for count in counts]


def cosine(one: list[float], other: list[float]) -> float:
    """The nearness of two unit vectors, from 0 to 1."""
    return min(1.0, sum(a * b for a, b in zip(one, other, strict=True)))
