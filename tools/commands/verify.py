"""`make verify`: verify that the operations account keeps nothing, and that the records stay with the customers.

In every Region in which a call may run, also those to which Bedrock's profiles send calls at present, it looks at
invocation logging, data retention, projects, and the jobs, models, agents and prompts in which content stays. It looks
at the names of sessions in CloudTrail's newest events, at what the tenants' roles may do beside calling models, and at
the service control policy that keeps all this so. In each customer account it compares the log groups, what copies
them, and their key with the stanza.

Each line is "ok", "fault" or "cannot tell", and was checked or proved; what only AWS can say is listed apart. A dated
report is written into evidence/, or where REPORT= says. Nothing is changed. Exits with 1 unless every line is ok.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from operations_guard.aws_statements import STATEMENTS
from operations_guard.verified_line import CANNOT_TELL, FAULT, OK
from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run, styled, table
from tools.cli.session import open_session
from tools.paths import EVIDENCE
from tools.verification.customer_records import customer_lines, self_managed
from tools.verification.guarded_operations import verify_operations
from tools.verification.verification_report import VerificationReport

if TYPE_CHECKING:
    from tools.cli.session import Session

COLOURS = {OK: "green", FAULT: "red", CANNOT_TELL: "yellow"}


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--report", metavar="FILE", help="the file for the report, which must not exist yet"
    )
    arguments.add_json("every line, what was not asked, and what AWS says")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Verify, write the report, and return 1 unless every line is ok."""
    options = parser().parse_args()
    report = make_report(open_session(options.env), options.tenant, options.jobs)
    default = EVIDENCE / report.file_name
    file = report.write(default if options.report is None else Path(options.report))
    if options.json:
        print_json(report.data)
    else:
        show(report)
        out.print(f"The report is in {file}.")
    return int(not report.is_ok)


def make_report(session: Session, tenant: str | None, jobs: int) -> VerificationReport:
    """Read all accounts, or those of one tenant; CommandError for a tenant that does not exist."""
    started = datetime.now(UTC)
    skipped = self_managed(session, tenant)
    progress("Looking at the operations account")
    operations = verify_operations(session.target, tenant)
    progress("Looking at the customer accounts")
    return VerificationReport(
        environment=session.environment,
        tenant=tenant,
        started=started,
        regions=operations.regions,
        lines=(*operations.lines, *customer_lines(session, tenant, jobs)),
        not_asked=(*operations.not_asked, *skipped),
    )


def show(report: VerificationReport) -> None:
    """Print the table, what was not asked, and what AWS says."""
    rows = table("what", "status", "found", "known by", "what to do")
    for line in report.lines:
        status = styled((line.status, COLOURS[line.status]))
        rows.add_row(line.subject, status, line.found, line.basis, line.advice or "-")
    out.print(rows)
    for item in report.not_asked:
        out.print(f"Not asked: {item.subject}, because {item.reason}.")
    for statement in STATEMENTS:
        out.print(f"AWS's word: {statement.sentence} {statement.page}")
    out.print(report.sentence)


if __name__ == "__main__":
    run(main)
