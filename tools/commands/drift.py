"""`make drift`: look in every account for what is not as the stanzas say, such as a change that somebody made by hand.

It plans the operations account and every customer account, also those that `make plan` leaves out because they are as
they were applied, and lists each resource that an apply would change. It proves what exists as `make prove STATE=1`
does, and reads from AWS what Terraform does not manage: the function's code against the built zip, who else may call
it, policies and boundaries of the roles, copies and retention of the records, and grants of the key.

Each row of the table is "drifted" or "cannot tell"; the second is for an account that cannot be reached and for a part
that may not be read, with the reason. The command changes nothing. Its own exit status is 0 if nothing drifted and
everything was read, 1 if something drifted, and 3 if nothing that could be read drifted; make exits with 2 for both. A
stanza that was changed and not applied yet counts as drifted.

PART= looks at one part, as each job of the CI workflow does: "operations", or customer accounts as TENANT/ACCOUNT with
spaces between them. It also writes what it found into build/drift. COMBINE= prints one table of what all parts wrote,
from all folders below the one that it names, and looks at nothing itself. A state at which no part has looked is a row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, styled, table
from tools.cli.session import managed_states, open_session
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.proof.drift_report import combine_reports, write_report
from tools.proof.drift_search import CANNOT_TELL, DRIFTED, PLAN, find_drift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.proof.drift_search import Difference

SOMETHING_DRIFTED, SOMETHING_UNREAD = 1, 3  # exit statuses; 2 is of arguments that are wrong
STYLES = {DRIFTED: "red", CANNOT_TELL: "yellow"}


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_part()
    arguments.add_argument("--combine", help="a folder with what all parts wrote into build/drift")
    arguments.add_json("each row with its account, what it is about, its state and what was found")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print the rows, and return 1 if something drifted, or else 3 if something could not be read."""
    options = parser().parse_args()
    if options.combine is not None:
        if options.tenant is not None or options.part is not None:
            raise CommandError("COMBINE= is about all accounts; leave out TENANT= and PART=.")
        environment = load_environment(options.env)
        differences = combine_reports(environment, Path(options.combine))
        customers = managed_states(environment, environment.accounts)
        place = _place(operations=True, customers=len(customers))
    else:
        session = open_session(options.env)
        operations, customers = session.selected_states(options.tenant, options.part)
        states = [*operations, *customers]
        differences = find_drift(session, states, options.jobs, options.tenant)
        place = _place(operations=bool(operations), customers=len(customers))
        if options.part is not None:
            write_report(session.environment, states, differences)
    if options.json:
        print_json([asdict(difference) for difference in differences])
    else:
        show(differences, options.env, place)
    found = {difference.state for difference in differences}
    if DRIFTED in found:
        return SOMETHING_DRIFTED
    return SOMETHING_UNREAD if found else 0


def _place(*, operations: bool, customers: int) -> str:
    """Return in words what was looked at."""
    number = f"{customers:,} customer account{'' if customers == 1 else 's'}"
    if not operations:
        return number
    return f"the operations account and {number}" if customers else "the operations account"


def show(differences: Sequence[Difference], environment: str, place: str) -> None:
    """Print the table, how many rows it has of each state, and what to do about them."""
    if not differences:
        out.print(f"Nothing has drifted in {place}, and everything was read.")
        return
    _print_rows(differences)
    counts = Counter(difference.state for difference in differences)
    out.print(
        f"\nIn {place}, {counts[DRIFTED]:,} rows say what has drifted, and {counts[CANNOT_TELL]:,} what could not "
        "be read."
    )
    if any(difference.about == PLAN for difference in differences):
        out.print(
            f"`make apply ENV={environment} ALL=1` takes back what the rows about the plan list."
        )
    out.print("docs/how-to/find-drift.md says what to do about each row.")


def _print_rows(differences: Sequence[Difference]) -> None:
    """Print a table, or lines for each row where a table would be wider than the terminal."""
    rows = table("account", "about", "state", "what")
    for row in differences:
        rows.add_row(row.account, row.about, styled((row.state, STYLES[row.state])), row.what)
    if out.fits(rows):
        out.print(rows)
        return
    for row in differences:
        heading = f"{row.account}, {row.about}: "
        out.print(styled(heading, (row.state, STYLES[row.state])))
        out.print(styled(f"  {row.what}"))


if __name__ == "__main__":
    run(main)
