"""Our handler beside the least and the usual one, in one run, each turn by turn with the others.

Times are those of Lambda's own report, which the local cloud writes as Lambda does: from the event
that the runtime interface client is given to its asking for the next.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.bench.goals import Goal
from tools.bench.lab import LOGGING, lab
from tools.bench.zips import build
from tools.cli.console import progress
from tools.packaging import build as package

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.bench.lab import Lab

VARIANTS = ("raw", "naive", "ours")
IN_TURN = ("naive", "raw", "ours")  # the two whose difference counts come right after each other
PROMPT = {"prompt": "What is a confused deputy?"}
# The local cloud's answer quotes the prompt, in at most 40 pieces.
SHORT = {"prompt": "word", "stream": True, "times": 5}
LONG = {"prompt": "word " * 25, "stream": True, "times": 5}
ROW = {**PROMPT, "times": 20}
AT_ONCE = 16
WARM_UP = 10
ACTIONS = ("sts:AssumeRole", "logs:PutLogEvents")

READY_TIMES_RAW = 2.0
ZIP_MEGABYTES = 12.0
WARM_EXTRA_MS = 1.0
CHUNK_EXTRA_MS = 0.05


@dataclass(frozen=True)
class Figure:
    """One line of the table: for each variant its samples, in ``unit``."""

    what: str
    unit: str
    samples: dict[str, list[float]]

    def median(self, variant: str) -> float:
        """The middle one."""
        return statistics.median(self.samples[variant])

    def p99(self, variant: str) -> float:
        """The one that a hundredth exceed; of fewer than a hundred, the greatest."""
        ordered = sorted(self.samples[variant])
        return ordered[max(0, -(-99 * len(ordered) // 100) - 1)]


@dataclass(frozen=True)
class Section:
    """What one section found."""

    figures: list[Figure]
    goals: list[Goal]


def measure(names: Sequence[str], runs: int | None) -> dict[str, Section]:
    """The sections of these names; ``runs`` turns each, or as many as the section needs."""
    zips = build(progress)
    with lab(zips) as running:
        return {name: _measured(name, running, runs) for name in names}


def _measured(name: str, running: Lab, runs: int | None) -> Section:
    progress(f"Measuring: {name}")
    section, usual = SECTIONS[name]
    return section(running, runs or usual)


def cold(running: Lab, runs: int) -> Section:
    """From the start of the process to its request for the first event, and that event."""
    ready, first = _by_variant(), _by_variant()
    for _ in range(runs):
        for variant in IN_TURN:
            running.renew(variant)
            run = running.invoke(variant, PROMPT)
            ready[variant].append(run.init or 0.0)
            first[variant].append((run.init or 0.0) + run.duration)
    shown = Figure("cold start until ready", "ms", ready)
    times = shown.median("ours") / shown.median("raw")
    goal = Goal(
        f"ready in at most {READY_TIMES_RAW:.1f} times raw boto3's time",
        f"{times:.2f} times",
        times <= READY_TIMES_RAW,
    )
    return Section([shown, Figure("cold start and first answer", "ms", first)], [goal])


def warm(running: Lab, runs: int) -> Section:
    """An invocation in an environment that has served others, its calls, and answers in a row.

    What LangChain and the record cost is told from answers in a row: between two invocations the
    environment is frozen and the processor's caches are others'.
    """
    _warm_up(running, PROMPT)
    took, in_a_row = _by_variant(), _by_variant()
    for _ in range(runs):
        for variant in IN_TURN:
            took[variant].append(running.invoke(variant, PROMPT).duration)
        for variant in IN_TURN:
            in_a_row[variant] += running.invoke(variant, ROW).answer["took"]
    calls = {variant: _calls(running, variant) for variant in VARIANTS}
    extra = _median_extra(in_a_row)
    own = calls["ours"]
    return Section(
        [
            Figure("warm invocation", "ms", took),
            Figure("one answer of many in a row", "ms", in_a_row),
            *(
                Figure(
                    f"{action} a warm invocation", "calls", {v: [calls[v][action]] for v in calls}
                )
                for action in ACTIONS
            ),
        ],
        [
            Goal(
                f"LangChain and the record take at most {WARM_EXTRA_MS:.1f} ms of an answer",
                f"{extra:+.2f} ms",
                extra <= WARM_EXTRA_MS,
            ),
            Goal(
                "a warm invocation asks STS for nothing",
                f"{own['sts:AssumeRole']:g} calls",
                own["sts:AssumeRole"] == 0,
            ),
        ],
    )


def stream(running: Lab, runs: int) -> Section:
    """A stream that is read to its end; what a chunk costs shows beside a stream of fewer chunks."""
    _warm_up(running, LONG)
    took = {"short": _by_variant(), "long": _by_variant()}
    chunks = {}
    for _ in range(runs):
        for length, event in (("short", SHORT), ("long", LONG)):
            for variant in IN_TURN:
                answer = running.invoke(variant, event).answer
                took[length][variant] += answer["took"]
                chunks[length] = answer["chunks"]
    shown = Figure(f"stream of {chunks['long']} chunks", "ms", took["long"])
    short = Figure(f"stream of {chunks['short']} chunks", "ms", took["short"])
    longer = {
        variant: [
            long - short
            for long, short in zip(took["long"][variant], took["short"][variant], strict=True)
        ]
        for variant in VARIANTS
    }
    extra = _median_extra(longer) / (chunks["long"] - chunks["short"])
    goal = Goal(
        f"a chunk takes at most {CHUNK_EXTRA_MS:.2f} ms longer than raw boto3's",
        f"{extra:+.3f} ms",
        extra <= CHUNK_EXTRA_MS,
    )
    return Section([short, shown], [goal])


def concurrency(running: Lab, runs: int) -> Section:
    """As many environments at once: all cold, then all warm."""
    started, took = _by_variant(), _by_variant()
    with ThreadPoolExecutor(AT_ONCE) as callers:
        for variant in VARIANTS:
            running.renew(variant)
            since = time.perf_counter()
            list(callers.map(lambda _, name=variant: running.invoke(name, PROMPT), range(AT_ONCE)))
            started[variant].append((time.perf_counter() - since) * 1000)
        for _ in range(runs):
            for variant in VARIANTS:
                done = callers.map(
                    lambda _, name=variant: running.invoke(name, PROMPT).duration, range(AT_ONCE)
                )
                took[variant] += done
    return Section(
        [
            Figure(f"{AT_ONCE} cold starts at once, until all have answered", "ms", started),
            Figure(f"{AT_ONCE} warm invocations at once, each", "ms", took),
        ],
        [],
    )


def memory(running: Lab, runs: int) -> Section:
    """The most memory an environment has used after some invocations."""
    most = _by_variant()
    for variant in VARIANTS:
        running.renew(variant)
        for _ in range(runs):
            used = running.invoke(variant, PROMPT).memory
        most[variant].append(used)
    return Section([Figure("peak memory", "MB", most)], [])


def size(running: Lab, runs: int) -> Section:  # noqa: ARG001 - every section is called alike
    """The zips; ours is the one for arm64."""
    megabytes = {one.name: [one.megabytes] for one in build(progress)}
    own = package.build("arm64", progress).stat().st_size / 1e6
    goal = Goal(
        f"the zip has at most {ZIP_MEGABYTES:.0f} MB", f"{own:.1f} MB", own <= ZIP_MEGABYTES
    )
    return Section([Figure("zip", "MB", {**megabytes, "ours": [own]})], [goal])


SECTIONS: dict[str, tuple[Callable[[Lab, int], Section], int]] = {
    "cold": (cold, 15),
    "warm": (warm, 40),
    "stream": (stream, 20),
    "concurrency": (concurrency, 10),
    "memory": (memory, 20),
    "size": (size, 1),
}


def _median_extra(samples: dict[str, list[float]]) -> float:
    """What ours takes more than raw, turn by turn: what else the machine does falls on both alike."""
    pairs = zip(samples["ours"], samples["raw"], strict=True)
    return statistics.median(ours - raw for ours, raw in pairs)


def _by_variant() -> dict[str, list[float]]:
    return {variant: [] for variant in VARIANTS}


def _warm_up(running: Lab, event: dict[str, Any]) -> None:
    for _ in range(WARM_UP):
        for variant in VARIANTS:
            running.invoke(variant, event)


def _calls(running: Lab, variant: str) -> dict[str, float]:
    """Calls to AWS by action, for each warm invocation."""
    before = len(running.control.calls())
    for _ in range(WARM_UP):
        running.invoke(variant, PROMPT)
    made = Counter(
        call.action
        for call in running.control.calls()[before:]
        if LOGGING["LogGroup"] not in (call.resource or "")  # the platform's, after the invocation
    )
    return {action: made[action] / WARM_UP for action in ACTIONS}
