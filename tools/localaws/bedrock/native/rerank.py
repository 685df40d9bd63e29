"""The formats of Cohere Rerank and Amazon Rerank, which differ in Cohere's version of its API.

The models: https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html
Their bodies: https://opensearch.org/docs/latest/vector-search/tutorials/reranking/reranking-cohere-bedrock
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.native.body import check_members, malformed, read_texts
from tools.localaws.bedrock.native.retrieval_answer import RetrievalAnswer
from tools.localaws.bedrock.native.word_vectors import cosine, unit_vector

if TYPE_CHECKING:
    from collections.abc import Mapping

_API_VERSION = 2
_DIMENSIONS = 1024
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html
_MOST_DOCUMENTS = 1000


def answer_cohere(body: Mapping[str, Any]) -> RetrievalAnswer:
    """Rank documents as Cohere Rerank does; raises ServiceError (ValidationException)."""
    check_members(body, ("query", "documents", "api_version"), ("top_n", "max_tokens_per_doc"))
    if body["api_version"] != _API_VERSION:
        raise malformed(f"#/api_version: expected {_API_VERSION}")
    return _answer(body)


def answer_amazon(body: Mapping[str, Any]) -> RetrievalAnswer:
    """Rank documents as Amazon Rerank does; raises ServiceError (ValidationException)."""
    check_members(body, ("query", "documents"), ("top_n",))
    return _answer(body)


def _answer(body: Mapping[str, Any]) -> RetrievalAnswer:
    query = body["query"]
    if not isinstance(query, str) or not query:
        raise malformed("#/query: expected a string of 1 character or more")
    documents = read_texts(body, "documents", _MOST_DOCUMENTS)
    top = body.get("top_n", len(documents))
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise malformed("#/top_n: expected 1 or more")
    query_vector = unit_vector(query, _DIMENSIONS)
    scores = [cosine(query_vector, unit_vector(document, _DIMENSIONS)) for document in documents]
    best = sorted(range(len(documents)), key=lambda index: (-scores[index], index))[:top]
    results = [{"index": index, "relevance_score": scores[index]} for index in best]
    return RetrievalAnswer({"results": results}, input_tokens=None)
