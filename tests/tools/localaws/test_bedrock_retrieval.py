"""InvokeModel with models that embed and rank texts."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import DEFAULT_PROJECT, OPERATIONS, document, log_invocations, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

TITAN = "amazon.titan-embed-text-v2:0"
COHERE_3 = ("cohere.embed-english-v3", "cohere.embed-multilingual-v3")
COHERE_4 = "cohere.embed-v4:0"
COHERE_RERANK, AMAZON_RERANK = "cohere.rerank-v3-5:0", "amazon.rerank-v1:0"
DOCUMENTS = ["the price of tea", "warm weather in Oslo today", "weather"]
TEXTS = {"input_type": "search_document", "texts": ["one two three", "four"]}
RANKING = {"query": "weather in Oslo", "documents": DOCUMENTS, "top_n": 2}
BODIES: dict[str, dict[str, Any]] = {
    TITAN: {"inputText": "one two three"},
    **dict.fromkeys((*COHERE_3, COHERE_4), TEXTS),
    COHERE_RERANK: {**RANKING, "api_version": 2},
    AMAZON_RERANK: RANKING,
}
HEADER = "x-amzn-bedrock-input-token-count"


@pytest.fixture
def bedrock(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("bedrock-runtime", local_aws.control.account(OPERATIONS))


def answer_of(bedrock: Any, model: str, **members: Any) -> dict[str, Any]:
    body = json.dumps({**BODIES[model.removeprefix("eu.")], **members})
    answer: dict[str, Any] = json.load(bedrock.invoke_model(modelId=model, body=body)["body"])
    return answer


def nearness(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.hypot(*one) / math.hypot(*other)


def test_titan_answers_one_vector_of_length_one(bedrock: Any) -> None:
    answer = answer_of(bedrock, TITAN)
    assert len(answer["embedding"]) == 1024
    assert math.hypot(*answer["embedding"]) == pytest.approx(1)
    assert answer["embeddingsByType"] == {"float": answer["embedding"]}
    assert answer["inputTextTokenCount"] == 3
    assert answer_of(bedrock, TITAN) == answer


def test_titan_has_the_dimensions_and_the_length_that_the_request_says(bedrock: Any) -> None:
    raw = answer_of(bedrock, TITAN, dimensions=256, normalize=False)["embedding"]
    assert (len(raw), sum(raw)) == (256, 3)
    types = answer_of(bedrock, TITAN, dimensions=256, embeddingTypes=["binary"])
    assert sum(types["embeddingsByType"]["binary"]) == sum(component > 0 for component in raw)


@pytest.mark.parametrize(
    ("model", "dimensions"), [(COHERE_3[0], 1024), (COHERE_3[1], 1024), (COHERE_4, 1536)]
)
def test_cohere_answers_a_vector_for_each_text(bedrock: Any, model: str, dimensions: int) -> None:
    answer = answer_of(bedrock, model)
    assert [len(vector) for vector in answer["embeddings"]] == [dimensions] * 2
    assert answer["response_type"] == "embeddings_floats"
    assert answer["texts"] == TEXTS["texts"]
    by_type = answer_of(bedrock, model, embedding_types=["float"])
    assert by_type["embeddings"] == {"float": answer["embeddings"]}
    assert by_type["response_type"] == "embeddings_by_type"


def test_cohere_4_has_the_dimensions_that_the_request_says_and_profiles(bedrock: Any) -> None:
    answer = answer_of(bedrock, f"eu.{COHERE_4}", output_dimension=256)
    assert [len(vector) for vector in answer["embeddings"]] == [256, 256]


@pytest.mark.parametrize("model", [*COHERE_3, COHERE_4])
def test_texts_that_share_words_are_near(bedrock: Any, model: str) -> None:
    texts = ["How warm is it in Oslo?", "It is warm in Oslo.", "the price of tea"]
    question, near, far = answer_of(bedrock, model, texts=texts)["embeddings"]
    assert nearness(question, near) > 0.8
    assert nearness(question, far) < 0.2


@pytest.mark.parametrize("model", [COHERE_RERANK, AMAZON_RERANK])
def test_a_ranking_has_the_best_documents_first(bedrock: Any, model: str) -> None:
    results = answer_of(bedrock, model)["results"]
    assert [result["index"] for result in results] == [1, 2]
    assert 1 > results[0]["relevance_score"] > results[1]["relevance_score"] > 0
    assert set(results[0]) == {"index", "relevance_score"}
    everything = answer_of(bedrock, model, top_n=3)["results"]
    assert everything[-1] == {"index": 0, "relevance_score": 0}


@pytest.mark.parametrize("model", BODIES)
def test_a_header_counts_the_tokens_of_embeddings_alone(bedrock: Any, model: str) -> None:
    answer = bedrock.invoke_model(modelId=model, body=json.dumps(BODIES[model]))
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    tokens = {TITAN: "3", COHERE_RERANK: None, AMAZON_RERANK: None}.get(model, "4")
    assert headers.get(HEADER) == tokens
    assert int(headers["x-amzn-bedrock-invocation-latency"]) >= 1
    assert "x-amzn-bedrock-output-token-count" not in headers


@pytest.mark.parametrize(
    ("model", "members"),
    [
        (TITAN, {"inputText": ""}),
        (TITAN, {"dimensions": 300}),
        (TITAN, {"dimensions": 256.0}),
        (TITAN, {"normalize": "no"}),
        (TITAN, {"embeddingTypes": ["int8"]}),
        (TITAN, {"texts": ["one"]}),
        (COHERE_3[0], {"input_type": "search"}),
        (COHERE_3[0], {"texts": []}),
        (COHERE_3[0], {"texts": ["text"] * 97}),
        (COHERE_3[0], {"texts": ["x" * 2049]}),
        (COHERE_3[0], {"output_dimension": 256}),
        (COHERE_3[0], {"truncate": "LEFT"}),
        (COHERE_4, {"truncate": "START"}),
        (COHERE_4, {"output_dimension": 300}),
        (COHERE_4, {"embedding_types": ["int8"]}),
        (COHERE_4, {"images": ["data:image/png;base64,AA=="]}),
        (COHERE_RERANK, {"api_version": 1}),
        (COHERE_RERANK, {"top_n": 0}),
        (COHERE_RERANK, {"documents": []}),
        (AMAZON_RERANK, {"documents": [{"text": "weather"}]}),
        (AMAZON_RERANK, {"query": ""}),
        (AMAZON_RERANK, {"api_version": 2}),
    ],
)
def test_refuses_a_body_that_the_model_does_not_read(
    bedrock: Any, model: str, members: dict[str, Any]
) -> None:
    assert answer_of(bedrock, model)
    body = json.dumps({**BODIES[model], **members})
    assert refusal(bedrock.invoke_model, modelId=model, body=body)[0] == "ValidationException"


@pytest.mark.parametrize("model", BODIES)
def test_a_missing_member_is_named(bedrock: Any, model: str) -> None:
    code, message = refusal(bedrock.invoke_model, modelId=model, body="{}")
    assert code == "ValidationException"
    assert message.startswith("Malformed input request: #: required key [")


@pytest.mark.parametrize("model", [TITAN, AMAZON_RERANK])
def test_the_models_neither_stream_nor_converse(bedrock: Any, model: str) -> None:
    assert answer_of(bedrock, model)
    body = json.dumps(BODIES[model])
    streaming = bedrock.invoke_model_with_response_stream
    assert refusal(streaming, modelId=model, body=body)[0] == "ValidationException"
    turn = [{"role": "user", "content": [{"text": "hello"}]}]
    for converse in (bedrock.converse, bedrock.converse_stream):
        code, message = refusal(converse, modelId=model, messages=turn)
        assert code == "ValidationException"
        assert "supported text or chat model" in message


def test_needs_the_permission_for_the_model(local_aws: LocalAws, connect: Connect) -> None:
    arn = f"arn:aws:bedrock:eu-central-1::foundation-model/{TITAN}"
    model = {"Action": "bedrock:InvokeModel", "Resource": arn}
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(DEFAULT_PROJECT, model)])
    client = connect("bedrock-runtime", keys)
    assert answer_of(client, TITAN)
    body = json.dumps(BODIES[AMAZON_RERANK])
    code, _ = refusal(client.invoke_model, modelId=AMAZON_RERANK, body=body)
    assert code == "AccessDeniedException"


@pytest.mark.parametrize("model", [TITAN, COHERE_4, AMAZON_RERANK])
def test_is_counted_and_logged(local_aws: LocalAws, connect: Connect, model: str) -> None:
    keys = local_aws.control.account(OPERATIONS)
    logged = log_invocations(connect, keys)
    answer = answer_of(connect("bedrock-runtime", keys), model)
    [record] = logged()
    assert record["input"]["inputBodyJson"] == BODIES[model]
    assert record["output"]["outputBodyJson"] == answer
    assert record["input"]["inputTokenCount"] == {TITAN: 3, COHERE_4: 4, AMAZON_RERANK: 0}[model]
    metrics = connect("cloudwatch", keys).list_metrics(Namespace="AWS/Bedrock")["Metrics"]
    assert "Invocations" in {metric["MetricName"] for metric in metrics}
