"""Twelve threads make calls until SIGTERM comes at a moment drawn by chance."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from tenant_bedrock import connect
from tools.bench.record_programs import program

if TYPE_CHECKING:
    from langchain_aws import ChatBedrockConverse

    from tools.bench.record_programs.program import Program

THREADS = 12


def main() -> None:
    """Connect in the main thread or in another, call, and send SIGTERM to this process."""
    run = program.start()
    connected: list[ChatBedrockConverse] = []

    def open_connection() -> None:
        connected.append(connect().chat("claude", max_tokens=60))

    if run.chance.random() < 0.5:
        open_connection()
    else:
        opener = threading.Thread(target=open_connection)
        opener.start()
        opener.join()
    connected[0].invoke(run.prompt())
    for number in range(THREADS):
        arguments = (run, connected[0], number)
        threading.Thread(target=_call, args=arguments, daemon=True).start()
    time.sleep(run.chance.uniform(0.02, 1.0) * (4 if run.size else 1))
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)  # the signal ends the process; otherwise it has survived it
    raise SystemExit("The process survived SIGTERM.")


def _call(run: Program, chat: ChatBedrockConverse, number: int) -> None:
    while True:
        if number % 3 == 0:
            for _ in chat.stream(run.prompt()):
                time.sleep(0.001)
        else:
            chat.invoke(run.prompt())


if __name__ == "__main__":
    main()
