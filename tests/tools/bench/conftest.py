"""A fixture that runs `make bench`."""

import json
import subprocess

import pytest

from tools.bench import RESULTS
from tools.paths import ROOT


@pytest.fixture(scope="module")
def run_small():
    """Runs a section as `make bench` does, and returns what it prints and the figures that it writes.

    The figures of an earlier run are restored afterwards.
    """
    earlier = {}

    def run(section, *options):
        file = RESULTS / f"{section}.json"
        earlier[file] = file.read_text() if file.is_file() else None
        command = ["make", "bench", f"ONLY={section}", "RUNS=1", *options]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return process.stdout, json.loads(file.read_text())

    yield run
    for file, figures in earlier.items():
        if figures is not None:
            file.write_text(figures)
