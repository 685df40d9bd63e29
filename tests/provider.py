"""The aws provider as few processes for all Terraform commands of a test process; see attached/provider.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(__file__).parent / "attached" / "provider.py"
# Tests change between the operations root and some customers'; each provider takes 0.2 GB of memory.
MOST = 4


class AttachedProviders:
    """Runs a provider for each AWS and the settings with which it is reached, as many as were used last."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._running: dict[tuple[Path | None, str], tuple[subprocess.Popen[str], str]] = {}

    def address(self, folder: Path, environment: Mapping[str, str]) -> str:
        """The value of TF_REATTACH_PROVIDERS for commands that run in ``folder`` and ``environment``."""
        aws = sorted(item for item in environment.items() if item[0].startswith("AWS_"))
        # Without an AWS nothing is applied, so the provider opens no file of the folder.
        settings = (folder if "AWS_ENDPOINT_URL" in environment else None), repr(aws)
        running = self._running.pop(settings, None) or self._started(folder, environment)
        self._running[settings] = running  # as the last one
        if len(self._running) > MOST:
            self._stop(next(iter(self._running)))
        return running[1]

    def stop(self) -> None:
        """End all providers."""
        for settings in list(self._running):
            self._stop(settings)

    def _stop(self, settings: tuple[Path | None, str]) -> None:
        process, _ = self._running.pop(settings)
        process.terminate()
        process.communicate()

    def _started(
        self, folder: Path, environment: Mapping[str, str]
    ) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self._binary), str(os.getpid())],
            cwd=folder,  # it opens the function's zip by a relative path
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise AssertionError("The aws provider ended before it said how to attach it.")
        return process, address
