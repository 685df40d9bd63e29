"""Reads with what settings each function of a tenant calls, and refuses to take away what one of them uses.

`make rotate` and `make model` remove the previous ExternalId or model only once no function uses it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount

Settings = dict[str, Any]  # TENANT_BEDROCK, as modules/customer-workload writes it


def function_settings(target: Target, account: CustomerAccount) -> Settings | None:
    """Return the settings of the account's function; None when there is no function.

    Raises CommandError, with what follows "account 222222222222" in a sentence, when the function cannot be
    read or is still being updated.
    """
    if target.environment.is_self_managed(account):
        raise CommandError("is managed by its customer")
    name = target.environment.base_name(account.tenant)
    try:
        session = target.deployer(account)
    except CommandError as error:
        raise CommandError(f"cannot be read ({error})") from None
    client = target.client(session, "lambda")
    try:
        function = client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        return None
    except client.exceptions.ClientError as error:
        message = error.response["Error"]["Message"]
        raise CommandError(f"does not allow reading its function ({message})") from None
    # Until an update is complete, Lambda may still start the function with the old settings:
    # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    if function.get("LastUpdateStatus", "Successful") != "Successful":
        raise CommandError(f"has not finished updating {name}")
    settings: Settings = json.loads(function["Environment"]["Variables"]["TENANT_BEDROCK"])
    return settings


def refuse_while_in_use(
    target: Target,
    accounts: Collection[CustomerAccount],
    confirmed: Collection[str],
    subject: str,
    use: Callable[[Settings], str | None],
) -> None:
    """Raise CommandError while a function may still use ``subject``, such as "the old ExternalId".

    ``use`` returns how settings use it, such as "still uses the old one", or None. The owner of an account
    in ``confirmed`` has confirmed that its function does not.
    """

    def problem_of(account: CustomerAccount) -> str | None:
        try:
            settings = function_settings(target, account)
        except CommandError as error:
            return str(error)
        found = use(settings) if settings is not None else None  # without a function, no calls
        return found and f"{found} in {target.environment.base_name(account.tenant)}"

    problems = [
        f"{account.account_id} {problem}"
        for account in accounts
        if account.account_id not in confirmed and (problem := problem_of(account)) is not None
    ]
    if problems:
        tenant, name = next(iter(accounts)).tenant, target.environment.name
        raise CommandError(
            f"{subject[0].upper()}{subject[1:]} was not removed: account {'; account '.join(problems)}. "
            f"Run `make apply ENV={name} TENANT={tenant}`. If the customer manages an account, "
            "send what `make handover` writes, and add CONFIRM= and the account's id once it is applied."
        )
