"""`make model`: change what an alias calls in steps, without a failed call.

1. This command writes the new model, route, profile or Regions, and keeps the old ones as ``previous``.
2. `make apply` lets the role grant both, and then gives the new one to every function.
3. This command, run again, removes ``previous`` once no function uses it; `make apply` then makes the
   role refuse it and removes the inference profile of a tracked alias.

Until step 2 the command also corrects what step 1 wrote. Afterwards, the values of ``previous`` go back to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.confirmation import separate_words
from tools.cli.console import out, run
from tools.cli.function_settings import (
    confirmed_accounts,
    refuse_while_in_use,
    unused_sentence,
)
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.model_edit import (
    changed_model,
    has_values,
    restored_model,
    with_model,
    without_previous,
)
from tools.environment.tenant_files import stanza_file
from tools.proof.lost_calls import is_handed_over, uses_previous
from tools.tenants.model_rules import model_problems

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
        "--regions",
        help="the Regions in which it may be called, with spaces or commas between them",
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
    session = open_session(options.env, tenant=options.tenant)
    environment, tenant, alias = session.environment, options.tenant, options.name
    confirmed = confirmed_accounts(environment, tenant, options.confirm)
    file = stanza_file(environment.tfvars, tenant)
    models = (file.stanza(tenant) or {})["models"]
    if alias not in models:
        raise CommandError(
            f'Tenant "{tenant}" has no alias "{alias}"; it has {", ".join(models)}. A new alias is added in '
            "the stanza."
        )
    changes, model = _changes(options), models[alias]
    where = f"in environments/{environment.name}"
    apply = f"`make apply ENV={environment.name} TENANT={tenant}`"
    finish = f"`make model ENV={environment.name} TENANT={tenant} NAME={alias}`"
    steps = (
        f"Step 2: run {apply}. The role then grants both, and each function receives the new one.\n"
        f"Step 3: run {finish} to remove the old one."
    )
    previous = model.get("previous")
    if has_values(model, changes):
        if previous is None:
            raise CommandError(
                f"{alias} has no `previous`, so there is nothing to finish. Write what it shall call, for "
                "instance MODEL=amazon.nova-pro-v1:0."
            )
        answered = _refuse_while_in_use(session, tenant, alias, confirmed)
        new = without_previous(model)
        explanation = (
            f"Step 3: what {alias} of {tenant} called before is removed {where}; "
            f"{unused_sentence(answered)}.\nRun {apply} to make the role refuse it."
        )
    elif previous is None:
        new = changed_model(model, changes)
        explanation = (
            f"Step 1: {alias} of {tenant} has what it calls from now on, and what it called before as "
            f"`previous`, {where}.\n{steps}"
        )
    elif _is_pending(session, tenant, alias, model):
        is_undone = _names_previous(model, changes)
        new = restored_model(model)
        if not is_undone:
            new = {**changed_model(without_previous(model), changes), "previous": previous}
        explanation = (
            f"The change of {alias} of {tenant} is undone {where}. Nothing of it had been applied."
            if is_undone
            else f"The change of {alias} of {tenant} is corrected {where}. Nothing of it had been applied.\n{steps}"
        )
    elif _names_previous(model, changes):
        new = restored_model(model)
        new["previous"] = changed_model(without_previous(model), {})["previous"]
        explanation = (
            f"{alias} of {tenant} goes back to what it called before, {where}; what it was changed to is its "
            f"`previous` now.\n{steps}"
        )
    else:
        raise CommandError(
            f"{alias} is still being changed, and an apply has begun: it has a `previous`. Finish that first: run "
            f"{apply}, and then {finish}. To go back, write the values of `previous`, such as "
            f"MODEL={previous['model']}."
        )
    if problems := model_problems(new, environment.operations_region) if changes else []:
        raise CommandError(f"Nothing was changed. {' '.join(problems)}")
    models[alias] = new
    file.edit(lambda text, path: with_model(text, path, alias, models[alias]), tenant)
    file.write()
    out.print(explanation)
    return 0


def _changes(options: Namespace) -> dict[str, Any]:
    """Return the attributes of the model that are given."""
    values = {name: getattr(options, name) for name in ("model", "profile", "regions", "route")}
    return {
        name: separate_words(value) if name == "regions" else value
        for name, value in values.items()
        if value is not None
    }


def _names_previous(model: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Return whether the changes ask for the model's ``previous``; another route alone does not if the ids differ."""
    previous = model["previous"]
    is_same_id = previous["model"] == model["model"]
    return has_values(previous, changes) and (is_same_id or "model" in changes)


def _is_pending(session: Session, tenant: str, alias: str, model: Mapping[str, Any]) -> bool:
    """Return whether no apply has handed over a changed model, so no function calls what it was changed to."""
    if tenant not in session.bucket.tenants_with_handover():
        return True
    models = session.bucket.handover(tenant)["models"]
    return not is_handed_over(model, models.get(alias)) and (
        alias not in models or is_handed_over(model["previous"], models[alias])
    )


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
