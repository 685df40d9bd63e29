import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.paths import ROOT

PARTS = (
    ".terraform-version",
    "Makefile",
    "README.md",
    "tools",
    "environments",
    "lambda",
    "modules",
    "pyproject.toml",
    "requirements-dev.txt",
)
UNWANTED = shutil.ignore_patterns("__pycache__", ".terraform*")


@dataclass(frozen=True)
class Checkout:
    """A copy of the project, so that a test may add tenants and apply without touching this one."""

    root: Path

    def shell(self, command, **environment):
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.root,
            env={
                **os.environ,
                "HOME": str(self.root),
                "NO_COLOR": "1",
                "COLUMNS": "240",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, command, **environment):
        """What a command printed; the test fails with its words if it failed."""
        run = self.shell(command, **environment)
        assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
        return run.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkout")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, symlinks=True, ignore=UNWANTED)
        else:
            shutil.copy(ROOT / name, root / name)
    (root / ".terraform-version").write_text((ROOT / ".terraform-version").read_text())
    # Made once for all: the virtual environment, and the zip that is built from the same sources.
    (root / ".venv").symlink_to(ROOT / ".venv")
    (root / "build").symlink_to(ROOT / "build")
    copy = Checkout(root)
    yield copy
    copy.shell("make down")
