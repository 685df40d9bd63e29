"""Calls a tenant's function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.model import OFFBOARDING

if TYPE_CHECKING:
    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount

# A function runs for at most 1,800 s (Lambda quotas); its answer may arrive a little later.
READ_TIMEOUT = 1810


class FunctionError(CommandError):
    """The function answered with an error; ``error_type`` is Lambda's errorType."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type


class NoFunctionError(CommandError):
    """The account has no function to call."""


def call_function(
    target: Target, account: CustomerAccount, event: dict[str, Any]
) -> dict[str, Any]:
    """Return the function's answer to ``event``.

    Raises FunctionError when the function fails, and CommandError when it cannot be called.
    """
    answer: dict[str, Any] = json.loads(answer_text(target, account, event))
    return answer


def answer_text(target: Target, account: CustomerAccount, event: dict[str, Any]) -> str:
    """Return the JSON text of the function's answer; raises the same errors as ``call_function``."""
    environment = target.environment
    # Every invocation costs money, so a slow answer never leads to a second invocation.
    client = target.client(
        target.deployer(account),
        "lambda",
        read_timeout=READ_TIMEOUT,
        retries={"total_max_attempts": 1},
    )
    try:
        response = client.invoke(
            FunctionName=environment.function_name(account), Payload=json.dumps(event)
        )
    except client.exceptions.ResourceNotFoundException:
        if environment.state_of(account.tenant) == OFFBOARDING:
            raise NoFunctionError(
                f"{account.tenant} is offboarded, so {account.account_id} has no function to call. `make logs` still "
                "reads its records."
            ) from None
        raise NoFunctionError(
            f"{account.account_id} has no function {environment.base_name(account.tenant)} yet; "
            f"run `make apply ENV={environment.name} TENANT={account.tenant}`."
        ) from None
    except client.exceptions.ClientError as error:
        raise CommandError(
            f"The function cannot be called: {error.response['Error']['Message']}"
        ) from None
    text: str = response["Payload"].read().decode("utf-8", "replace")
    if "FunctionError" in response:
        raise _function_error(text)
    return text


def _function_error(text: str) -> FunctionError:
    """Return the error in a failed function's answer; Lambda writes one that a runtime did not write."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        answer = {"errorMessage": text}
    return FunctionError(
        str(answer.get("errorType", "Unknown")), str(answer.get("errorMessage", "no message"))
    )
