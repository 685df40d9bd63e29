"""Shows what will be applied, asks for it on a terminal, and says what to run after an interruption."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.cli.confirmation import confirm, refuse_unknown_names
from tools.cli.console import err, out, styled
from tools.paths import ROOT
from tools.processes import PROCESSES
from tools.proof.change_list import change_lines, indented
from tools.terraform.shard_states import read_shards, tenants_in
from tools.terraform.state import OPERATIONS

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Collection, Iterator

    from tools.cli.session import Session
    from tools.environment.model import Environment
    from tools.proof.proved_apply import ProvedPlans


def add_approval(arguments: ArgumentParser) -> None:
    """Add --auto and --confirm, which answer the question."""
    arguments.add_argument("--auto", action="store_true", help="apply without a question")
    arguments.add_argument(
        "--confirm",
        help="the tenants from which the apply may take something away, with spaces or commas between them; and the "
        "environment's name, in place of the question on the terminal",
    )


def approval(
    environment: Environment, confirmed: Collection[str], *, asks: bool
) -> Callable[[ProvedPlans], None]:
    """Return what shows plans and, if ``asks``, raises CommandError unless somebody approves them.

    Without a terminal there is nobody to ask, as in CI, where a reviewer has approved the plan. The environment's
    name among the ``confirmed`` ones answers the question.
    """
    name = environment.name

    def approve(proved: ProvedPlans) -> None:
        _show(proved, environment)
        if asks and name not in confirmed and sys.stdin.isatty():
            err.print(
                f"`make plan ENV={name} PROOF={proved.folder.relative_to(ROOT)}` shows every attribute; after the "
                "confirmation exactly these plans are applied."
            )
            confirm(name, None, "Nothing was applied.")

    return approve


def refuse_unknown_tenants(session: Session, confirmed: Collection[str]) -> None:
    """Raise CommandError if CONFIRM= has a name of neither the environment nor a tenant, with or without a stanza."""
    environment, bucket = session.environment, session.bucket
    known = {environment.name, OPERATIONS, *environment.tenants}
    if set(confirmed) <= known:
        return
    known |= bucket.tenants_with_handover()
    known |= {key.split("/")[1] for key in bucket.customer_states()}
    known.update(*map(tenants_in, read_shards(bucket).values()))
    refuse_unknown_names(confirmed, known, "the environment's name and tenants")


@contextmanager
def next_step(command: str) -> Iterator[None]:
    """Say after a signal which command continues."""
    try:
        yield
    finally:
        if PROCESSES.interruption is not None:
            err.print(
                f"Stopped by a signal. `{command}` continues: it plans again and adopts what was made meanwhile.",
                style="yellow",
            )


def _show(proved: ProvedPlans, environment: Environment) -> None:
    """Print what each account's plan changes, without ExternalIds."""
    out.print("Will be applied:")
    for plan in proved.plans:
        if plan.is_applyable and plan.state.label not in proved.failures:
            out.print(styled("  ", (plan.state.label, "bold"), f"  {plan.summary}"))
            lines = indented(change_lines(plan.content))
            out.print(environment.without_external_ids(lines, plan.content))
