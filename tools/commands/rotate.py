"""`make rotate`: change a tenant's ExternalId in three steps, without a failed call.

1. This command mints a new ExternalId and keeps the old one as ``previous``.
2. `make apply` lets the role accept both, and then gives the new one to every function.
3. This command, run again, removes ``previous`` once no function uses it; `make apply` then makes the
   role refuse it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.function_settings import (
    confirmed_accounts,
    refuse_while_in_use,
    unused_sentence,
)
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.edits import remove_attribute, replace_span, stanza_path
from tools.environment.external_id import new_external_id
from tools.environment.hcl_text import find_attribute
from tools.environment.tenant_files import stanza_file

if TYPE_CHECKING:
    from collections.abc import Collection

    from tools.cli.function_settings import Settings
    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_argument(
        "--confirm",
        default="",
        metavar="ACCOUNTS",
        help="ids of accounts that cannot be read, whose owners have confirmed the new ExternalId",
    )
    return arguments


def main() -> int:
    """Take the next step and print what to do after it."""
    options = parser().parse_args()
    session = open_session(options.env, tenant=options.tenant)
    environment, tenant = session.environment, options.tenant
    accounts = environment.accounts_of(tenant)
    confirmed = confirmed_accounts(environment, tenant, options.confirm)
    file = stanza_file(environment.tfvars, tenant)
    external_ids = (file.stanza(tenant) or {})["external_ids"]
    apply = f"`make apply ENV={environment.name} TENANT={tenant}`"
    if external_ids.get("previous") is None:
        external_id = new_external_id()
        file.edit(lambda text, path: with_new_external_id(text, path, external_id), tenant)
        external_ids.update(current=external_id, previous=external_ids["current"])
        explanation = (
            f"Step 1: {tenant} has a new ExternalId beside the old one, in environments/{environment.name}.\n"
            f"Step 2: run {apply}. The role then accepts both, and each function receives the new one.\n"
            f"Step 3: run `make rotate ENV={environment.name} TENANT={tenant}` again to remove the old one."
        )
    else:
        answered = refuse_while_the_old_one_is_used(session.target, accounts, confirmed)
        file.edit(without_previous_external_id, tenant)
        del external_ids["previous"]
        explanation = (
            f"Step 3: the old ExternalId of {tenant} is removed from environments/{environment.name}; "
            f"{unused_sentence(answered)}.\nRun {apply} to make the role refuse it."
        )
    file.write()
    out.print(explanation)
    return 0


def with_new_external_id(text: str, tenant: str | None, external_id: str) -> str:
    """Return ``text`` with ``external_id`` as the tenant's current one and the old one as ``previous``.

    ``tenant`` is None in its own file. Raises CommandError when the stanza has no current one.
    """
    path = (*stanza_path(tenant), "external_ids")
    if null := find_attribute(text, *path, "previous"):
        text = remove_attribute(text, null)  # `previous = null` has no effect
    current = find_attribute(text, *path, "current")
    if current is None and tenant is not None and find_attribute(text, "tenants", tenant) is None:
        raise CommandError(
            f'The key of tenant "{tenant}" in terraform.tfvars is computed, so this command cannot edit its '
            "stanza. Nothing was changed; edit the file by hand."
        )
    if current is None:
        raise CommandError(
            'The stanza has no `external_ids = { current = "…" }` to rotate; '
            "mint one with `openssl rand -hex 16`."
        )
    old = text[current.value.start : current.value.end]
    return replace_span(text, current.value, f'"{external_id}", previous = {old}')


def without_previous_external_id(text: str, tenant: str | None) -> str:
    """Return ``text`` without the tenant's previous ExternalId."""
    attribute = find_attribute(text, *stanza_path(tenant), "external_ids", "previous")
    return text if attribute is None else remove_attribute(text, attribute)


def refuse_while_the_old_one_is_used(
    target: Target, accounts: Collection[CustomerAccount], confirmed: Collection[str]
) -> list[str]:
    """Raise CommandError while a function may still use the previous ExternalId.

    Returns the ids of the accounts that cannot be read, and for which CONFIRM= answers.
    """
    tenant = next(iter(accounts)).tenant
    current = target.environment.stanzas[tenant]["external_ids"]["current"]

    def use(settings: Settings) -> str | None:
        return None if settings["external_id"] == current else "still uses the old one"

    return refuse_while_in_use(target, accounts, confirmed, "the old ExternalId", use)


if __name__ == "__main__":
    run(main)
