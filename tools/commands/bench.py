"""`make bench`: measure the product beside the usual solutions, in one run on one machine.

ONLY=plan         `terraform plan` of the operations root for 100 to 3,000 tenants
ONLY=prove        the proof of such a plan, without the plan itself
ONLY=record       the records of CALLS= calls during faults, beside the usual logging handler
ONLY=cold         the handler's cold start, beside those of raw boto3 and of the usual LangChain handler
ONLY=warm         a warm invocation of the three, and its calls to AWS
ONLY=stream       a long stream
ONLY=concurrency  16 execution environments at once
ONLY=memory       peak memory
ONLY=size         the zips

The figures are written to build/bench as JSON, together with the machine they were measured on. Exits 1
if a goal is missed.
"""

from __future__ import annotations

import argparse

from tools.bench import (
    RESULTS,
    figures,
    functions,
    goals,
    machine,
    plan_time,
    proof_time,
    record_faults,
)
from tools.cli.console import progress, run

SECTIONS = {
    "plan": plan_time.plan,
    "prove": proof_time.prove,
    "record": record_faults.record,
}


SECTION_NAMES = [*functions.SECTIONS, *SECTIONS]


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--only", choices=SECTION_NAMES, help="one section; the default is all of them"
    )
    arguments.add_argument("--runs", type=int, help="turns, instead of each section's own number")
    arguments.add_argument(
        "--sizes",
        type=plan_time.sizes,
        default=plan_time.SIZES,
        help="plan, prove: numbers of tenants, such as 100,300,1000,3000",
    )
    arguments.add_argument(
        "--reference",
        type=int,
        default=plan_time.REFERENCE_UP_TO,
        help="plan: the most tenants to plan the usual way too (default %(default)s)",
    )
    arguments.add_argument("--calls", type=int, default=10_000, help="record: number of calls")
    return arguments


def main() -> int:
    """Run the selected sections; return 1 if a goal is missed."""
    options = parser().parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    selection = [options.only] if options.only else SECTION_NAMES
    missed = _measure_functions(
        [name for name in selection if name in functions.SECTIONS], options.runs
    )
    for name in selection:
        if name in SECTIONS:
            missed = SECTIONS[name](options) or missed
    return int(missed)


def _measure_functions(names: list[str], runs: int | None) -> bool:
    """Measure, print and write these sections; return whether a goal is missed."""
    if not names:
        return False
    machine_state = machine.describe()
    sections = functions.measure(names, runs)
    figures.show(machine_state, sections)
    results = [goal for section in sections.values() for goal in section.goals]
    goals.show(results)
    progress(f"Written: {figures.write(machine_state, sections)}")
    return any(result.met is False for result in results)


if __name__ == "__main__":
    run(main)
