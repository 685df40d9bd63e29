"""One ``generate`` and one ``abatch`` of many prompts, whose answers must all have their receipt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from langchain_core.messages import HumanMessage

from tenant_bedrock import connect
from tools.bench.record_programs import program

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.messages import BaseMessage

GENERATE_SHARE = 9  # of 13,500 calls, 1,500 are of ``generate`` and 12,000 of ``abatch``


def main() -> None:
    """Make all calls in two batches."""
    run = program.start()
    chat = connect().chat("claude", max_tokens=10)
    count = run.calls // GENERATE_SHARE
    prompts: list[list[BaseMessage]] = [[HumanMessage(run.prompt())] for _ in range(count)]
    results = chat.generate(prompts).generations
    _check(result[0].message for result in results)  # type: ignore[union-attr]
    batch: list[object] = [run.prompt() for _ in range(run.calls - count)]
    _check(asyncio.run(chat.abatch(batch, {"max_concurrency": 8})))  # type: ignore[arg-type]


def _check(messages: Iterable[BaseMessage]) -> None:
    ids = [message.response_metadata["record"]["id"] for message in messages]
    assert len(set(ids)) == len(ids)


if __name__ == "__main__":
    main()
