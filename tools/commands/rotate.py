"""`make rotate`: change a tenant's ExternalId in three steps, without a failed call.

1. This command mints a new ExternalId and keeps the old one as ``previous``.
2. `make apply` lets the role accept both, and then gives the new one to every function.
3. This command, run again, removes ``previous`` once no function uses it; `make apply` then makes the
   role refuse it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.edits import (
    read_text,
    remove_attribute,
    replace_file,
    replace_span,
)
from tools.environment.external_id import new_external_id
from tools.environment.hcl import decode_hcl
from tools.environment.hcl_text import find_attribute

if TYPE_CHECKING:
    from collections.abc import Collection

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_argument(
        "--confirm",
        default="",
        metavar="ACCOUNTS",
        help="ids of accounts whose owners have confirmed the new ExternalId",
    )
    return arguments


def main() -> int:
    """Take the next step and print what to do after it."""
    options = parser().parse_args()
    session = open_session(options.env)
    environment, tenant = session.environment, options.tenant
    accounts = environment.accounts_of(tenant)
    text = read_text(environment.tfvars)
    expected = decode_hcl(text.encode())
    external_ids = expected["tenants"][tenant]["external_ids"]
    apply = f"`make apply ENV={environment.name} TENANT={tenant}`"
    if external_ids.get("previous") is None:
        external_id = new_external_id()
        text = with_new_external_id(text, tenant, external_id)
        external_ids.update(current=external_id, previous=external_ids["current"])
        explanation = (
            f"Step 1: {tenant} has a new ExternalId beside the old one, in environments/{environment.name}.\n"
            f"Step 2: run {apply}. The role then accepts both, and each function receives the new one.\n"
            f"Step 3: run `make rotate ENV={environment.name} TENANT={tenant}` again to remove the old one."
        )
    else:
        refuse_while_in_use(session.target, accounts, options.confirm.split())
        text = without_previous_external_id(text, tenant)
        del external_ids["previous"]
        explanation = (
            f"Step 3: the old ExternalId of {tenant} is removed from environments/{environment.name}; "
            f"no function uses it.\nRun {apply} to make the role refuse it."
        )
    replace_file(environment.tfvars, text, expected)
    out.print(explanation)
    return 0


def with_new_external_id(text: str, tenant: str, external_id: str) -> str:
    """Return ``text`` with ``external_id`` as the tenant's current one and the old one as ``previous``.

    Raises CommandError when the stanza has no current one.
    """
    if null := find_attribute(text, "tenants", tenant, "external_ids", "previous"):
        text = remove_attribute(text, null)  # `previous = null` has no effect
    current = find_attribute(text, "tenants", tenant, "external_ids", "current")
    if current is None and find_attribute(text, "tenants", tenant) is None:
        raise CommandError(
            f'The key of tenant "{tenant}" in terraform.tfvars is computed, so this command cannot edit its '
            "stanza. Nothing was changed; edit the file by hand."
        )
    if current is None:
        raise CommandError(
            f'Tenant "{tenant}" has no `external_ids = {{ current = "…" }}` to rotate; '
            "mint one with `openssl rand -hex 16`."
        )
    old = text[current.value.start : current.value.end]
    return replace_span(text, current.value, f'"{external_id}", previous = {old}')


def without_previous_external_id(text: str, tenant: str) -> str:
    """Return ``text`` without the tenant's previous ExternalId."""
    attribute = find_attribute(text, "tenants", tenant, "external_ids", "previous")
    return text if attribute is None else remove_attribute(text, attribute)


def refuse_while_in_use(
    target: Target, accounts: Collection[CustomerAccount], confirmed: Collection[str]
) -> None:
    """Raise CommandError while a function may still use the previous ExternalId.

    The owner of an account in ``confirmed`` has confirmed that its function does not.
    """
    problems = [
        f"{account.account_id} {problem}"
        for account in accounts
        if account.account_id not in confirmed
        and (problem := _reason_to_wait(target, account)) is not None
    ]
    if problems:
        tenant, name = next(iter(accounts)).tenant, target.environment.name
        raise CommandError(
            f"The old ExternalId was not removed: account {'; account '.join(problems)}. "
            f"Run `make apply ENV={name} TENANT={tenant}`. If the customer manages an account, "
            "send what `make handover` writes, and add CONFIRM= and the account's id once it is applied."
        )


def _reason_to_wait(target: Target, account: CustomerAccount) -> str | None:
    """Return why this account may still use another ExternalId; None when it does not."""
    environment = target.environment
    if environment.is_self_managed(account):
        return "is managed by its customer"
    current = environment.stanzas[account.tenant]["external_ids"]["current"]
    name = environment.base_name(account.tenant)
    try:
        session = target.deployer(account)
    except CommandError as error:
        return f"cannot be read ({error})"
    client = target.client(session, "lambda")
    try:
        function = client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        return None  # without a function there are no calls from this account
    except client.exceptions.ClientError as error:
        return f"does not allow reading its function ({error.response['Error']['Message']})"
    # Until an update is complete, Lambda may still start the function with the old settings:
    # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    if function.get("LastUpdateStatus", "Successful") != "Successful":
        return f"has not finished updating {name}"
    settings = json.loads(function["Environment"]["Variables"]["TENANT_BEDROCK"])
    return None if settings["external_id"] == current else f"still uses the old one in {name}"


if __name__ == "__main__":
    run(main)
