"""The platforms that a zip is built for."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tools.command_error import CommandError

RUNTIME = "3.13"
HOST_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Lambda's python3.13 runs on Amazon Linux 2023, which has glibc 2.34; wheels for older versions run there.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


class PackageError(CommandError):
    """The zip cannot be built; the message is a sentence."""


@dataclass(frozen=True)
class Variant:
    """A Lambda architecture, or this machine (``host``).

    ``release`` is the Python version of the host's variant, which is this Python's by default.
    """

    architecture: str
    release: str = HOST_PYTHON

    @property
    def python(self) -> str:
        """The Python version, ``major.minor``."""
        return self.release if self.architecture == "host" else RUNTIME

    @property
    def name(self) -> str:
        """The zip's name, without its suffix."""
        return f"tenant-bedrock-{self.architecture}-py{self.python}"

    def pip_options(self) -> list[str]:
        """Return the options that select the wheels; by default pip takes those of the running Python."""
        if self.architecture == "host":
            here = self.python == HOST_PYTHON
            return [] if here else [f"--python-version={self.python}", "--implementation=cp"]
        platforms = [f"--platform={glibc}_{MACHINES[self.architecture]}" for glibc in GLIBC]
        return [f"--python-version={self.python}", "--implementation=cp", *platforms]
