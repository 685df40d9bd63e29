"""Sections that compare our handler with raw boto3 and with the usual LangChain handler.

The three take turns, so that other load on the machine affects all of them. Times are those of
Lambda's own report, which the local AWS writes as Lambda does: from the event that the runtime
interface client receives until it requests the next one.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.bench.goals import Goal
from tools.bench.lab import lab
from tools.bench.local_tenant import LOG
from tools.bench.zips import build
from tools.cli.console import progress
from tools.packaging import build as package
from tools.packaging.variant import MACHINES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.bench.lab import Lab

VARIANTS = ("raw", "naive", "ours")
TURNS = ("naive", "raw", "ours")  # raw and ours, whose difference counts, are next to each other
PROMPT = {"prompt": "What is a confused deputy?"}
# The local AWS's answer quotes the prompt, in at most 40 chunks.
SHORT = {"prompt": "word", "stream": True, "times": 5}
LONG = {"prompt": "word " * 25, "stream": True, "times": 5}
SERIES = {**PROMPT, "times": 20}
ENVIRONMENTS = 16
WARM_UP = 10
ACTIONS = ("sts:AssumeRole", "logs:PutLogEvents")

READY_TIMES_RAW = 2.0
ZIP_MEGABYTES = 12.5
WARM_EXTRA_MS = 1.0
CHUNK_EXTRA_MS = 0.05


@dataclass(frozen=True)
class Figure:
    """One line of the table: the samples of each variant, in ``unit``."""

    name: str
    unit: str
    samples: dict[str, list[float]]

    def median(self, variant: str) -> float:
        """Return the median."""
        return statistics.median(self.samples[variant])

    def p99(self, variant: str) -> float:
        """Return the 99th percentile, which of fewer than a hundred samples is the greatest."""
        ordered = sorted(self.samples[variant])
        return ordered[max(0, -(-99 * len(ordered) // 100) - 1)]


@dataclass(frozen=True)
class Section:
    """The figures of one section, and the goals that they show."""

    figures: list[Figure]
    goals: list[Goal]


def measure(names: Sequence[str], runs: int | None) -> dict[str, Section]:
    """Run these sections with ``runs`` turns each, or with each section's own number of turns."""
    sections = {}
    with lab(build(progress)) as functions:
        for name in names:
            progress(f"Measuring: {name}")
            section, default_runs = SECTIONS[name]
            sections[name] = section(functions, runs or default_runs)
    return sections


def cold(functions: Lab, runs: int) -> Section:
    """Measure the time from the start of the process until it requests an event, and its first answer."""
    ready, first = _by_variant(), _by_variant()
    for _ in range(runs):
        for variant in TURNS:
            functions.renew(variant)
            invocation = functions.invoke(variant, PROMPT)
            init = invocation.init or 0.0
            ready[variant].append(init)
            first[variant].append(init + invocation.duration)
    figure = Figure("cold start until ready", "ms", ready)
    times = figure.median("ours") / figure.median("raw")
    goal = Goal(
        f"the cold start takes at most {READY_TIMES_RAW:.1f} times as long as raw boto3's",
        f"{times:.2f} times",
        times <= READY_TIMES_RAW,
    )
    return Section([figure, Figure("cold start and first answer", "ms", first)], [goal])


def warm(functions: Lab, runs: int) -> Section:
    """Measure a warm invocation, its calls to AWS, and a series of answers in one invocation.

    The cost of LangChain and the record is taken from the series, because other processes use the
    processor's caches between two invocations.
    """
    _warm_up(functions, PROMPT)
    durations, series = _by_variant(), _by_variant()
    for _ in range(runs):
        for variant in TURNS:
            durations[variant].append(functions.invoke(variant, PROMPT).duration)
        for variant in TURNS:
            series[variant] += functions.invoke(variant, SERIES).answer["milliseconds"]
    calls = {variant: _calls(functions, variant) for variant in VARIANTS}
    extra = _median_extra(series)
    assumptions = calls["ours"]["sts:AssumeRole"]
    return Section(
        [
            Figure("warm invocation", "ms", durations),
            Figure("one answer of a series", "ms", series),
            *(
                Figure(
                    f"{action} per warm invocation",
                    "calls",
                    {variant: [calls[variant][action]] for variant in VARIANTS},
                )
                for action in ACTIONS
            ),
        ],
        [
            Goal(
                f"LangChain and the record add at most {WARM_EXTRA_MS:.1f} ms to an answer",
                f"{extra:+.2f} ms",
                extra <= WARM_EXTRA_MS,
            ),
            Goal(
                "a warm invocation does not call STS",
                f"{assumptions:g} calls",
                assumptions == 0,
            ),
        ],
    )


def stream(functions: Lab, runs: int) -> Section:
    """Measure a long and a short stream; their difference gives the time per chunk."""
    _warm_up(functions, LONG)
    durations = {"short": _by_variant(), "long": _by_variant()}
    chunks = {}
    for _ in range(runs):
        for length, event in (("short", SHORT), ("long", LONG)):
            for variant in TURNS:
                answer = functions.invoke(variant, event).answer
                durations[length][variant] += answer["milliseconds"]
                chunks[length] = answer["chunks"]
    figures = [
        Figure(f"stream of {chunks[length]} chunks", "ms", durations[length])
        for length in ("short", "long")
    ]
    differences = {
        variant: [
            long - short
            for long, short in zip(
                durations["long"][variant], durations["short"][variant], strict=True
            )
        ]
        for variant in VARIANTS
    }
    extra = _median_extra(differences) / (chunks["long"] - chunks["short"])
    goal = Goal(
        f"a chunk takes at most {CHUNK_EXTRA_MS:.2f} ms longer than raw boto3's",
        f"{extra:+.3f} ms",
        extra <= CHUNK_EXTRA_MS,
    )
    return Section(figures, [goal])


def concurrency(functions: Lab, runs: int) -> Section:
    """Measure many execution environments at once, all of them cold and then all of them warm."""
    cold_starts, durations = _by_variant(), _by_variant()
    with ThreadPoolExecutor(ENVIRONMENTS) as callers:
        for variant in VARIANTS:
            functions.renew(variant)
            started = time.perf_counter()
            list(
                callers.map(
                    lambda _, name=variant: functions.invoke(name, PROMPT), range(ENVIRONMENTS)
                )
            )
            cold_starts[variant].append((time.perf_counter() - started) * 1000)
        for _ in range(runs):
            for variant in VARIANTS:
                durations[variant] += callers.map(
                    lambda _, name=variant: functions.invoke(name, PROMPT).duration,
                    range(ENVIRONMENTS),
                )
    return Section(
        [
            Figure(
                f"{ENVIRONMENTS} cold starts at once, until all have answered", "ms", cold_starts
            ),
            Figure(f"{ENVIRONMENTS} warm invocations at once, each", "ms", durations),
        ],
        [],
    )


def memory(functions: Lab, runs: int) -> Section:
    """Measure the most memory that an execution environment has used after some invocations."""
    peaks = _by_variant()
    for variant in VARIANTS:
        functions.renew(variant)
        for _ in range(runs):
            used = functions.invoke(variant, PROMPT).memory
        peaks[variant].append(used)
    return Section([Figure("peak memory", "MB", peaks)], [])


def size(functions: Lab, runs: int) -> Section:  # noqa: ARG001 - all sections have the same parameters
    """Compare the sizes of the zips; ours is the one for arm64."""
    samples = {variant.name: [variant.megabytes] for variant in build(progress)}
    megabytes = {
        architecture: package.build(architecture, progress).stat().st_size / 1e6
        for architecture in MACHINES
    }
    goal = Goal(
        f"the zip has at most {ZIP_MEGABYTES} MB",
        ", ".join(f"{size:.2f} MB for {name}" for name, size in megabytes.items()),
        max(megabytes.values()) <= ZIP_MEGABYTES,
    )
    return Section([Figure("zip", "MB", {**samples, "ours": [megabytes["arm64"]]})], [goal])


SECTIONS: dict[str, tuple[Callable[[Lab, int], Section], int]] = {
    "cold": (cold, 15),
    "warm": (warm, 40),
    "stream": (stream, 20),
    "concurrency": (concurrency, 10),
    "memory": (memory, 20),
    "size": (size, 1),
}


def _median_extra(samples: dict[str, list[float]]) -> float:
    """Return the median of the differences between ours and raw, each taken in the same turn."""
    pairs = zip(samples["ours"], samples["raw"], strict=True)
    return statistics.median(ours - raw for ours, raw in pairs)


def _by_variant() -> dict[str, list[float]]:
    return {variant: [] for variant in VARIANTS}


def _warm_up(functions: Lab, event: dict[str, Any]) -> None:
    for _ in range(WARM_UP):
        for variant in VARIANTS:
            functions.invoke(variant, event)


def _calls(functions: Lab, variant: str) -> dict[str, float]:
    """Return the number of calls to AWS per warm invocation, by action."""
    before = len(functions.control.calls())
    for _ in range(WARM_UP):
        functions.invoke(variant, PROMPT)
    actions = Counter(
        call.action
        for call in functions.control.calls()[before:]
        if LOG
        not in (call.resource or "")  # the platform writes the function's log after the invocation
    )
    return {action: actions[action] / WARM_UP for action in ACTIONS}
