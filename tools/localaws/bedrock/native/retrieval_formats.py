"""The formats of models that embed or rank texts, which InvokeModel alone runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.native import cohere_embeddings, rerank, titan_embeddings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.localaws.bedrock.native.retrieval_answer import RetrievalAnswer

    RetrievalFormat = Callable[[Mapping[str, Any]], RetrievalAnswer]

_FORMATS: dict[str, RetrievalFormat] = {
    "amazon.rerank-v1:0": rerank.answer_amazon,
    "amazon.titan-embed-text-v2:0": titan_embeddings.answer,
    "cohere.embed-english-v3": cohere_embeddings.answer_v3,
    "cohere.embed-multilingual-v3": cohere_embeddings.answer_v3,
    "cohere.embed-v4:0": cohere_embeddings.answer_v4,
    "cohere.rerank-v3-5:0": rerank.answer_cohere,
}


def retrieval_format(model: str) -> RetrievalFormat | None:
    """Return what answers a request body of a model; None for a model that does not embed or rank texts."""
    return _FORMATS.get(model)
