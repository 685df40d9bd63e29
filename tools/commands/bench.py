"""`make bench`: measure the product beside the usual solutions, in one run on one machine.

ONLY=plan    `terraform plan` of the operations root for 100 to 3,000 tenants
ONLY=prove   the proof of such a plan, without the plan itself
ONLY=record  the records of CALLS= calls on Lambda during faults, beside the usual logging handler, and of as
             many calls of programs that fork, are terminated, abandon streams or change logging
ONLY=cold    the handler's cold start, beside those of raw boto3 and of the usual LangChain handler
ONLY=warm    a warm invocation of the three, and its calls to AWS
ONLY=stream  a long stream
ONLY=memory  peak memory
ONLY=size    the zips
ONLY=scale   the start of a command beside 100 environments of 1,000 tenants, and the comparison of them all
ONLY=fleet   the commands in an environment of FLEET= tenants, whose AWS answers as late as the real one
ONLY=kills   RUNS= kills at random moments of an apply of five tenants, and the commands that complete it
ONLY=guard   a run of the guard over 1,000 tenants, and what it costs to read their counts
ONLY=faults  a failing call in the first seconds of each account, and the apply that completes it

The figures are written to build/bench as JSON, together with the machine they were measured on. Exits 1
if a goal is missed.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from tools.bench import (
    RESULTS,
    figures,
    functions,
    guard_sweep,
    interrupted_applies,
    large_fleet,
    many_environments,
    plan_time,
    proof_time,
    record_faults,
)
from tools.cli.console import progress, run
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.bench.figures import Section

SECTIONS: dict[str, Callable[[argparse.Namespace], Section]] = {
    **{name: partial(functions.measure, name) for name in functions.SECTIONS},
    "plan": plan_time.plan,
    "prove": proof_time.prove,
    "record": record_faults.record,
    "scale": many_environments.scale,
    "fleet": large_fleet.large_fleet,
    "kills": interrupted_applies.kills,
    "guard": guard_sweep.guard,
    "faults": interrupted_applies.faults,
}


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--only", choices=SECTIONS, help="one section; the default is all of them"
    )
    arguments.add_argument("--runs", type=int, help="number of runs (default: per section)")
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
        help="plan: largest number of tenants for which the reference is planned (default %(default)s)",
    )
    arguments.add_argument("--fleet", type=int, help="fleet: number of tenants (default: 2000)")
    arguments.add_argument("--calls", type=int, default=10_000, help="record: number of calls")
    return arguments


def main() -> int:
    """Run the selected sections; return 1 if a goal is missed."""
    options = parser().parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    goals = []
    for name in [options.only] if options.only else SECTIONS:
        machine = figures.describe_machine()
        section = SECTIONS[name](options)
        figures.show(name, machine, section)
        progress(f"Written: {figures.write(name, machine, section).relative_to(ROOT)}")
        goals += section.goals
    return int(not all(goal.is_met for goal in goals))


if __name__ == "__main__":
    run(main)
