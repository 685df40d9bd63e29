"""Children of a process that makes calls: by os.fork and by multiprocessing, ended in several ways."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from tenant_bedrock import connect
from tools.bench.record_programs import program

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_aws import ChatBedrockConverse

    from tools.bench.record_programs.program import Program

THREADS = 4
CALLS_OF_A_CHILD = 4
ENDS = ("os._exit", "sys.exit", "SIGTERM", "SIGTERM by its parent")


def main() -> None:
    """Fork children while threads of this process make calls; half of the calls are the children's."""
    run = program.start()
    chat = connect().chat("claude", max_tokens=60)
    chat.invoke(run.prompt())
    children = max(1, run.calls // 2 // CALLS_OF_A_CHILD)
    threads = [
        threading.Thread(target=_invoke, args=(run, chat, run.calls // 2 // THREADS))
        for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for number in range(children):
        end = ENDS[number % len(ENDS)]
        if number % 3 == 0:
            _fork(run, chat, end)
        elif number % 3 == 1:
            _start(multiprocessing.get_context("fork"), _child, run, chat, end)
        else:
            _start(multiprocessing.get_context("spawn"), _new_child, run, chat, end)
    for thread in threads:
        thread.join()


def _invoke(run: Program, chat: ChatBedrockConverse, calls: int) -> None:
    for _ in range(calls):
        chat.invoke(run.prompt())


def _fork(run: Program, chat: ChatBedrockConverse, end: str) -> None:
    child = os.fork()
    if child == 0:
        _child(run, chat, end)
        sys.exit()
    if end == "SIGTERM by its parent":
        time.sleep(run.chance.uniform(0.01, 0.5))
        os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    _check(os.waitstatus_to_exitcode(status), end)


def _start(
    context: multiprocessing.context.BaseContext,
    target: Callable[..., None],
    run: Program,
    chat: ChatBedrockConverse,
    end: str,
) -> None:
    is_spawned = target is _new_child
    arguments = (run.run, sys.argv, end) if is_spawned else (run, chat, end)
    child = context.Process(target=target, args=arguments)  # type: ignore[attr-defined]
    child.start()
    if end == "SIGTERM by its parent":
        # A spawned process must first import the package, so that its calls are interrupted at all.
        time.sleep(run.chance.uniform(1.5, 3.0) if is_spawned else run.chance.uniform(0.01, 0.5))
        child.terminate()
    child.join()
    _check(child.exitcode, end)


def _check(code: int | None, end: str) -> None:
    # A child may have ended by itself before its parent's signal.
    expected = {"SIGTERM": {-signal.SIGTERM}, "SIGTERM by its parent": {0, -signal.SIGTERM}}
    if code == program.HUNG:
        raise SystemExit(f"A child that ends by {end} hung.")
    if code not in expected.get(end, {0}):
        raise SystemExit(f"A child that ends by {end} ended with {code}.")


def _new_child(name: str, arguments: list[str], end: str) -> None:
    """Begin anew, as a process that shares nothing with its parent."""
    sys.argv = arguments
    run = program.start()
    run.run = f"{name} spawned"
    _child(run, connect().chat("claude", max_tokens=60), end)


def _child(run: Program, chat: ChatBedrockConverse, end: str) -> None:
    """Make calls, the last of which is a stream that is open at the end."""
    for _ in range(CALLS_OF_A_CHILD - 1):
        chat.invoke(run.prompt())
    stream = chat.stream(run.prompt())
    next(stream)
    if end == "os._exit":
        os._exit(0)
    if end == "sys.exit":
        sys.exit()
    if end == "SIGTERM":
        signal.raise_signal(signal.SIGTERM)
    # Otherwise it ends by returning, unless its parent's signal comes first.


if __name__ == "__main__":
    main()
