"""Counting the tokens of a prompt: allowed where the stanza says so, refused before a request elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)

from tenant_bedrock import (
    DeniedByPolicyError,
    ModelFailedError,
    ModelNotGrantedError,
    ThrottledError,
)
from tools.bench.local_tenant import HAIKU, NOVA, PERMISSIONS, REGION
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = {
    "Action": "bedrock:CountTokens",
    "Resource": f"arn:aws:bedrock:{REGION}::foundation-model/{HAIKU}",
}
CLAUDE = {"model": HAIKU, "regions": [REGION], "count_tokens": True}
HISTORY: list[BaseMessage] = [
    SystemMessage("be brief"),
    HumanMessage("one two three four"),
    AIMessage("five six"),
    HumanMessage("seven eight nine"),
]


@pytest.fixture
def counting(with_settings: Callable[..., None], permit: Callable[..., None]) -> None:
    """The stanza and the role let claude count in one Region."""
    with_settings(models={"claude": CLAUDE, "nova": {"model": NOVA, "regions": [REGION]}})
    permit(*PERMISSIONS, COUNT)


def counts(acme: Any) -> list[Any]:
    """The requests for a count that the local AWS received."""
    return list(acme.control.calls(action="bedrock:CountTokens"))


def test_trims_messages_by_bedrocks_count(acme: Any, counting: object) -> None:
    before = len(acme.records())
    chat = acme.connect().chat("claude")

    trimmed = trim_messages(
        HISTORY, max_tokens=7, token_counter=chat, strategy="last", include_system=True
    )

    assert [message.content for message in trimmed] == ["be brief", "seven eight nine"]
    assert counts(acme)
    assert len(acme.records()) == before  # no model ran, so there is nothing to record


def test_counts_what_the_call_is_billed_for(acme: Any, counting: object) -> None:
    chat = acme.connect().chat("claude")

    assert chat.get_num_tokens_from_messages(HISTORY) == 11
    assert chat.invoke(HISTORY).usage_metadata["input_tokens"] == 11
    assert chat.get_num_tokens("one two three") == 3
    assert chat.get_num_tokens_from_messages([]) == 0


@pytest.mark.parametrize(
    "part",
    [
        [SystemMessage("be brief")],
        [AIMessage("five six"), HumanMessage("one two")],
        [ToolMessage("12 degrees", tool_call_id="1")],
        [
            ToolMessage("12 degrees", tool_call_id="1"),
            AIMessage("", tool_calls=[{"id": "1", "name": "weather", "args": {"city": "Oslo"}}]),
        ],
        [HumanMessage("x"), AIMessage("", tool_calls=[{"id": "1", "name": "weather", "args": {}}])],
    ],
)
def test_counts_a_part_that_is_no_conversation_as_a_text(
    acme: Any, counting: object, part: list[BaseMessage]
) -> None:
    assert acme.connect().chat("claude").get_num_tokens_from_messages(part) > 0


def test_is_refused_without_the_key_before_a_request(
    acme: Any, permit: Callable[..., None]
) -> None:
    permit(*PERMISSIONS, COUNT)
    before = len(counts(acme))
    chat = acme.connect().chat("claude")

    with pytest.raises(ModelNotGrantedError, match="set count_tokens = true for its alias"):
        trim_messages(HISTORY, max_tokens=7, token_counter=chat)
    with pytest.raises(ModelNotGrantedError, match="count_tokens"):
        chat.get_num_tokens("canary")
    assert len(counts(acme)) == before


def test_the_key_of_one_model_or_region_lets_no_other_count(
    acme: Any, with_settings: Callable[..., None], permit: Callable[..., None]
) -> None:
    regions = [REGION, "eu-west-1"]
    other = {"model": HAIKU, "regions": ["eu-west-1"]}
    with_settings(
        models={"claude": CLAUDE, "other": other, "nova": {"model": NOVA, "regions": regions}}
    )
    permit(*PERMISSIONS, {**COUNT, "Resource": "*"})
    connection = acme.connect()
    before = len(counts(acme))

    assert connection.chat("claude").get_num_tokens("one") == 1
    for alias, region in [("nova", REGION), ("other", "eu-west-1")]:
        with pytest.raises(ModelNotGrantedError, match="may not count tokens"):
            connection.chat(alias, region=region).get_num_tokens("one")
    client = connection.chat("claude").client
    conversation = {"converse": {"messages": [{"role": "user", "content": [{"text": "x"}]}]}}
    for model_id in (f"eu.{HAIKU}", NOVA, f"arn:aws:bedrock:{REGION}::foundation-model/{NOVA}"):
        with pytest.raises(ModelNotGrantedError, match="may not count tokens"):
            client.count_tokens(modelId=model_id, input=conversation)
    by_arn = client.count_tokens(modelId=COUNT["Resource"], input=conversation)
    assert by_arn["inputTokens"] == 1
    assert len(counts(acme)) == before + 2


def test_a_role_without_the_grant_is_refused_with_the_right_type(
    acme: Any, counting: object, permit: Callable[..., None]
) -> None:
    chat = acme.connect().chat("claude")
    permit(*PERMISSIONS)

    with pytest.raises(ModelNotGrantedError, match="AccessDeniedException"):
        chat.get_num_tokens_from_messages(HISTORY)


def test_a_tenant_who_is_denied_everything_may_not_count(
    acme: Any, counting: object, permit: Callable[..., None]
) -> None:
    chat = acme.connect().chat("claude")
    permit(*PERMISSIONS, COUNT, {"Effect": "Deny", "Action": "*", "Resource": "*"})

    with pytest.raises(DeniedByPolicyError):
        chat.get_num_tokens("one")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 429, ThrottledError),
        ("InternalServerException", 500, ModelFailedError),
    ],
)
def test_a_failed_count_raises_an_error_of_the_package(
    acme: Any, counting: object, code: str, status: int, error: type[Exception]
) -> None:
    chat = acme.connect().chat("claude")
    acme.control.fault(
        Fault(operation="CountTokens", code=code, status=status, message="canary", times=9)
    )

    with pytest.raises(error, match=code) as caught:
        chat.get_num_tokens_from_messages(HISTORY)
    assert "canary" not in str(caught.value)


def test_a_model_that_does_not_count_says_so_and_what_to_use(
    acme: Any, with_settings: Callable[..., None], permit: Callable[..., None]
) -> None:
    with_settings(models={"nova": {"model": NOVA, "regions": [REGION], "count_tokens": True}})
    permit(*PERMISSIONS, {**COUNT, "Resource": "*"})

    with pytest.raises(ModelFailedError, match="count_tokens_approximately"):
        acme.connect().chat("nova").get_num_tokens_from_messages(HISTORY)


@pytest.mark.parametrize("model", [f"eu.{HAIKU}", f"global.{HAIKU}", "profile"])
def test_counts_for_the_model_behind_a_profile(
    acme: Any,
    with_settings: Callable[..., None],
    permit: Callable[..., None],
    profile: str,
    model: str,
) -> None:
    sent = profile if model == "profile" else model
    with_settings(models={"claude": {**CLAUDE, "model": sent, "base_model_id": HAIKU}})
    permit(COUNT)

    assert acme.connect().chat("claude").get_num_tokens_from_messages(HISTORY) == 11


def test_a_tokenizer_of_the_callers_own_is_used(acme: Any) -> None:
    chat = acme.connect().chat("claude", custom_get_token_ids=lambda text: [0] * len(text))

    assert chat.get_num_tokens("abc") == 3
    assert chat.get_num_tokens_from_messages([HumanMessage("abc")]) == len("Human: abc")
