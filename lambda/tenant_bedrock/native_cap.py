"""The stanza's cap on the tokens of one answer, in the request formats of the models.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html links the page of each format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenant_bedrock.errors import BadRequestError

# Models that answer with vectors or scores, and with no text that could be long.
_WITHOUT_TEXT = (
    "amazon.nova-2-multimodal-embeddings",
    "amazon.rerank",
    "amazon.titan-embed",
    "cohere.embed",
    "cohere.rerank",
    "twelvelabs.marengo-embed",
)


@dataclass(frozen=True)
class _Format:
    """Where the formats of a family have the maximum: in an object of the request or, with None, in the request.

    The first of ``names`` is written where the request has none of them.
    """

    names: tuple[str, ...]
    within: str | None = None


_FORMATS = {
    "ai21.jamba": _Format(("max_tokens",)),
    "amazon.nova-": _Format(("maxTokens", "max_new_tokens"), "inferenceConfig"),
    "amazon.titan-text": _Format(("maxTokenCount",), "textGenerationConfig"),
    "anthropic.": _Format(("max_tokens",)),
    "cohere.command": _Format(("max_tokens",)),
    "deepseek.": _Format(("max_tokens",)),
    "meta.llama": _Format(("max_gen_len",)),
    "mistral.": _Format(("max_tokens",)),
    "openai.gpt-oss": _Format(("max_completion_tokens", "max_tokens")),
    "qwen.": _Format(("max_tokens",)),
}


def limit(request: dict[str, Any], base_model_id: str, cap: int) -> None:
    """Give the request a maximum of at most ``cap`` tokens for its answer, where it has none.

    Without a maximum, Bedrock deducts the model's own from the shared quota:
    https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html. Raises BadRequestError for a higher
    maximum, and for a model whose format is not known here.
    """
    if base_model_id.startswith(_WITHOUT_TEXT):
        return
    formats = [each for prefix, each in _FORMATS.items() if base_model_id.startswith(prefix)]
    if not formats:
        raise BadRequestError(
            "The stanza caps the tokens of one call, and where this model's own request format has its maximum is not "
            "known here. Call Converse instead. Nothing was sent."
        )
    [native] = formats
    place = request if native.within is None else request.setdefault(native.within, {})
    if not isinstance(place, dict):
        raise BadRequestError(f"{native.within} must be an object. Nothing was sent.")
    maxima = [place[name] for name in native.names if name in place]
    for maximum in maxima:
        if type(maximum) is not int or maximum > cap:
            raise BadRequestError(
                f"The maximum of tokens ({' or '.join(native.names)}) is too high; write {cap} or less, the tenant's "
                "limit for one call. No model was called."
            )
    if not maxima:
        place[native.names[0]] = cap
