"""The aws provider as one process for all Terraform commands of a test process.

Terraform starts the provider anew for every command, which takes half of a plan's time. A provider
that is already running is attached instead:
https://developer.hashicorp.com/terraform/plugin/debugging#terraform-cli-environment-variables
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = """\
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}
"""
# The shell kills the provider when its input ends, so that none outlives the tests.
SCRIPT = '"$0" -debug < /dev/null & read -r _; kill $!'


class AttachedProvider:
    """Runs the provider in one folder, with the AWS settings of one process environment, at a time."""

    def __init__(self, terraform: str) -> None:
        self._terraform = terraform
        self._process: subprocess.Popen[str] | None = None
        self._settings: tuple[Path, dict[str, str]] | None = None
        self._binary = ""
        self._address = ""

    def address(self, folder: Path, environment: Mapping[str, str]) -> str:
        """The value of TF_REATTACH_PROVIDERS for commands that run in ``folder`` and ``environment``."""
        aws = {name: value for name, value in environment.items() if name.startswith("AWS_")}
        if self._settings != (folder, aws):
            self.stop()
            self._start(folder, environment)
            self._settings = folder, aws
        return self._address

    def stop(self) -> None:
        """End the provider."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _start(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._binary = self._binary or self._find(environment)
        self._process = subprocess.Popen(
            ["sh", "-c", SCRIPT, self._binary],
            cwd=folder,  # it opens the function's zip by a relative path
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self._process.stdout or ():
            if match := re.search(r"TF_REATTACH_PROVIDERS='(.+)'", line):
                self._address = match[1]
                return
        raise AssertionError("The aws provider ended before it said how to attach it.")

    def _find(self, environment: Mapping[str, str]) -> str:
        """The path of the provider that `terraform init` chooses."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "main.tf").write_text(ROOT)
            subprocess.run(
                [self._terraform, "init", "-no-color"],
                cwd=folder,
                env={**environment, "TF_DATA_DIR": "data"},
                check=True,
                capture_output=True,
            )
            [binary] = folder.glob("data/providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
            return str(binary.resolve())
