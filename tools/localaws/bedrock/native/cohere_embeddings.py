"""The formats of Cohere Embed v3 and v4, of texts as numbers of the type ``float``.

v3: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
v4: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
Images and other types of numbers are refused.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tools.localaws.bedrock.native.body import (
    check_members,
    invalid,
    malformed,
    read_choice,
    read_texts,
)
from tools.localaws.bedrock.native.retrieval_answer import RetrievalAnswer
from tools.localaws.bedrock.native.word_vectors import unit_vector
from tools.localaws.bedrock.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
_MOST_TEXTS = 96
_MOST_CHARACTERS = 2048
_DIMENSIONS = 1024
_V4_DIMENSIONS = (1536, 1024, 512, 256)


def answer_v3(body: Mapping[str, Any]) -> RetrievalAnswer:
    """Embed texts as v3 does; raises ServiceError (ValidationException)."""
    _check(body, "truncate", "embedding_types")
    read_choice(body, "truncate", ("NONE", "START", "END"), "NONE")
    texts = read_texts(body, "texts", _MOST_TEXTS)
    if any(len(text) > _MOST_CHARACTERS for text in texts):
        raise malformed(f"#/texts: expected at most {_MOST_CHARACTERS} characters in each text")
    return _answer(body, texts, _DIMENSIONS)


def answer_v4(body: Mapping[str, Any]) -> RetrievalAnswer:
    """Embed texts as v4 does; raises ServiceError (ValidationException)."""
    _check(body, "truncate", "embedding_types", "output_dimension", "max_tokens")
    read_choice(body, "truncate", ("NONE", "LEFT", "RIGHT"), "NONE")
    dimensions = read_choice(body, "output_dimension", _V4_DIMENSIONS, _V4_DIMENSIONS[0])
    return _answer(body, read_texts(body, "texts", _MOST_TEXTS), dimensions)


def _check(body: Mapping[str, Any], *optional: str) -> None:
    if "images" in body or "inputs" in body:
        raise invalid("The local AWS embeds only texts.")
    check_members(body, ("input_type", "texts"), optional)
    read_choice(body, "input_type", _INPUT_TYPES, None)


def _answer(body: Mapping[str, Any], texts: list[str], dimensions: int) -> RetrievalAnswer:
    types = body.get("embedding_types")
    if types not in (None, ["float"]):
        raise invalid('The local AWS embeds only as ["float"].')
    vectors = [unit_vector(text, dimensions) for text in texts]
    return RetrievalAnswer(
        {
            "embeddings": vectors if types is None else {"float": vectors},
            "id": str(uuid.uuid4()),
            "response_type": "embeddings_floats" if types is None else "embeddings_by_type",
            "texts": texts,
        },
        count_tokens(texts),
    )
