"""Applications that change logging or stdout, before they connect or afterwards.

Each set-up of logging_setups.py is a child of its own, forked before anything is connected, because
most of them cannot be undone.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tenant_bedrock import connect
from tools.bench.record_programs import program
from tools.bench.record_programs.logging_setups import SETUPS

if TYPE_CHECKING:
    from tools.bench.record_programs.program import Program

THREADS = 2


def main() -> None:
    """Fork a child for each set-up and order, and share the calls out among them."""
    run = program.start()
    children = [(name, is_first) for name in SETUPS for is_first in (True, False)]
    calls = run.calls // len(children)
    for name, is_first in children:
        child = os.fork()
        if child == 0:
            run.calls = calls - 1
            _call(run, name, is_first)
            sys.exit()
        _, status = os.waitpid(child, 0)
        if code := os.waitstatus_to_exitcode(status):
            verb = "hung" if code == program.HUNG else f"ended with {code}"
            raise SystemExit(f"The child with the set-up {name} {verb}.")


def _call(run: Program, name: str, is_first: bool) -> None:
    """Make calls, the last of which is a stream that is open at the end."""
    if is_first:
        SETUPS[name]()
    chat = connect().chat("claude", max_tokens=60)
    if not is_first:
        SETUPS[name]()
    run.in_threads(THREADS, lambda: chat.invoke(run.prompt()))
    stream = chat.stream(run.prompt())
    next(stream)


if __name__ == "__main__":
    main()
