"""Requests and answers in the models' own formats: the cap, the metrics, and what a record keeps of them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tenant_bedrock import BadRequestError, content, native_cap, native_request
from tenant_bedrock.native_answer import (
    InvocationMetrics,
    NativeStreamedAnswer,
    metrics_of_headers,
)

CAPPED: dict[str, dict[str, Any]] = {
    "ai21.jamba-1-5-mini-v1:0": {"max_tokens": 9},
    "amazon.nova-lite-v1:0": {"inferenceConfig": {"maxTokens": 9}},
    "amazon.titan-text-express-v1": {"textGenerationConfig": {"maxTokenCount": 9}},
    "anthropic.claude-3-5-haiku-20241022-v1:0": {"max_tokens": 9},
    "cohere.command-r-v1:0": {"max_tokens": 9},
    "deepseek.r1-v1:0": {"max_tokens": 9},
    "meta.llama3-8b-instruct-v1:0": {"max_gen_len": 9},
    "mistral.mistral-large-2402-v1:0": {"max_tokens": 9},
    "openai.gpt-oss-20b-1:0": {"max_completion_tokens": 9},
    "qwen.qwen3-32b-v1:0": {"max_tokens": 9},
}


@pytest.mark.parametrize(("model", "member"), CAPPED.items())
def test_the_cap_is_written_where_the_family_has_its_maximum(
    model: str, member: dict[str, Any]
) -> None:
    lower = json.loads(json.dumps(member).replace("9", "8"))
    for request, capped in (({}, member), (lower, copy.deepcopy(lower))):
        native_cap.limit(request, model, 9)
        assert request == capped
    with pytest.raises(BadRequestError, match="too high; write 7 or less"):
        native_cap.limit(member, model, 7)


def test_every_name_of_a_maximum_is_looked_at() -> None:
    nova = {"inferenceConfig": {"maxTokens": 5, "max_new_tokens": 500}}
    with pytest.raises(BadRequestError, match="too high"):
        native_cap.limit(nova, "amazon.nova-lite-v1:0", 9)


def test_a_model_that_writes_no_text_has_no_maximum() -> None:
    body = {"inputText": "hello"}
    native_cap.limit(body, "amazon.titan-embed-text-v2:0", 9)
    assert body == {"inputText": "hello"}


@pytest.mark.parametrize(
    ("body", "model", "sentence"),
    [
        ({}, "stability.image-v1:0", "is not known here. Call Converse instead"),
        ({"inferenceConfig": []}, "amazon.nova-x", "inferenceConfig must be an object"),
    ],
)
def test_a_request_that_cannot_be_capped_is_refused(
    body: dict[str, Any], model: str, sentence: str
) -> None:
    with pytest.raises(BadRequestError, match=sentence):
        native_cap.limit(body, model, 9)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"[]", "must be a JSON object"),
        ("{", "must be a JSON object"),
        (b"\xff", "must be a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"messages": ["canary"], "messages": []}', "A name stands twice"),
        (b'{"messages": [{"text": "canary", "text": ""}]}', "A name stands twice"),
    ],
)
def test_a_body_whose_record_could_show_something_else_is_refused(
    body: object, sentence: str
) -> None:
    with pytest.raises(BadRequestError, match=sentence) as caught:
        native_request.read(body)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["ü", "\\ud800"])
def test_a_body_is_written_as_it_was_read(text: str) -> None:
    body = f'{{"a": 1.5, "b": "{text}", "c": [null, true], "d": 123456789012345678901234567890}}'
    request = native_request.read(body)
    assert request is not None
    assert native_request.read(native_request.write(request)) == request
    assert native_request.read(None) is None


def test_headers_tell_tokens_and_latency() -> None:
    headers = {
        "x-amzn-bedrock-input-token-count": "3",
        "x-amzn-bedrock-output-token-count": "many",
        "x-amzn-bedrock-invocation-latency": "250",
    }
    assert metrics_of_headers(headers) == InvocationMetrics({"inputTokens": 3}, 250)
    assert metrics_of_headers({}) == InvocationMetrics()


def test_a_text_that_quotes_the_metrics_does_not_end_a_stream() -> None:
    answer = NativeStreamedAnswer()
    quoted = json.dumps({"delta": {"text": '{"amazon-bedrock-invocationMetrics":{}}'}})
    for data in (quoted, "no JSON"):
        answer.add({"chunk": {"bytes": data.encode()}})
    answer.add({"throttlingException": {}})
    assert not answer.is_complete
    assert answer.assembled() == [json.loads(quoted), "no JSON"]
    answer.add({"chunk": {"bytes": b'{"amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}'}})
    assert answer.metrics == InvocationMetrics({"inputTokens": 1})


VECTOR = [0.25] * 1024


@pytest.mark.parametrize(
    "answer",
    [
        {"embedding": VECTOR, "inputTextTokenCount": 3},
        {"embeddings": [VECTOR], "id": "x"},
        {"embeddings": {"float": [VECTOR]}},
        {"embeddingsByType": {"binary": [1] * 1024}},
    ],
)
def test_a_vector_is_replaced_by_its_size_and_hash(answer: dict[str, Any]) -> None:
    text = json.dumps(content.without_vectors(answer))
    assert '"numbers": 1024' in text
    assert "0.25" not in text
    assert len(text) < 250


def test_short_lists_and_scores_are_kept() -> None:
    ranked = {"results": [{"index": n, "relevance_score": 0.5} for n in range(20)], "box": [1, 2]}
    assert content.without_vectors(ranked) == ranked


def test_names_of_the_callers_choice_are_content() -> None:
    body = {"usage": {"canary": 1, "input_tokens": 2}, "source": "canary", "temperature": "canary"}
    settings = content.redact_native(body, "metadata")
    assert settings == {"usage": {"input_tokens": 2}}


def test_an_answer_of_any_depth_can_be_looked_at() -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    assert content.without_vectors({"embedding": VECTOR, "input": deep})["embedding"]["numbers"]
