"""Every form of call, in four threads that share one connection."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from langchain_core.messages import HumanMessage

from tenant_bedrock import connect
from tools.bench.record_programs import program

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_aws import ChatBedrockConverse
    from langchain_core.messages import BaseMessage

    from tools.bench.record_programs.program import Program

THREADS = 4


def main() -> None:
    """Take the forms in turn until all calls are made."""
    run = program.start()
    chat = connect().chat("claude", max_tokens=60)
    forms = list(itertools.islice(itertools.cycle(FORMS), run.calls // CALLS_OF_ALL * len(FORMS)))
    run.calls = len(forms)
    run.in_threads(THREADS, lambda: forms.pop()(run, chat))


def _invoke(run: Program, chat: ChatBedrockConverse) -> None:
    assert chat.invoke(run.prompt()).text


def _stream(run: Program, chat: ChatBedrockConverse) -> None:
    assert "".join(chunk.text for chunk in chat.stream(run.prompt()))


def _batch(run: Program, chat: ChatBedrockConverse) -> None:
    assert len(chat.batch([run.prompt(), run.prompt()])) == 2


def _generate(run: Program, chat: ChatBedrockConverse) -> None:
    prompts: list[list[BaseMessage]] = [[HumanMessage(run.prompt())] for _ in range(2)]
    assert len(chat.generate(prompts).generations) == 2


def _converse(run: Program, chat: ChatBedrockConverse) -> None:
    messages = [{"role": "user", "content": [{"text": run.prompt()}]}]
    assert chat.client.converse(modelId=chat.model_id, messages=messages)["output"]


def _converse_stream(run: Program, chat: ChatBedrockConverse) -> None:
    messages = [{"role": "user", "content": [{"text": run.prompt()}]}]
    response = chat.client.converse_stream(modelId=chat.model_id, messages=messages)
    assert [event for event in response["stream"] if "metadata" in event]


def _asynchronous(run: Program, chat: ChatBedrockConverse) -> None:
    async def ask() -> None:
        assert (await chat.ainvoke(run.prompt())).text
        assert "".join([chunk.text async for chunk in chat.astream(run.prompt())])
        assert len(await chat.abatch([run.prompt(), run.prompt()])) == 2

    asyncio.run(ask())


FORMS: tuple[Callable[[Program, ChatBedrockConverse], None], ...] = (
    _invoke,
    _stream,
    _batch,
    _generate,
    _converse,
    _converse_stream,
    _asynchronous,
)
CALLS_OF_ALL = 12

if __name__ == "__main__":
    main()
