"""Installs a hash-locked requirements file and reports progress. Uses the standard library only."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class PipError(Exception):
    """The packages could not be installed; the message is the last lines that pip printed."""


def install(
    python: Path | str, lock: Path, options: list[str], progress: Callable[[str], None]
) -> dict[str, str]:
    """Install every package in ``lock`` after checking its hash.

    Returns the SHA-256 of each package's wheel in hexadecimal digits, by the package's name as pip writes it:
    https://pip.pypa.io/en/stable/reference/installation-report/

    Raises:
        PipError: pip failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        _run(python, lock, [*options, f"--report={report}"], progress)
        installed = json.loads(report.read_text())["install"]
    return {
        item["metadata"]["name"]: _sha256(item["download_info"]["archive_info"])
        for item in installed
    }


def _sha256(archive: dict[str, Any]) -> str:
    """Return the SHA-256 of an archive; pip before 23.1 writes it in the one key ``hash``.

    https://packaging.python.org/en/latest/specifications/direct-url-data-structure/#archive-urls
    """
    digest: str = archive.get("hashes", {}).get("sha256") or archive["hash"]
    return digest.removeprefix("sha256=")


def _run(
    python: Path | str, lock: Path, options: list[str], progress: Callable[[str], None]
) -> None:
    total = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    verification = ["--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]
    process = subprocess.Popen(
        [python, "-m", "pip", "install", *verification, *options, "--requirement", lock],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    packages = 0
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("Collecting "):
            packages += 1
            if packages % 20 == 0:
                progress(f"  {packages} of {total}")
    if process.wait() != 0:
        raise PipError("".join(lines[-10:]))
