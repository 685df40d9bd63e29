"""`make doctor`: check what the other commands need, before the first apply and at any time.

It looks at this machine (Terraform and its provider, credentials, the clock, the way to AWS's endpoints), at the
operations account (the state bucket and the locks in it, each tenant's hand-over, each model in each Region, data
retention, invocation logging, quotas), and at each customer account (the deployer and the inspector). Each line is
"ok", "to do" or "cannot tell", with what to do. Nothing is changed. Exits with 1 unless every line is ok.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run, table
from tools.cli.session import open_session
from tools.readiness.customer_readiness import customer_checks
from tools.readiness.operations_readiness import operations_checks
from tools.readiness.operator_access import credentials, network, toolchain
from tools.readiness.readiness_check import OK, each

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.cli.session import Session
    from tools.readiness.readiness_check import ReadinessCheck


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_json("every check, with its subject, status, state and advice")
    return arguments


def main() -> int:
    """Print the checks and return 1 if one of them is not ok."""
    options = parser().parse_args()
    session = open_session(options.env)
    checks = list(_checks(session, options.tenant))
    if options.json:
        print_json([asdict(check) for check in checks])
    else:
        _show(checks)
    return int(any(check.status != OK for check in checks))


def _checks(session: Session, tenant: str | None) -> Iterator[ReadinessCheck]:
    accounts = session.environment.accounts_of(tenant)
    yield from toolchain(progress)
    progress("Looking at the credentials and the network")
    access = credentials(session)
    yield from access
    yield from each("network", lambda: network(session, accounts))
    if access[0].status != OK:  # nothing else can be read without them
        return
    progress("Looking at the operations account")
    yield from operations_checks(session, [*dict.fromkeys(item.tenant for item in accounts)])
    progress("Looking at the customer accounts")
    yield from each("customer accounts", lambda: customer_checks(session, tenant))


def _show(checks: Sequence[ReadinessCheck]) -> None:
    rows = table("what", "status", "state", "what to do")
    for check in checks:
        rows.add_row(check.subject, check.status, check.state, check.advice or "-")
    out.print(rows)


if __name__ == "__main__":
    run(main)
