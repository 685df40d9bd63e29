"""The format of Titan Text Embeddings V2.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.native.body import check_members, malformed, read_choice
from tools.localaws.bedrock.native.retrieval_answer import RetrievalAnswer
from tools.localaws.bedrock.native.word_vectors import unit_vector, word_counts
from tools.localaws.bedrock.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIMENSIONS = (1024, 512, 256)
_TYPES = ("float", "binary")


def answer(body: Mapping[str, Any]) -> RetrievalAnswer:
    """Embed one text; raises ServiceError (ValidationException)."""
    check_members(body, ("inputText",), ("dimensions", "normalize", "embeddingTypes"))
    text = body["inputText"]
    if not isinstance(text, str) or not text:
        raise malformed("#/inputText: expected a string of 1 character or more")
    if not isinstance(body.get("normalize", True), bool):
        raise malformed("#/normalize: expected type: Boolean")
    dimensions = read_choice(body, "dimensions", _DIMENSIONS, _DIMENSIONS[0])
    make_vector = unit_vector if body.get("normalize", True) else word_counts
    vector = make_vector(text, dimensions)
    types = body.get("embeddingTypes", ["float"])
    if not isinstance(types, list) or not types or any(kind not in _TYPES for kind in types):
        raise malformed(f"#/embeddingTypes: expected a list of {' and '.join(_TYPES)}")
    by_type = {"float": vector, "binary": [int(component > 0) for component in vector]}
    tokens = count_tokens(text)
    return RetrievalAnswer(
        {
            "embedding": vector,
            "embeddingsByType": {kind: by_type[kind] for kind in types},
            "inputTextTokenCount": tokens,
        },
        tokens,
    )
