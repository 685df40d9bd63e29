"""The version of the release, which pyproject.toml states, and the files that repeat it.

A module is copied and published alone, and the package is unpacked from a zip, so neither can read pyproject.toml.
`make docs` writes the files, and a test compares them.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from tools.paths import MODULES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

_TERRAFORM = """\
# `make docs` writes this file. The version is that of pyproject.toml, which a copy of
# the module does not have beside it.
locals {{
  release = "{version}"
}}
"""
_PYTHON = '''\
"""The version of the package, which `make docs` writes from pyproject.toml."""

__version__ = "{version}"
'''
_TEXTS = {
    MODULES / "customer-deployer" / "policies" / "release.tf": _TERRAFORM,
    MODULES / "customer-workload" / "release.tf": _TERRAFORM,
    MODULES / "operations-guard" / "release.tf": _TERRAFORM,
    MODULES / "operations-role" / "release.tf": _TERRAFORM,
    ROOT / "lambda" / "tenant_bedrock" / "version.py": _PYTHON,
}


def release_version() -> str:
    """Return the semantic version (https://semver.org) of this code, such as "1.2.3"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def version_files() -> dict[Path, str]:
    """Return the text of each file that repeats the version."""
    version = release_version()
    return {file: text.format(version=version) for file, text in _TEXTS.items()}
