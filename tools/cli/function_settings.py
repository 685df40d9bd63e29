"""Reads with what settings each function of a tenant calls, and refuses to take away what one of them uses.

`make rotate` and `make model` remove the previous ExternalId or model only once no function uses it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.cli.confirmation import confirmed_names, refuse_unknown_names
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount, Environment

Settings = dict[str, Any]  # TENANT_BEDROCK, as modules/customer-workload writes it


class UpdatingFunctionError(CommandError):
    """A function was read while Lambda still updates it, so both its old and its new settings may be used."""


def function_settings(target: Target, account: CustomerAccount) -> Settings | None:
    """Return the settings of the account's function; None when there is no function.

    Raises CommandError, with what follows "account 222222222222" in a sentence, when the function cannot be
    read; UpdatingFunctionError while it is still being updated.
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
        raise UpdatingFunctionError(f"has not finished updating {name}")
    settings: Settings = json.loads(function["Environment"]["Variables"]["TENANT_BEDROCK"])
    return settings


def confirmed_accounts(environment: Environment, tenant: str, text: str) -> frozenset[str]:
    """Return the ids in CONFIRM=; CommandError if one is of no account of the tenant."""
    confirmed = confirmed_names(text)
    account_ids = [account.account_id for account in environment.accounts_of(tenant)]
    refuse_unknown_names(confirmed, account_ids, f"ids of the accounts of {tenant}")
    return confirmed


def refuse_while_in_use(
    target: Target,
    accounts: Collection[CustomerAccount],
    confirmed: Collection[str],
    subject: str,
    use: Callable[[Settings], str | None],
) -> list[str]:
    """Raise CommandError while a function may still use ``subject``, such as "the old ExternalId".

    ``use`` returns how settings use it, such as "still uses the old one", or None. ``confirmed`` are the ids in
    CONFIRM=: the owner of such an account has confirmed that its function does not use it. That counts only for
    accounts that cannot be read, whose ids are returned.
    """
    environment = target.environment
    in_use: dict[str, str] = {}  # how an account's function uses it, by the account's id
    unreadable: dict[str, str] = {}  # why an account cannot be read
    for account in accounts:
        try:
            settings = function_settings(target, account)
        except UpdatingFunctionError as error:
            in_use[account.account_id] = str(error)
        except CommandError as error:
            unreadable[account.account_id] = str(error)
        else:
            if settings is not None and (sentence := use(settings)):  # without a function, no calls
                in_use[account.account_id] = (
                    f"{sentence} in {environment.base_name(account.tenant)}"
                )
    open_questions = {name: text for name, text in unreadable.items() if name not in confirmed}
    if not in_use and not open_questions:
        return sorted(unreadable)
    problems = [f"account {name} {text}" for name, text in {**in_use, **open_questions}.items()]
    tenant = next(iter(accounts)).tenant
    sentences = [
        f"{subject[0].upper()}{subject[1:]} was not removed: {'; '.join(problems)}.",
        f"Run `make apply ENV={environment.name} TENANT={tenant}`.",
    ]
    if in_use.keys() & set(confirmed):
        sentences.append("CONFIRM= counts only for accounts whose functions cannot be read.")
    if open_questions:
        sentences.append(
            "If the customer manages an account, send what `make handover` writes, and add CONFIRM= and the "
            "account's id once it is applied."
        )
    raise CommandError(" ".join(sentences))


def unused_sentence(confirmed: Collection[str]) -> str:
    """Return the sentence that no function uses what is removed, and for which accounts the owners say so."""
    if not confirmed:
        return "no function uses it"
    return (
        "no function that can be read uses it, and the owner has confirmed the same of "
        f"{' and '.join(confirmed)}"
    )
