"""`make model`: change what an alias calls in steps, without a failed call.

1. This command writes the new model, route, profile or Regions, and keeps the old ones as ``previous``.
2. `make apply` lets the role grant both, and then gives the new one to every function.
3. This command, run again, removes ``previous`` once no function uses it; `make apply` then makes the
   role refuse it and removes the inference profile of a tracked alias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.function_settings import (
    confirmed_accounts,
    refuse_while_in_use,
    unused_sentence,
)
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.edits import read_text, replace_file
from tools.environment.hcl import decode_hcl
from tools.environment.model_edit import changed_model, with_model, without_previous
from tools.proof.lost_calls import uses_previous

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from tools.cli.function_settings import Settings
    from tools.cli.session import Session


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_argument("--name", required=True, help="the alias in the stanza's models")
    arguments.add_argument("--model", help="the new model's id, without a profile's prefix")
    arguments.add_argument("--route", help='"on-demand", "geographic" or "global"')
    arguments.add_argument("--profile", help='the prefix of the geographic profile, such as "eu."')
    arguments.add_argument(
        "--regions", help="the Regions in which it may be called, with spaces between them"
    )
    arguments.add_argument(
        "--confirm",
        default="",
        metavar="ACCOUNTS",
        help="ids of accounts that cannot be read, whose owners have confirmed that their functions use the new one",
    )
    return arguments


def main() -> int:
    """Take the next step and print what to do after it."""
    options = parser().parse_args()
    session = open_session(options.env)
    environment, tenant, alias = session.environment, options.tenant, options.name
    confirmed = confirmed_accounts(environment, tenant, options.confirm)
    text = read_text(environment.tfvars)
    expected = decode_hcl(text.encode())
    models = expected["tenants"][tenant]["models"]
    if alias not in models:
        raise CommandError(
            f'Tenant "{tenant}" has no alias "{alias}"; it has {", ".join(models)}. A new alias is added in '
            "the stanza."
        )
    changes = _changes(options)
    differs = any(models[alias].get(name) != value for name, value in changes.items())
    where = f"in environments/{environment.name}"
    apply = f"`make apply ENV={environment.name} TENANT={tenant}`"
    if models[alias].get("previous") is None:
        if not differs:
            raise CommandError(
                f"{alias} has no `previous`, so there is nothing to finish. Write what it shall call, for "
                "instance MODEL=amazon.nova-pro-v1:0."
            )
        models[alias] = changed_model(models[alias], changes)
        explanation = (
            f"Step 1: {alias} of {tenant} has what it calls from now on, and what it called before as "
            f"`previous`, {where}.\n"
            f"Step 2: run {apply}. The role then grants both, and each function receives the new one.\n"
            f"Step 3: run `make model ENV={environment.name} TENANT={tenant} NAME={alias}` to remove the old one."
        )
    else:
        if differs:
            raise CommandError(
                f"{alias} is still being changed: it has a `previous`. Finish that first: run {apply}, and "
                f"then `make model ENV={environment.name} TENANT={tenant} NAME={alias}`."
            )
        answered = _refuse_while_in_use(session, tenant, alias, confirmed)
        models[alias] = without_previous(models[alias])
        explanation = (
            f"Step 3: what {alias} of {tenant} called before is removed {where}; "
            f"{unused_sentence(answered)}.\n"
            f"Run {apply} to make the role refuse it."
        )
    replace_file(environment.tfvars, with_model(text, tenant, alias, models[alias]), expected)
    out.print(explanation)
    return 0


def _changes(options: Namespace) -> dict[str, Any]:
    """Return the attributes of the model that are given."""
    values = {name: getattr(options, name) for name in ("model", "profile", "regions", "route")}
    return {
        name: value.split() if name == "regions" else value
        for name, value in values.items()
        if value is not None
    }


def _refuse_while_in_use(
    session: Session, tenant: str, alias: str, confirmed: frozenset[str]
) -> list[str]:
    stanza = session.environment.stanzas[tenant]
    handover: Mapping[str, Any] = session.bucket.handover(tenant)

    def use(settings: Settings) -> str | None:
        is_used = uses_previous(stanza, alias, settings, handover)
        return f"still uses what {alias} called before" if is_used else None

    accounts = session.environment.accounts_of(tenant)
    return refuse_while_in_use(
        session.target, accounts, confirmed, f"what {alias} called before", use
    )


if __name__ == "__main__":
    run(main)
