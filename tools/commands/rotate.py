"""`make rotate`: change a tenant's ExternalId in three steps, with no failed call in between.

1. This command mints a new one and keeps the old as ``previous``: the role will accept both.
2. `make apply` makes it so, and then hands the new one to every customer account.
3. This command again takes ``previous`` away, once no function calls with it; `make apply` ends it.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tools.cli import arguments
from tools.cli.console import CommandError, out, run
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.commands.tenant import external_id
from tools.environment import edits as tfvars
from tools.environment import model as environment

if TYPE_CHECKING:
    from collections.abc import Collection

    from tools.environment.model import CustomerAccount, Environment


def main() -> int:
    """Take the step that is next, and say what to do after it."""
    options = arguments.parser(__doc__, tenant="required")
    options.add_argument(
        "--confirm",
        default="",
        metavar="ACCOUNTS",
        help="accounts that we may not look into, whose owner says that the new one is applied",
    )
    chosen = options.parse_args()
    env, workspace = environment.load(chosen.env), Workspace()
    accounts = env.of(chosen.tenant)
    file = env.folder / "terraform.tfvars"
    text = file.read_text()
    apply = f"`make apply ENV={env.name} TENANT={chosen.tenant}`"
    if previous(text, chosen.tenant) is None:
        edited = both(text, chosen.tenant, external_id())
        told = (
            f"Step 1: {chosen.tenant} has a new ExternalId, beside the old, in environments/{env.name}.\n"
            f"Step 2: {apply}. The role then accepts both, and each function is given the new one.\n"
            f"Step 3: `make rotate ENV={env.name} TENANT={chosen.tenant}` again takes the old one away."
        )
    else:
        prepare(workspace, env)
        refuse_while_used(workspace, env, accounts, chosen.confirm.split())
        edited = only_current(text, chosen.tenant)
        told = (
            f"Step 3: the old ExternalId of {chosen.tenant} is gone from environments/{env.name}; "
            f"no function calls with it.\n{apply} makes the role refuse it."
        )
    file.write_text(edited)
    subprocess.run([workspace.toolchain().terraform, "fmt", file], check=True, capture_output=True)
    out.print(told, markup=False, soft_wrap=True)
    return 0


def previous(text: str, tenant: str) -> str | None:
    """The tenant's previous ExternalId in a terraform.tfvars; None while it has one only."""
    found = tfvars.attribute(text, "tenants", tenant, "external_ids", "previous")
    return None if found is None else json.loads(text[found.value.start : found.value.end])


def both(text: str, tenant: str, new: str) -> str:
    """``text`` with ``new`` as the tenant's current ExternalId and what was current as its previous.

    Raises CommandError when the stanza has no current one.
    """
    if idle := tfvars.attribute(text, "tenants", tenant, "external_ids", "previous"):
        text = tfvars.without(text, idle.whole)  # `previous = null` says nothing
    current = tfvars.attribute(text, "tenants", tenant, "external_ids", "current")
    if current is None:
        raise CommandError(
            f'Tenant "{tenant}" has no `external_ids = {{ current = "…" }}` to rotate; '
            "mint one with `openssl rand -hex 16`."
        )
    old = text[current.value.start : current.value.end]
    return tfvars.replaced(text, current.value, f'"{new}", previous = {old}')


def only_current(text: str, tenant: str) -> str:
    """``text`` without the tenant's previous ExternalId."""
    found = tfvars.attribute(text, "tenants", tenant, "external_ids", "previous")
    return text if found is None else tfvars.without(text, found.whole)


def refuse_while_used(
    workspace: Workspace,
    env: Environment,
    accounts: Collection[CustomerAccount],
    confirmed: Collection[str],
) -> None:
    """CommandError while a function of ``accounts`` may still call with the previous ExternalId.

    An account in ``confirmed`` is taken at its owner's word.
    """
    waiting = []
    for account in accounts:
        if account.account_id in confirmed:
            continue
        current = env.stanzas[account.tenant]["external_ids"]["current"]
        if (problem := _not_yet(workspace, env, account, current)) is not None:
            waiting.append(f"{account.account_id} {problem}")
    if waiting:
        tenant = next(iter(accounts)).tenant
        raise CommandError(
            f"The old ExternalId stays: account {'; account '.join(waiting)}. "
            f"Run `make apply ENV={env.name} TENANT={tenant}`; for an account whose owner applies the module alone, "
            f"hand over what `make handover` prints, and add CONFIRM=its-id once that is done."
        )


def _not_yet(
    workspace: Workspace, env: Environment, account: CustomerAccount, current: str
) -> str | None:
    """Why this account may still call with another ExternalId; None when it does not."""
    name = env.name_of(account.tenant)
    try:
        session = workspace.deployer(env, account)
    except CommandError as error:
        return f"cannot be looked into ({error})"
    client = workspace.client(env, session, "lambda")
    try:
        function = client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        return None  # without a function nothing calls from here
    except client.exceptions.ClientError as error:
        return f"does not show its function ({error.response['Error']['Message']})"
    # Until an update has gone through, Lambda may still start the function as it was:
    # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    if function.get("LastUpdateStatus", "Successful") != "Successful":
        return f"has not finished updating {name}"
    settings = json.loads(function["Environment"]["Variables"]["TENANT_BEDROCK"])
    return None if settings["external_id"] == current else f"still calls with the old one in {name}"


if __name__ == "__main__":
    run(main)
