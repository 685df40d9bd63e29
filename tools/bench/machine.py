"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """The processor, how busy it is, and this Python."""
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "cpu": _cpu(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
    }


def in_words(machine: dict[str, Any]) -> str:
    """The same in a line."""
    load = " ".join(f"{value:.1f}" for value in machine["load"])
    return f"{machine['cores']} cores, {machine['cpu']}, load {load}"


def _cpu() -> str:
    """The processor's name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
