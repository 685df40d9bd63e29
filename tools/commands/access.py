"""`make access`: review how the tenants' roles were used in 90 days, and by whom.

For each tenant it shows when its role was last used, which accounts assumed it, which models it called in which
Regions and where they ran, what the stanza grants and nobody called, and the calls that were refused or failed. It
reads IAM, CloudTrail's event history and, for tracked models, Bedrock's counts, in the operations account, and changes
nothing. It names the newest certificate of a proof and the newest report of `make verify` on this machine, and says
which refusals CloudTrail does not show to this account.

No ExternalId and no name of a session is shown. A dated report is written into evidence/. Exits with 1 if an account
that is not in the stanza assumed a role, or if something could not be read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run, styled, table, warn
from tools.cli.session import open_session
from tools.paths import EVIDENCE
from tools.verification.access_reading import AccessReader
from tools.verification.access_report import LIMITS, AccessReport
from tools.verification.filed_evidence import newest_evidence
from tools.verification.guarded_operations import operations_reader

if TYPE_CHECKING:
    from tools.cli.targets import Target


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_json("the review of each tenant, the evidence, and what was not read")
    return arguments


def main() -> int:
    """Review, write the report, and return 1 if a caller is unknown or something was not read."""
    options = parser().parse_args()
    report = make_report(open_session(options.env).target, options.tenant)
    file = report.write(EVIDENCE)
    if options.json:
        print_json(report.data)
    else:
        show(report)
        out.print(f"The report is in {file}.")
    return int(not report.is_ok)


def make_report(target: Target, tenant: str | None) -> AccessReport:
    """Read the operations account for all tenants or one; CommandError for a tenant that does not exist."""
    environment, started = target.environment, datetime.now(UTC)
    tenants = tuple(dict.fromkeys(account.tenant for account in environment.accounts_of(tenant)))
    progress("Reading IAM, CloudTrail and CloudWatch in the operations account")
    reading = AccessReader(operations_reader(target), environment, tenants, started).read()
    evidence = newest_evidence(environment.name, tenant)
    return AccessReport(environment, tenant, started, reading, evidence)


def show(report: AccessReport) -> None:
    """Print the table, the evidence, and what CloudTrail does not show."""
    rows = table("tenant", "what", "found", "known by")
    for line in report.lines:
        found = styled((line.found, "red")) if line.is_finding else line.found
        rows.add_row(line.tenant, line.subject, found, line.known_by)
    out.print(rows)
    for sentence in report.filed:
        out.print(sentence)
    for statement in LIMITS:
        out.print(f"{statement.sentence} {statement.page}")
    for sentence in report.unread:
        warn(f"Not read: {sentence}")


if __name__ == "__main__":
    run(main)
