from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.tools.localaws.aws import ACME

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
REGION = "eu-central-1"

WEATHER = {
    "tools": [
        {
            "toolSpec": {
                "name": "weather",
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "properties": {
                            "city": {"type": "string", "maxLength": 10},
                            "days": {"type": "integer", "minimum": 1},
                            "unit": {"enum": ["celsius", "kelvin"]},
                        },
                        "required": ["city", "days", "unit"],
                    }
                },
            }
        }
    ]
}


@pytest.fixture
def bedrock(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("bedrock-runtime", local_aws.control.account(ACME))


def turn(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": [{"text": text}]}


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["output"]["message"]["content"][0]["text"])


def test_quotes_the_user_and_says_that_it_is_not_a_model(bedrock: Any) -> None:
    answer = bedrock.converse(modelId=MODEL, messages=[turn("canary-7 sings")])

    assert text_of(answer) == (
        f"This is the local AWS's stand-in for {MODEL}, not a model. You wrote: canary-7 sings"
    )
    assert answer["stopReason"] == "end_turn"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]


def test_counts_words_as_tokens(bedrock: Any) -> None:
    answer = bedrock.converse(
        modelId=MODEL, system=[{"text": "Be brief."}], messages=[turn("one two three")]
    )

    assert answer["usage"]["inputTokens"] == 5
    assert answer["usage"]["outputTokens"] == len(text_of(answer).split())
    assert answer["usage"]["totalTokens"] == 5 + answer["usage"]["outputTokens"]
    assert answer["metrics"]["latencyMs"] >= 1


def test_cuts_the_answer_at_max_tokens(bedrock: Any) -> None:
    answer = bedrock.converse(
        modelId=MODEL, messages=[turn("hello")], inferenceConfig={"maxTokens": 3}
    )

    assert (text_of(answer), answer["stopReason"]) == ("This is the", "max_tokens")
    assert answer["usage"]["outputTokens"] == 3


def test_cuts_the_answer_at_a_stop_sequence(bedrock: Any) -> None:
    answer = bedrock.converse(
        modelId=MODEL,
        messages=[turn("left STOP right")],
        inferenceConfig={"stopSequences": ["STOP"]},
    )

    assert text_of(answer).endswith("You wrote: left ")
    assert answer["stopReason"] == "stop_sequence"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"modelId": "nonsense"}, "The provided model identifier is invalid."),
        ({"modelId": f"us.{MODEL}"}, "The provided model identifier is invalid."),
        ({"messages": []}, "must start with a user message"),
        ({"messages": [turn("I am", "assistant")]}, "must start with a user message"),
        ({"messages": [turn("one"), turn("two")]}, "must alternate"),
        ({"messages": [turn("  ")]}, "messages.0.content.0 is blank"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0 is empty"),
        ({"system": [{"text": " "}]}, "system.0 is blank"),
        ({"inferenceConfig": {"temperature": 1.5}}, "'inferenceConfig.temperature'"),
        ({"inferenceConfig": {"topP": 1.5}}, "'inferenceConfig.topP'"),
        ({"requestMetadata": {str(n): "x" for n in range(17)}}, "'requestMetadata'"),
    ],
)
def test_refuses_a_request_as_bedrock_does(
    bedrock: Any, change: dict[str, Any], sentence: str
) -> None:
    good = {"modelId": MODEL, "messages": [turn("hello")]}
    assert bedrock.converse(**good)["stopReason"] == "end_turn"

    with pytest.raises(ClientError) as refused:
        bedrock.converse(**(good | change))

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert sentence in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "model_id",
    [
        MODEL,
        f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}",
        f"eu.{MODEL}",
        f"arn:aws:bedrock:{REGION}:{ACME}:inference-profile/eu.{MODEL}",
        f"global.{MODEL}",
    ],
)
def test_accepts_all_forms_of_model_id(bedrock: Any, model_id: str) -> None:
    answer = bedrock.converse(modelId=model_id, messages=[turn("hello")])

    assert f"stand-in for {MODEL}," in text_of(answer)


def test_calls_a_tool_that_the_user_requests(bedrock: Any) -> None:
    answer = bedrock.converse(
        modelId=MODEL, messages=[turn("Use the tool weather now")], toolConfig=WEATHER
    )

    use = answer["output"]["message"]["content"][0]["toolUse"]
    assert answer["stopReason"] == "tool_use"
    assert (use["name"], use["input"]) == (
        "weather",
        {"city": "Use the to", "days": 1, "unit": "celsius"},
    )


def test_answers_in_text_when_no_tool_is_requested(bedrock: Any) -> None:
    answer = bedrock.converse(modelId=MODEL, messages=[turn("hello")], toolConfig=WEATHER)

    assert answer["stopReason"] == "end_turn"


def test_calls_the_tool_that_tool_choice_forces(bedrock: Any) -> None:
    forced = WEATHER | {"toolChoice": {"tool": {"name": "weather"}}}

    answer = bedrock.converse(modelId=MODEL, messages=[turn("hello")], toolConfig=forced)

    assert answer["output"]["message"]["content"][0]["toolUse"]["input"]["city"] == "hello"


def test_refuses_a_tool_result_that_is_missing(bedrock: Any) -> None:
    first = bedrock.converse(
        modelId=MODEL, messages=[turn("use the tool weather")], toolConfig=WEATHER
    )
    answer_turn = first["output"]["message"]
    use_id = answer_turn["content"][0]["toolUse"]["toolUseId"]
    result = {"toolResult": {"toolUseId": use_id, "content": [{"text": "sunny"}]}}
    messages = [turn("use the tool weather"), answer_turn]

    answer = bedrock.converse(
        modelId=MODEL,
        messages=[*messages, {"role": "user", "content": [result]}],
        toolConfig=WEATHER,
    )
    assert text_of(answer).endswith("You wrote: sunny")

    with pytest.raises(ClientError, match="Expected toolResult blocks at messages.2.content"):
        bedrock.converse(modelId=MODEL, messages=[*messages, turn("and?")], toolConfig=WEATHER)


def test_writes_a_cached_prompt_once_and_reads_it_afterwards(bedrock: Any) -> None:
    request = {
        "modelId": MODEL,
        "system": [{"text": "four words long system"}, {"cachePoint": {"type": "default"}}],
        "messages": [turn("two words")],
    }

    first, second = bedrock.converse(**request)["usage"], bedrock.converse(**request)["usage"]

    assert (first["cacheWriteInputTokens"], first["cacheReadInputTokens"]) == (4, 0)
    assert (second["cacheWriteInputTokens"], second["cacheReadInputTokens"]) == (0, 4)
    assert first["inputTokens"] == second["inputTokens"] == 2


def test_streams_the_same_answer_in_bedrocks_order(bedrock: Any) -> None:
    request = {"modelId": MODEL, "messages": [turn("hello there")]}
    whole = bedrock.converse(**request)

    events = list(bedrock.converse_stream(**request)["stream"])

    kinds = [next(iter(event)) for event in events]
    deltas = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert kinds[0] == "messageStart"
    assert set(kinds[1:-3]) == {"contentBlockDelta"}
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert "".join(deltas) == text_of(whole)
    assert events[-1]["metadata"]["usage"] == whole["usage"]


def test_streams_a_tool_call_with_its_start(bedrock: Any) -> None:
    stream = bedrock.converse_stream(
        modelId=MODEL, messages=[turn("use the tool weather")], toolConfig=WEATHER
    )["stream"]

    events = list(stream)

    assert events[1]["contentBlockStart"]["start"]["toolUse"]["name"] == "weather"
    assert events[-2] == {"messageStop": {"stopReason": "tool_use"}}


def test_a_model_served_by_profiles_only_is_refused_on_demand(bedrock: Any) -> None:
    model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    with pytest.raises(ClientError, match="with on-demand throughput isn.t supported"):
        bedrock.converse(modelId=model, messages=[turn("hello")])
    assert model in text_of(bedrock.converse(modelId=f"eu.{model}", messages=[turn("hello")]))


def test_counts_the_tokens_that_a_call_is_billed_for_without_one(
    local_aws: LocalAws, bedrock: Any
) -> None:
    conversation = {
        "messages": [turn("how warm is it"), turn("where", "assistant"), turn("in Oslo")],
        "system": [{"text": "be brief"}],
        "toolConfig": WEATHER,
    }

    counted = bedrock.count_tokens(modelId=MODEL, input={"converse": conversation})

    assert local_aws.control.calls(action="bedrock:InvokeModel") == []
    billed = bedrock.converse(modelId=MODEL, **conversation)["usage"]["inputTokens"]
    assert counted["inputTokens"] == billed


@pytest.mark.parametrize(
    ("model_id", "message"),
    [
        (f"eu.{MODEL}", "doesn't support counting tokens"),
        (
            f"arn:aws:bedrock:{REGION}:{ACME}:inference-profile/eu.{MODEL}",
            "doesn't support counting",
        ),
        ("amazon.nova-lite-v1:0", "doesn't support counting tokens"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "doesn't support counting tokens"),
        (f"arn:aws:bedrock:eu-west-1::foundation-model/{MODEL}", "identifier is invalid"),
        ("haiku", "identifier is invalid"),
    ],
)
def test_counts_for_models_that_can_and_for_no_profile(
    bedrock: Any, model_id: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        bedrock.count_tokens(modelId=model_id, input={"converse": {"messages": [turn("hello")]}})


@pytest.mark.parametrize(
    "model_id",
    [
        MODEL,
        f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}",
        "anthropic.claude-haiku-4-5-20251001-v1:0",  # invoked through a profile only
    ],
)
def test_counts_for_a_models_own_id_or_arn(bedrock: Any, model_id: str) -> None:
    conversation = {"converse": {"messages": [turn("one two")]}}
    assert bedrock.count_tokens(modelId=model_id, input=conversation)["inputTokens"] == 2


def test_counts_only_what_would_be_a_conversation(bedrock: Any) -> None:
    for messages in ([], [turn("hello", "assistant")]):
        with pytest.raises(ClientError, match="must start with a user message"):
            bedrock.count_tokens(modelId=MODEL, input={"converse": {"messages": messages}})
