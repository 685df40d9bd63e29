"""What the tests of the bench share."""

import json
import subprocess

import pytest

from tools.bench import RESULTS
from tools.paths import ROOT


@pytest.fixture(scope="module")
def run_small():
    """Runs a section of the bench as a person starts it; an earlier run's figures are left as they were.

    Returns what it prints, and the figures it writes.
    """
    kept = {}

    def run(section, *options):
        file = RESULTS / f"{section}.json"
        kept[file] = file.read_text() if file.is_file() else None
        command = ["make", "bench", f"ONLY={section}", "RUNS=1", *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout, json.loads(file.read_text())

    yield run
    for file, figures in kept.items():
        if figures is not None:
            file.write_text(figures)
