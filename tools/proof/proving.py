"""Proves what plans will leave, or what exists, in one environment."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.cli.console import out, progress, styled, table, warn
from tools.command_error import CommandError
from tools.environment.model import without_nulls
from tools.isolation import claims, plan_reader
from tools.isolation.certificate import EXISTING, PLANNED, Report
from tools.isolation.operations_specification import Environment as Specified
from tools.isolation.principals import Owners
from tools.isolation.prover import prove
from tools.isolation.structure import StructureError
from tools.paths import ROOT
from tools.proof.provenance import provenance_of
from tools.proof.unchanged_states import count_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tools.environment.model import Environment
    from tools.isolation.certificate import Part, PlanFile
    from tools.isolation.claims import Case
    from tools.isolation.prover import Proof
    from tools.proof.signature import SigningKey
    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State

QUIET_SECONDS = 2.0  # how long the solvers may run without a line of progress
LINE_SECONDS = 5.0  # at most one line that counts the states in this time
FAILURES_SHOWN = 20  # on the terminal; the certificate lists all of them


def owners_of(environment: Environment) -> Owners:
    """Return to whom the stanzas' accounts, roles and networks belong; CommandError for a malformed stanza."""
    variables = {**environment.variables, "tenants": environment.stanzas}
    try:
        return Owners.of(Specified.from_variables(variables))
    except StructureError as error:
        raise CommandError(f"Nothing is proved: {error}.") from None


def prove_plan(
    environment: str,
    content: PlanJson,
    *,
    state: bool = False,
    of: State | None = None,
    owners: Owners | None = None,
) -> Proof:
    """Return the proof of what a plan will leave or, with ``state``, of what exists.

    ``of`` is the Terraform state that the plan was made in, if it was made here. ``owners`` are those of
    all stanzas; without them, a plan of a customer account is proved with the stanzas in it. Raises CommandError for a
    plan that cannot be read or is of another environment.
    """
    targets = of.targets if of is not None else ()
    tenant = of.tenant if of is not None and targets else None
    try:
        plan = plan_reader.read(content, state=state, targets=targets)
        case = claims.claims_for(plan, tenant, owners)
    except plan_reader.PlanError as error:
        raise CommandError(f"Nothing is proved: {error}.") from None
    selected = {
        key: str(plan.variables[key])
        for key in ("account_id", "shard", "tenant")
        if key in plan.variables
    }
    if of is not None and selected != of.variables:
        raise CommandError(f"The plan of {of.label} is of another account; make a new one.")
    if (name := plan.variables["environment"]) != environment:
        raise CommandError(f'The plan is of the environment "{name}"; write ENV={name}.')
    return prove_case(case)


def prove_case(case: Case) -> Proof:
    """Return the proof of a case; it prints progress when the solvers take long."""
    return prove(case, _occasional_progress(case.root))


def make_report(
    environment: Environment,
    contents: Sequence[tuple[State | None, PlanJson]],
    *,
    state: bool,
    providers: Mapping[str, str],
    unplanned_accounts: tuple[str, ...] = (),
    unchanged: tuple[str, ...] = (),
    plan_files: tuple[PlanFile, ...] = (),
    part: Part | None = None,
    key: SigningKey | None = None,
) -> Report:
    """Prove each plan, or with ``state`` what exists, and return the report; its proofs are in the same order.

    Each plan comes with the Terraform state that it was made in, or None if it was not made here.
    """
    time_of_proof, started = datetime.now(UTC), time.perf_counter()
    proofs = []
    shown = started
    owners = owners_of(environment)
    for of, content in contents:
        _refuse_another_stanza(environment, content)
        proofs.append(prove_plan(environment.name, content, state=state, of=of, owners=owners))
        if len(proofs) < len(contents) and time.perf_counter() - shown >= LINE_SECONDS:
            shown = time.perf_counter()
            progress(f"{len(proofs)} of {len(contents)} states proved")
    return Report(
        environment=environment.name,
        scope=EXISTING if state else PLANNED,
        proofs=tuple(proofs),
        unplanned_accounts=unplanned_accounts,
        unchanged=unchanged,
        seconds=time.perf_counter() - started,
        time=time_of_proof,
        provenance=provenance_of(
            # Of plans that exist already as files, nothing says from which variables they were made.
            None if any(of is None for of, _ in contents) else environment,
            [content for _, content in contents],
            providers,
        ),
        plan_files=plan_files,
        part=part,
        signing_key=key.arn if key else None,
    )


def _refuse_another_stanza(environment: Environment, content: PlanJson) -> None:
    """Raise CommandError for a customer account's plan with another stanza than the one that is compared."""
    variables = content.get("variables") or {}
    if "account_id" not in variables:
        return
    tenant = variables.get("tenant", {}).get("value")
    planned = (variables.get("tenants", {}).get("value") or {}).get(tenant)
    if without_nulls(planned) != environment.stanzas.get(tenant):
        raise CommandError(
            f"The plan of {tenant} {variables['account_id'].get('value')} was made with another stanza than "
            f"environments/{environment.name} has now, so nothing is proved; make a new plan."
        )


def show_report(report: Report, certificate: Path, *, rows: bool = True) -> None:
    """Print the table of results, what is not proved, and the verdict; without ``rows``, the last two alone."""
    if rows:
        results = table("root", "topic", "claims", "proved")
        for row in report.rows():
            results.add_row(*row)
        out.print(results)
    problems = report.problems()
    for problem in problems[:FAILURES_SHOWN]:
        out.print()
        out.print(styled(("✗", "red")), problem)
    if len(problems) > FAILURES_SHOWN:
        out.print(f"\nand {len(problems) - FAILURES_SHOWN:,} more")
    for label in report.unplanned_accounts:
        warn(f"{label} is not planned, so it is not proved")
    for sentence in report.unread:
        warn(sentence)
    if report.unchanged:
        warn(count_sentence(report.unchanged))
    verdict = (report.verdict, "green" if report.holds else "red")
    path = certificate.relative_to(ROOT)
    seconds = f" in {report.seconds:.1f} s"
    if rows or problems:
        out.print()
    if rows:
        out.print(styled(verdict, f"{seconds}: {report.summary()}."))
        out.print(f"The certificate is {path}.")
    else:
        out.print(styled("  ", verdict, f"{seconds}; the certificate is {path}."))


def _occasional_progress(root: str) -> Callable[[int, int], None]:
    """Return a callback of the prover that prints progress when the solvers take long."""
    last = time.monotonic()

    def print_progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= QUIET_SECONDS:
            last = time.monotonic()
            progress(f"{root}: {done:,} of {total:,} claims")

    return print_progress
