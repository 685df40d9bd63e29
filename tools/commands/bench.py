"""`make bench`: measure what README promises, ours beside the usual way, in one run on one machine.

ONLY=plan         `terraform plan` of the operations root for 100 to 3,000 tenants
ONLY=prove        the proof of such a plan, once it is made
ONLY=record       records of CALLS= calls while things break, beside the usual logging handler
ONLY=cold         the handler's cold start, beside raw boto3's and that of LangChain as usually written
ONLY=warm         a warm invocation of the three, and its calls to AWS
ONLY=stream       a long stream
ONLY=concurrency  16 execution environments at once
ONLY=memory       peak memory
ONLY=size         the zips

The figures go to build/bench, as JSON and as a picture, with the machine they were taken on.
"""

from __future__ import annotations

import argparse

from tools.bench import RESULTS, functions, goals, machine
from tools.bench import figures as report
from tools.bench import plan_time as plan
from tools.bench import proof_time as prove
from tools.bench import record_faults as record
from tools.cli.console import progress, run

SECTIONS = {"plan": plan.plan, "prove": prove.prove, "record": record.record}

ALL_SECTIONS = [*functions.SECTIONS, *SECTIONS]


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sections = ALL_SECTIONS
    options.add_argument("--only", choices=sections, help="one section; all by default")
    options.add_argument("--runs", type=int, help="turns of each, instead of the section's own")
    options.add_argument(
        "--sizes",
        type=plan.sizes,
        default=plan.SIZES,
        help="plan, prove: numbers of tenants, such as 100,300,1000,3000",
    )
    options.add_argument(
        "--reference",
        type=int,
        default=plan.REFERENCE_UP_TO,
        help=f"plan: the most tenants to plan the usual way too (default {plan.REFERENCE_UP_TO})",
    )
    options.add_argument("--calls", type=int, default=10_000, help="record: calls to make")
    options.add_argument("--readme", action="store_true", help="write README's table anew")
    return options


def main() -> int:
    """Run the sections asked for; 1 when a goal that was measured is not met."""
    chosen = parser().parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    wanted = [chosen.only] if chosen.only else ALL_SECTIONS
    missed = False
    if names := [name for name in wanted if name in functions.SECTIONS]:
        missed = _functions(names, chosen)
    for name in wanted:
        if name in SECTIONS:
            missed = SECTIONS[name](chosen) or missed
    return int(missed)


def _functions(names: list[str], chosen: argparse.Namespace) -> bool:
    """Measure, print and write these sections; True when a goal is missed."""
    taken_on = machine.describe()
    sections = functions.measure(names, chosen.runs)
    report.show(taken_on, sections)
    reached = [goal for section in sections.values() for goal in section.goals]
    goals.show(reached)
    written = report.write(taken_on, sections)
    if chosen.readme:
        written += report.publish()
    for file in written:
        progress(f"Written: {file}")
    return any(goal.met is False for goal in reached)


if __name__ == "__main__":
    run(main)
