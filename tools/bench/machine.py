"""The machine that the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def describe() -> dict[str, Any]:
    """Return the processor, the number of usable cores, the load averages and the Python version."""
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "cpu": _cpu(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
    }


def in_words(machine: Mapping[str, Any]) -> str:
    """Return the same in one line."""
    load = " ".join(f"{value:.1f}" for value in machine["load"])
    return f"{machine['cores']} cores, {machine['cpu']}, load {load}"


def _cpu() -> str:
    """Return the processor's model on Linux, and its architecture elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
