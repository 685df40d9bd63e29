"""`make prove`: prove, for every possible request, that no tenant can reach another.

Without options it plans the operations account, and each customer account whose role exists. PLAN= takes
plans that exist already: files of `terraform show -json`, separated by commas. STATE=1 proves what exists
now, in place of what an apply would leave: what Terraform reads back, and what it does not manage, which
is read from AWS. A part that cannot be read is named, and the result is then at most "Proved in part".
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run, styled, table, warn
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.isolation import claims, plan_reader
from tools.isolation.certificate import Report
from tools.isolation.prover import prove
from tools.live.live_state import NOT_READ, LiveState, read_live_state
from tools.paths import BUILD, ROOT
from tools.terraform.parallel import map_in_parallel
from tools.terraform.state import customer_state, operations_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount
    from tools.isolation.prover import Proof

CERTIFICATES = BUILD / "proof"
QUIET_SECONDS = 2.0  # how long the solvers may run without a line of progress
FAILURES_SHOWN = 20  # on the terminal; the certificate lists all of them

PlanJson = dict[str, Any]


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__)
    arguments.add_argument("--plan", help="files of `terraform show -json`, separated by commas")
    arguments.add_argument(
        "--state", action="store_true", help="prove existing instead of planned resources"
    )
    arguments.add_json("every claim, fault and counterexample")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print what is proved and write the certificate; return 1 when anything is not proved."""
    options = parser().parse_args()
    unplanned_accounts: tuple[str, ...] = ()
    session = open_session(options.env) if options.state or not options.plan else None
    if options.plan:
        name = load_environment(options.env).name
        plans = [_read_plan(Path(file)) for file in options.plan.split(",")]
    elif session:
        name = session.environment.name
        plans, unplanned_accounts = _make_plans(session, options.jobs)
    time_of_proof, started = datetime.now(UTC), time.perf_counter()
    proofs = tuple(_proofs(name, plans, state=options.state))
    live = LiveState((), ())
    if options.state and session:
        live = read_live_state(session, plans, options.jobs)
        proofs += tuple(prove(case, _occasional_progress(case.root)) for case in live.cases)
    subject = "the existing resources" if options.state else "the planned resources"
    seconds = time.perf_counter() - started
    unread = tuple(part.sentence for part in live.unread)
    not_covered = NOT_READ if options.state else ()
    report = Report(
        name, subject, proofs, unplanned_accounts, seconds, time_of_proof, unread, not_covered
    )
    certificate = CERTIFICATES / f"{name}-{time_of_proof:%Y-%m-%dT%H%M%SZ}.md"
    certificate.parent.mkdir(parents=True, exist_ok=True)
    certificate.write_text(report.certificate())
    if options.json:
        path = str(certificate.relative_to(ROOT))
        print_json({**report.data(), "certificate": path})
    else:
        _show(report, certificate)
    return int(not report.holds)


def _make_plans(session: Session, jobs: int) -> tuple[list[PlanJson], tuple[str, ...]]:
    """Return the plan of every root, and the customer accounts without a plan with the reason."""
    terraform, accounts = session.terraform, session.environment.accounts
    operations = terraform.plan_json(operations_state())
    handovers = terraform.handovers()
    deployed = session.environment.deployed_accounts()
    ready = [account for account in deployed if account.tenant in handovers]

    def plan_customer(account: CustomerAccount) -> PlanJson:
        return terraform.plan_json(customer_state(account))

    customers = map_in_parallel(plan_customer, ready, jobs)
    reasons = dict.fromkeys(deployed, "without a role yet")
    unplanned_accounts = tuple(
        f"{account.tenant} {account.account_id} ({reasons.get(account, 'self-managed')})"
        for account in accounts
        if account not in ready
    )
    return [operations, *customers], unplanned_accounts


def _proofs(name: str, plans: list[PlanJson], *, state: bool) -> Iterator[Proof]:
    """Yield the proof of each plan; CommandError for one that cannot be read or is of another environment."""
    for plan_json in plans:
        try:
            plan = plan_reader.read(plan_json, state=state)
            case = claims.claims_for(plan)
        except plan_reader.PlanError as error:
            raise CommandError(f"Nothing is proved: {error}.") from None
        if (environment := plan.variables["environment"]) != name:
            raise CommandError(
                f'The plan is of the environment "{environment}"; write ENV={environment}.'
            )
        yield prove(case, _occasional_progress(case.root))


def _show(report: Report, certificate: Path) -> None:
    """Print the table, what is not proved, and the verdict."""
    rows = table("root", "topic", "claims", "proved")
    for row in report.rows():
        rows.add_row(*row)
    out.print(rows)
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
    verdict = (report.verdict, "green" if report.holds else "red")
    path = certificate.relative_to(ROOT)
    out.print()
    out.print(styled(verdict, f" in {report.seconds:.1f} s: {report.summary()}."))
    out.print(f"The certificate is {path}.")


def _occasional_progress(root: str) -> Callable[[int, int], None]:
    """Return a callback of the prover that prints progress when the solvers take long."""
    last = time.monotonic()

    def print_progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= QUIET_SECONDS:
            last = time.monotonic()
            progress(f"{root}: {done:,} of {total:,} claims")

    return print_progress


def _read_plan(file: Path) -> PlanJson:
    try:
        plan: PlanJson = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{file} is not a plan: {error}. Make one with `terraform show -json PLAN > {file}`."
        ) from None
    return plan


if __name__ == "__main__":
    run(main)
