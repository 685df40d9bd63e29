"""A local AWS in a process of its own, which does not share the interpreter lock of the bench."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serve() -> Iterator[str]:
    """Yield the URL of an empty local AWS, which stops at the end of the ``with`` block.

    Raises:
        CommandError: It did not start.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = Path(folder, "state.json")
        server = subprocess.Popen(
            [sys.executable, "-m", "tools.localaws", "serve", "--state", state], cwd=ROOT
        )
        try:
            while not state.is_file():
                if server.poll() is not None:
                    raise CommandError("The local AWS did not start; its error is printed above.")
                time.sleep(0.05)
            yield json.loads(state.read_text())["url"]
        finally:
            server.terminate()
            server.wait()
