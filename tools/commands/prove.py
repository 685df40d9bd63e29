"""`make prove`: prove of a plan, for every request there can be, that no tenant can reach another.

By itself it plans the operations account, then each customer account whose role is handed over.
PLAN= takes plans that are made already: files of `terraform show -json`, with commas between them.
STATE=1 proves what exists now, as Terraform finds it, instead of what an apply would leave.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tools.cli import arguments
from tools.cli.console import CommandError, err, out, progress, run, table
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.isolation import claims
from tools.isolation import plan_reader as plan
from tools.isolation.certificate import Report
from tools.isolation.prover import prove
from tools.paths import ROOT
from tools.terraform import parallel as fleet
from tools.terraform import state as states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.environment.model import CustomerAccount, Environment
    from tools.isolation.prover import Proof

CERTIFICATES = ROOT / "build" / "proof"
PATIENCE = 2.0  # seconds without a word
SHOWN = 20  # failures on the terminal; the certificate has them all

Shown = dict[str, Any]


def main() -> int:
    """Print what is proved and write the certificate; 1 when anything is not."""
    options = arguments.parser(__doc__)
    options.add_argument("--plan", help="files of `terraform show -json`, with commas between them")
    options.add_argument("--state", choices=("1",), help="what exists now, not what is planned")
    options.add_argument("--json", action="store_true", help="for machines")
    arguments.jobs(options)
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    waiting: tuple[str, ...] = ()
    if chosen.plan:
        shown = [_read(Path(name)) for name in chosen.plan.split(",")]
    else:
        shown, waiting = planned(env, chosen.jobs)
    made, started = datetime.now(UTC), time.perf_counter()
    proofs = tuple(proved(env, shown, state=bool(chosen.state)))
    subject = "what exists now" if chosen.state else "what an apply would leave"
    report = Report(env.name, subject, proofs, waiting, time.perf_counter() - started, made)
    certificate = CERTIFICATES / f"{env.name}-{made:%Y-%m-%dT%H%M%SZ}.md"
    certificate.parent.mkdir(parents=True, exist_ok=True)
    certificate.write_text(report.certificate())
    if chosen.json:
        where = str(certificate.relative_to(ROOT))
        out.print_json(json.dumps({**report.data(), "certificate": where}))
    else:
        show(report, certificate)
    return int(not report.holds)


def planned(env: Environment, jobs: int) -> tuple[list[Shown], tuple[str, ...]]:
    """The plan of every root, and which customer accounts wait for their role to be handed over."""
    workspace = Workspace()
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)
    terraform.init(states.operations())
    operations = terraform.planned(states.operations())
    handed_over = terraform.handed_over()
    ready = [account for account in env.accounts if account.tenant in handed_over]

    def one(account: CustomerAccount) -> Shown:
        terraform.init(states.customer(account))
        return terraform.planned(states.customer(account))

    customers = fleet.first_alone(one, ready, jobs)
    waiting = tuple(
        f"{account.tenant} {account.account_id}" for account in env.accounts if account not in ready
    )
    return [operations, *customers], waiting


def proved(env: Environment, every: list[Shown], *, state: bool) -> Iterator[Proof]:
    """What is proved of each plan; CommandError for one that cannot be read or is not of ``env``."""
    for shown in every:
        try:
            read = plan.read(shown, state=state)
            case = claims.of(read)
        except plan.PlanError as error:
            raise CommandError(f"Nothing is proved: {error}.") from None
        if (named := read.variables["environment"]) != env.name:
            raise CommandError(f'The plan is of the environment "{named}"; write ENV={named}.')
        yield prove(case, _patiently(case.root))


def show(report: Report, certificate: Path) -> None:
    """The table, what fails, and the verdict."""
    shown = table("of", "claim", "made", "proved")
    for row in report.rows():
        shown.add_row(*row)
    out.print(shown)
    problems = report.problems()
    for problem in problems[:SHOWN]:
        out.print(f"\n[red]✗[/red] {escape(problem)}", soft_wrap=True)
    if len(problems) > SHOWN:
        out.print(f"\nand {len(problems) - SHOWN:,} more")
    for name in report.waiting:
        err.print(
            f"  [yellow]{name} waits for its role: apply the operations account first[/yellow]"
        )
    counted = ", ".join(f"{count:,} {what}" for what, count in report.counts().items())
    word = "[green]Proved[/green]" if report.holds else "[red]Not proved[/red]"
    where = certificate.relative_to(ROOT)
    out.print(
        f"\n{word} in {report.seconds:.1f} s: {counted}.\nWritten to {where}.", soft_wrap=True
    )


def _patiently(root: str) -> Any:  # noqa: ANN401 - the callback of prove
    """Says how far the solvers are, once they take long."""
    last = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PATIENCE:
            last = time.monotonic()
            progress(f"{root}: {done:,} of {total:,} claims")

    return say


def _read(file: Path) -> Shown:
    try:
        shown: Shown = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{file} is not a plan: {error}. Make one with `terraform show -json PLAN > {file}`."
        ) from None
    return shown


if __name__ == "__main__":
    run(main)
