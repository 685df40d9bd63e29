"""`make acceptance`: observe on an applied environment what only AWS can tell, and write a dated evidence file.

It makes calls that must be refused, each beside one that must not be, calls models with and without the grant of the
default project, and measures how long changes of policies and tags take. It reads Bedrock's counts, masks, the record
of a call and CloudTrail's events. Use it in a sandbox with a tenant that no customer uses, because it calls the
tenant's function and its models. It says before how much the run costs at most, which is less than a dollar, and asks.

The run makes roles, an inference profile and a log group in the operations account, and with ADMINISTRATOR= a function
in the customer account. It removes them however it ends, searches for them afterwards, and begins by removing what an
interrupted run has left. The evidence file is in `evidence/`; only its owner may read it. It holds no ExternalId, no
key, no prompt and no answer.

Each fact is "ok", "differs" or "cannot tell". The command exits with 1 if a fact differs or something is left.
"""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from tools.acceptance.budget import estimate
from tools.acceptance.catalogue import all_checks
from tools.acceptance.evidence import as_data, write_evidence
from tools.acceptance.observation_run import make_checks
from tools.acceptance.sandbox import Sandbox
from tools.cli.arguments import Arguments
from tools.cli.confirmation import confirm
from tools.cli.console import err, out, print_json, progress, run, shorten, styled, table, warn
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.model import ACTIVE
from tools.paths import EVIDENCE

if TYPE_CHECKING:
    from argparse import Namespace

    from tools.acceptance.observation_run import Report
    from tools.cli.session import Session

COLOURS = {"ok": "green", "differs": "red", "cannot tell": "yellow"}
WIDTH = 100  # cells of a sentence in the table; the file has all of it


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_account()
    arguments.add_argument("--model", help="an alias of the stanza to call (default the first)")
    arguments.add_argument(
        "--administrator",
        metavar="PROFILE",
        help="a profile of your AWS configuration that administers the customer account; without it, what needs one "
        "cannot be told",
    )
    arguments.add_argument(
        "--price",
        type=_price,
        help="dollars for a million tokens of the model, to compute the cost",
    )
    arguments.add_argument(
        "--confirm", help="the tenant's name, in place of the question on the terminal"
    )
    arguments.add_json("every fact with what was seen")
    return arguments


def main() -> int:
    """Say what the run costs, ask, observe, and write the evidence; return 1 if a fact differs."""
    options = parser().parse_args()
    cost = estimate(options.price)
    session = open_session(options.env)
    sandbox = _sandbox(session, options)
    err.print(cost)
    if session.target.needs_confirmation:
        confirm(options.tenant, options.confirm, "Nothing was called.")
    report = make_checks(sandbox, all_checks(), progress)
    file = write_evidence(report, EVIDENCE)
    if options.json:
        print_json(as_data(report))
    else:
        _show(report)
        out.print(f"The evidence is in {file}.")
    for sentence in report.left:
        warn(sentence)
    return int(bool(report.left) or report.count("differs") > 0)


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = 0.0
    if not 0 < price < math.inf:  # nan is neither
        raise ArgumentTypeError(f"write a price above 0, in dollars, not {text!r}")
    return price


def _sandbox(session: Session, options: Namespace) -> Sandbox:
    environment = session.environment
    account = environment.only_account(options.tenant, options.account)
    environment.refuse_self_managed(account)
    if (state := environment.state_of(options.tenant)) != ACTIVE:
        raise CommandError(
            f"{options.tenant} is {state}, so every call is refused; choose an active tenant."
        )
    models = session.bucket.handover(options.tenant)["models"]
    alias = options.model or next(iter(environment.stanzas[options.tenant]["models"]))
    if alias not in models:
        raise CommandError(
            f"{options.tenant} has no model {alias} that is applied; write MODEL= and one of {', '.join(models)}."
        )
    model = models[alias]
    return Sandbox(
        target=session.target,
        account=account,
        alias=alias,
        model=model["model"],
        region=model["regions"][0],
        profile=options.administrator,
    )


def _show(report: Report) -> None:
    rows = table("group", "fact", "result", "seen")
    for outcome in report.outcomes:
        check, observation = outcome.check, outcome.observation
        result = styled((observation.result, COLOURS[observation.result]))
        rows.add_row(check.group, check.name, result, shorten(observation.seen, WIDTH))
    out.print(rows)
    out.print(
        f"{report.count('ok')} facts are as documented, {report.count('differs')} differ, and "
        f"{report.count('cannot tell')} could not be observed. {report.calls} calls of models, "
        f"{report.input_tokens:,}/{report.output_tokens:,} tokens in/out."
    )


if __name__ == "__main__":
    run(main)
