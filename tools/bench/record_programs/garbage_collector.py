"""Streams that time out are left to the garbage collector, which runs in any thread at any moment.

Each caught error is in a list that it refers to, so only the collector frees the stream that its
traceback holds. Three threads make calls meanwhile. The collector runs often: its thresholds are low, and
a tracer calls it at lines of the package, also where a lock is held.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tenant_bedrock
from tenant_bedrock import connect
from tools.bench.record_programs import program

if TYPE_CHECKING:
    from types import FrameType

    from langchain_aws import ChatBedrockConverse

    from tools.bench.record_programs.program import Program

TASKS = 12
THREADS = 3
SHARE_OF_LINES = 0.05


def main() -> None:
    """Leave half of the calls as streams in twelve tasks, and make the others in three threads."""
    run = program.start()
    chat = connect().chat("claude", max_tokens=60)
    chat.invoke(run.prompt())  # makes the first call's imports, which take long
    # Python collects the oldest generation only when it has grown by a quarter, which the objects of all
    # imported modules would make rare.
    gc.freeze()
    gc.set_threshold(run.chance.randint(5, 100), run.chance.randint(1, 3), 2)
    _collect_at_lines_of_the_package(run)
    threads = [
        threading.Thread(target=_invoke, args=(run, chat, run.calls // 2 // THREADS))
        for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    asyncio.run(_leave_streams(run, chat, run.calls // 2 // TASKS))
    for thread in threads:
        thread.join()


def _collect_at_lines_of_the_package(run: Program) -> None:
    package = str(Path(tenant_bedrock.__file__).parent)

    def at_line(_: FrameType, event: str, __: Any) -> Any:  # noqa: ANN401 - typeshed's own signature
        if event == "line" and run.chance.random() < SHARE_OF_LINES:
            gc.collect()
        return at_line

    def at_call(frame: FrameType, _: str, __: Any) -> Any:  # noqa: ANN401
        return at_line if frame.f_code.co_filename.startswith(package) else None

    threading.settrace(at_call)
    sys.settrace(at_call)


def _invoke(run: Program, chat: ChatBedrockConverse, calls: int) -> None:
    for _ in range(calls):
        chat.invoke(run.prompt())


async def _leave_streams(run: Program, chat: ChatBedrockConverse, calls: int) -> None:
    async def leave_some() -> None:
        for _ in range(calls):
            await _leave(run, chat)

    await asyncio.gather(*(leave_some() for _ in range(TASKS)))


async def _leave(run: Program, chat: ChatBedrockConverse) -> None:
    stream = chat.astream(run.prompt())  # the variable is in the traceback
    longest_pause = run.chance.choice([0, 0, 0.03])
    try:
        async with asyncio.timeout(run.chance.uniform(0.02, 0.25)):
            async for _ in stream:
                await asyncio.sleep(run.chance.uniform(0, longest_pause))
    except TimeoutError as error:
        errors = [error]
        error.errors = errors  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
