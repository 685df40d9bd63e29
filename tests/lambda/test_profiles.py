"""The handler knows the model behind an inference profile without calling Bedrock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tenant_bedrock import ModelNotGrantedError
from tenant_bedrock.handler import handler

if TYPE_CHECKING:
    from collections.abc import Callable

HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]


class Animal(BaseModel):
    """An animal."""

    name: str


def test_a_tracked_model_is_called_through_its_profile_and_recorded_with_its_base(
    acme: Any, tracked: str
) -> None:
    answer = handler({"prompt": "hello"}, None)

    record = acme.record(answer["record"]["id"])
    assert record["modelId"] == tracked
    assert record["tenantBedrock"]["alias"] == answer["model"] == "claude"
    assert record["tenantBedrock"]["baseModelId"] == HAIKU
    assert acme.control.calls(action="bedrock:GetInferenceProfile") == []


def test_the_model_behind_a_tracked_alias_is_not_granted_by_itself(
    tracked: str, with_settings: Callable[..., None]
) -> None:
    with_settings(models={"claude": {"model": HAIKU, "regions": ["eu-central-1"]}})

    with pytest.raises(ModelNotGrantedError, match="AccessDeniedException"):
        handler({"prompt": "hello"}, None)


def test_a_tracked_model_streams_and_fills_a_schema_as_its_base_does(
    acme: Any, tracked: str
) -> None:
    chat = acme.connect().chat()

    assert len(list(chat.stream("hello"))) > 1
    assert isinstance(chat.with_structured_output(Animal).invoke("a cat"), Animal)
    assert (chat.provider, chat.base_model_id) == ("anthropic", HAIKU)


def test_a_withheld_stream_of_a_tracked_model_can_be_read_as_one_chunk(
    acme: Any, tracked: str, with_settings: Callable[..., None]
) -> None:
    model = {"base_model_id": HAIKU, "model": tracked, "regions": ["eu-central-1"]}
    with_settings(models={"claude": {**model, "streaming": False}})
    connection = acme.connect()

    with pytest.raises(ModelNotGrantedError, match="may not stream claude"):
        list(connection.chat().stream("hello"))
    assert len(list(connection.chat(disable_streaming=True).stream("hello"))) == 1


@pytest.mark.parametrize("prefix", ["eu.", "global."])
def test_a_system_profile_is_recorded_as_sent_with_its_base(
    acme: Any, with_settings: Callable[..., None], permit: Callable[..., None], prefix: str
) -> None:
    model = {"base_model_id": HAIKU, "model": f"{prefix}{HAIKU}", "regions": ["eu-central-1"]}
    with_settings(models={"claude": model})
    permit({"Action": INVOKE, "Resource": "*"})

    record = acme.record(handler({"prompt": "hello"}, None)["record"]["id"])

    assert record["modelId"] == f"{prefix}{HAIKU}"
    assert record["tenantBedrock"]["baseModelId"] == HAIKU
