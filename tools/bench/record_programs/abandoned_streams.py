"""Streams that are left before their end, with and without LangChain, and connections that are dropped."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING, Any

from tenant_bedrock import connect
from tools.bench.record_programs import program

if TYPE_CHECKING:
    from langchain_aws import ChatBedrockConverse

    from tools.bench.record_programs.program import Program

THREADS = 4
CALLS_OF_A_CONNECTION = 25


def main() -> None:
    """Leave streams in threads, then with KeyboardInterrupt in the main thread, which alone gets it."""
    run = program.start()
    interrupted, run.calls = run.calls // 5, run.calls - run.calls // 5
    references: list[Any] = []
    while run.calls > 0:
        remaining = run.calls - CALLS_OF_A_CONNECTION
        run.calls = min(run.calls, CALLS_OF_A_CONNECTION)
        chat = connect().chat("claude", max_tokens=60)
        run.in_threads(THREADS, lambda chat=chat: _leave(run, chat, references))  # type: ignore[misc]
        run.calls = remaining
        del chat
        if run.chance.random() < 0.5:
            references.clear()  # nothing refers to the connection and its streams now
        gc.collect()
    chat = connect().chat("claude", max_tokens=60)
    for _ in range(interrupted):
        _interrupt(run, chat)


def _leave(run: Program, chat: ChatBedrockConverse, references: list[Any]) -> None:
    events = run.chance.randint(0, 12)
    if run.chance.random() < 0.3:
        for number, _ in enumerate(chat.stream(run.prompt())):
            if number == events:
                break
        return
    response = raw_stream(chat, run.prompt())
    if run.chance.random() < 0.3:
        references.append(response)
    for number, _ in enumerate(response["stream"]):
        if number == events:
            break


def _interrupt(run: Program, chat: ChatBedrockConverse) -> None:
    events = run.chance.randint(0, 12)
    try:
        for number, _ in enumerate(raw_stream(chat, run.prompt())["stream"]):
            if number == events:
                signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        pass


def raw_stream(chat: ChatBedrockConverse, prompt: str) -> Any:  # noqa: ANN401
    """Return the response of ConverseStream by the chat's own client."""
    return chat.client.converse_stream(
        modelId=chat.model_id,
        messages=[{"role": "user", "content": [{"text": prompt}]}],
        inferenceConfig={"maxTokens": 60},
    )


if __name__ == "__main__":
    main()
