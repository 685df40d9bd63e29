"""Sections that compare our handler with raw boto3 and with the usual LangChain handler.

The three take turns, so that other load on the machine affects all of them. Times are those of
Lambda's own report, which the local AWS writes as Lambda does: from the event that the runtime
interface client receives until it requests the next one.
"""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from tools.bench.figures import Figure, Goal, Section
from tools.bench.lab import lab
from tools.bench.local_tenant import LOG
from tools.bench.zips import build
from tools.cli.console import progress
from tools.packaging import build as package
from tools.packaging.variant import MACHINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from tools.bench.lab import Lab

TURNS = ("usual", "raw", "ours")  # raw and ours, whose difference counts, are next to each other
PROMPT = {"prompt": "What is a confused deputy?"}
# The local AWS's answer quotes the prompt, in at most 40 chunks.
SHORT = {"prompt": "word", "stream": True, "times": 5}
LONG = {"prompt": "word " * 25, "stream": True, "times": 5}
SERIES = {**PROMPT, "times": 20}
WARM_UP = 10
ACTIONS = ("sts:AssumeRole", "logs:PutLogEvents")

READY_TIMES_RAW = 2.0
ZIP_MEGABYTES = 12.5
WARM_EXTRA_MS = 1.0
CHUNK_EXTRA_MS = 0.05


def measure(name: str, options: argparse.Namespace) -> Section:
    """Run a section with the number of turns in the options, or with its own number."""
    section, default_runs = SECTIONS[name]
    with lab(build(progress)) as functions:
        return section(functions, options.runs or default_runs)


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
    goal = Goal("the cold start, compared with raw boto3's", times, READY_TIMES_RAW, "times")
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
    calls = {variant: _calls(functions, variant) for variant in TURNS}
    figures = [
        Figure("warm invocation", "ms", durations),
        Figure("one answer of many", "ms", series),
    ]
    for action in ACTIONS:
        samples = {variant: [calls[variant][action]] for variant in TURNS}
        figures.append(Figure(f"{action} per warm invocation", "calls", samples))
    assumptions = calls["ours"]["sts:AssumeRole"]
    goals = [
        Goal("LangChain and the record in an answer", _median_extra(series), WARM_EXTRA_MS, "ms"),
        Goal("calls of STS in a warm invocation", assumptions, 0, "calls"),
    ]
    return Section(figures, goals)


def stream(functions: Lab, runs: int) -> Section:
    """Measure a long and a short stream; their difference gives the time per chunk."""
    _warm_up(functions, LONG)
    short_chunks, long_chunks = (
        functions.invoke("ours", event).answer["chunks"] for event in (SHORT, LONG)
    )
    short, long = _by_variant(), _by_variant()
    for _ in range(runs):
        for event, durations in ((SHORT, short), (LONG, long)):
            for variant in TURNS:
                durations[variant] += functions.invoke(variant, event).answer["milliseconds"]
    figures = [
        Figure(f"stream of {short_chunks} chunks", "ms", short),
        Figure(f"stream of {long_chunks} chunks", "ms", long),
    ]
    differences = {
        variant: [b - a for a, b in zip(short[variant], long[variant], strict=True)]
        for variant in TURNS
    }
    extra = _median_extra(differences) / (long_chunks - short_chunks)
    goal = Goal("a chunk, in addition to raw boto3's time", extra, CHUNK_EXTRA_MS, "ms")
    return Section(figures, [goal])


def memory(functions: Lab, runs: int) -> Section:
    """Measure the most memory that an execution environment has used after some invocations."""
    peaks = _by_variant()
    for variant in TURNS:
        functions.renew(variant)
        for _ in range(runs):
            used = functions.invoke(variant, PROMPT).memory
        peaks[variant].append(used)
    return Section([Figure("peak memory", "MB", peaks)], [])


def size(functions: Lab, runs: int) -> Section:  # noqa: ARG001 - all sections have the same parameters
    """Compare the sizes of the zips; ours is the one for arm64."""
    samples = {name: [path.stat().st_size / 1e6] for name, path in build(progress).items()}
    ours = {name: package.build(name, progress).stat().st_size / 1e6 for name in MACHINES}
    goals = [Goal(f"the zip for {name}", size, ZIP_MEGABYTES, "MB") for name, size in ours.items()]
    return Section([Figure("zip", "MB", {**samples, "ours": [ours["arm64"]]})], goals)


SECTIONS: dict[str, tuple[Callable[[Lab, int], Section], int]] = {
    "cold": (cold, 15),
    "warm": (warm, 40),
    "stream": (stream, 20),
    "memory": (memory, 20),
    "size": (size, 1),
}


def _median_extra(samples: dict[str, list[float]]) -> float:
    """Return the median of the differences between ours and raw, each taken in the same turn."""
    pairs = zip(samples["ours"], samples["raw"], strict=True)
    return statistics.median(ours - raw for ours, raw in pairs)


def _by_variant() -> dict[str, list[float]]:
    return {variant: [] for variant in TURNS}


def _warm_up(functions: Lab, event: dict[str, Any]) -> None:
    for _ in range(WARM_UP):
        for variant in TURNS:
            functions.invoke(variant, event)


def _calls(functions: Lab, variant: str) -> dict[str, float]:
    """Return the number of calls to AWS per warm invocation, by action."""
    before = len(functions.control.calls())
    for _ in range(WARM_UP):
        functions.invoke(variant, PROMPT)
    actions = Counter(
        call.action
        for call in functions.control.calls()[before:]
        # The platform writes the function's log after the invocation.
        if LOG not in (call.resource or "")
    )
    return {action: actions[action] / WARM_UP for action in ACTIONS}
