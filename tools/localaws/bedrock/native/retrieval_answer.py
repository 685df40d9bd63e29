"""What a model of embeddings or reranking answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class RetrievalAnswer:
    """A response body, and the tokens of the request; None where Bedrock does not charge by tokens."""

    body: Mapping[str, Any] = field(repr=False)
    input_tokens: int | None
