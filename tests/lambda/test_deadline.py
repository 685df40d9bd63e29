"""A deadline can be set again, cancelled, and set in a forked process."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from tenant_bedrock.deadline import Deadline

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"

FORKS = """
import os, time
from tenant_bedrock.deadline import Deadline

deadline = Deadline(lambda: os.write(1, b"reached "))
deadline.set(time.monotonic())
time.sleep(0.2)
if os.fork() == 0:
    deadline.set(time.monotonic())
    time.sleep(0.2)
    os._exit(0)
os.wait()
"""


def test_only_the_last_time_counts() -> None:
    reached = threading.Event()
    deadline = Deadline(reached.set)

    deadline.set(time.monotonic() + 0.1)
    deadline.set(math.inf)
    assert not reached.wait(0.2)

    deadline.set(time.monotonic() + 60)
    deadline.set(time.monotonic() + 0.05)
    assert reached.wait(5)


def test_it_can_be_set_in_a_forked_process() -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORKS],
        env={"PATH": os.defpath, "PYTHONPATH": str(LAMBDA)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout == "reached reached ", run.stderr
