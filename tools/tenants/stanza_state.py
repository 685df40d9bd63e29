"""A tenant's state: active, suspended or offboarding. Writes it in the stanza, changes the role, and tests calls.

The role is changed through IAM and not through Terraform, which plans nothing while one stanza is wrong, and which
would destroy the roles of stanzas that are missing even if only another tenant is its target. The change is the one
that an apply of the stanza makes: one statement more or less in the policy that was proved and applied.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tools.cli.console import out, progress, styled, warn
from tools.cli.function_call import FunctionError, NoFunctionError, call_function
from tools.command_error import CommandError
from tools.environment.edits import set_state
from tools.environment.model import ACTIVE, OFFBOARDING, SUSPENDED
from tools.environment.tenant_files import stanza_file
from tools.proof.losses import DENIAL_OF_EVERYTHING

if TYPE_CHECKING:
    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount, Environment

# The role's policy, and the statement by which it denies everything, as modules/operations-role writes them.
POLICY = "grants"
DENIAL = {"Sid": "SuspendedTenantsMayDoNothing", **DENIAL_OF_EVERYTHING}

# IAM's changes take effect with a delay: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
# states no time, so the test of calls gives up after this many seconds.
LONGEST_WAIT = 180
PAUSE = 1.0  # seconds between two calls
# The errors with which a function reports that its role is denied the call.
DENIALS = ("TenantSuspendedError", "DeniedByPolicyError")


def warn_of_state(environment: Environment, tenant: str) -> None:
    """Say on stderr that a tenant is suspended or offboarded, unless it is active."""
    state = environment.state_of(tenant)
    if state == SUSPENDED:
        warn(f"{tenant} is suspended: every call is refused. `make resume` lifts it.")
    elif state == OFFBOARDING:
        warn(
            f"{tenant} is offboarded by its stanza: an apply removes its function, and calls are refused. Its records "
            "stay readable until their retention ends."
        )


def write_state(environment: Environment, tenant: str, state: str) -> bool:
    """Write a tenant's state in its stanza; return whether that changed the file.

    Only this stanza has to be valid. Raises CommandError when there is none.
    """
    file = stanza_file(environment.tfvars, tenant)
    stanza = file.stanza(tenant)
    if stanza is None:
        raise CommandError(f'Tenant "{tenant}" has no stanza.')
    if (stanza.get("state") or ACTIVE) == state:
        return False
    stanza["state"] = state
    file.edit(lambda text, path: set_state(text, path, state), tenant)
    file.write()
    return True


def deny_calls(target: Target, tenant: str) -> bool:
    """Put the denial of everything before the statements of a tenant's role, also for its open sessions.

    Returns whether there is a role. Raises CommandError when IAM refuses.
    """
    policy = _policy(target, tenant)
    if policy is None:
        warn(f"{tenant} has no role in the operations account, so it cannot call anything.")
        return False
    statements = [item for item in policy["Statement"] if item.get("Sid") != DENIAL["Sid"]]
    _put_policy(target, tenant, {**policy, "Statement": [DENIAL, *statements]})
    return True


def allow_calls(target: Target, tenant: str) -> None:
    """Take the denial of everything from a tenant's role; CommandError if nothing is left or IAM refuses."""
    policy = _policy(target, tenant)
    statements = [
        item for item in (policy or {}).get("Statement", ()) if item.get("Sid") != DENIAL["Sid"]
    ]
    if policy is None or not statements:
        raise CommandError(
            f"The role of {tenant} has nothing to allow; run `make apply ENV={target.environment.name} "
            f"TENANT={tenant}`."
        )
    _put_policy(target, tenant, {**policy, "Statement": statements})


def wait_for_calls(target: Target, tenant: str, *, refused: bool) -> int:
    """Call each function of a tenant until its call is refused, or answered, and print how long that took.

    Every call is a real one, of one token at most, and leaves a record in the customer account. A refused call
    costs nothing. Returns 1 if an account could not be tested or does not come round in LONGEST_WAIT seconds.
    """
    started = time.monotonic()
    results = [
        _wait(target, account, started, refused=refused)
        for account in target.environment.accounts_of(tenant)
    ]
    return int(not all(results))


def _wait(target: Target, account: CustomerAccount, started: float, *, refused: bool) -> bool:
    if target.environment.is_self_managed(account):
        warn(
            f"{account.account_id} is self-managed, so its calls cannot be tested from here; ask its owner to make one."
        )
        return True
    wanted = "refused" if refused else "answered"
    progress(f"Calling the function in {account.account_id} until a call is {wanted}")
    while True:
        outcome = _outcome(target, account)
        seconds = time.monotonic() - started
        if outcome is None:
            out.print(f"  {account.account_id} has no function, so nothing calls from there.")
            return True
        if outcome == wanted:
            out.print(
                styled("  ", ("✓", "green"), f" {account.account_id} "),
                f"A call is {wanted}, {seconds:.1f} s after the role was changed.",
            )
            return True
        if seconds > LONGEST_WAIT:
            warn(
                f"{account.account_id}: no call was {wanted} within {LONGEST_WAIT} s; the last one: {outcome}"
            )
            return False
        time.sleep(PAUSE)


def _policy(target: Target, tenant: str) -> dict[str, Any] | None:
    """Return the policy of a tenant's role; None if there is no role or no policy."""
    iam = target.client(target.operations(), "iam")
    role = target.environment.base_name(tenant)
    try:
        document: dict[str, Any] = iam.get_role_policy(RoleName=role, PolicyName=POLICY)[
            "PolicyDocument"
        ]
    except iam.exceptions.NoSuchEntityException:
        return None
    except iam.exceptions.ClientError as error:
        raise CommandError(
            f"The policy of {role} cannot be read: {error.response['Error']['Message']}"
        ) from None
    return document


def _put_policy(target: Target, tenant: str, document: dict[str, Any]) -> None:
    """Replace the policy of a tenant's role at once, in one call.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
    """
    iam = target.client(target.operations(), "iam")
    role = target.environment.base_name(tenant)
    text = json.dumps(document, separators=(",", ":"))
    try:
        iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=text)
    except iam.exceptions.ClientError as error:
        raise CommandError(
            f"The policy of {role} cannot be changed: {error.response['Error']['Message']}"
        ) from None


def _outcome(target: Target, account: CustomerAccount) -> str | None:
    """Return "answered", "refused" or another error's sentence; None without a function."""
    alias = next(iter(target.environment.stanzas[account.tenant]["models"]))
    event = {"prompt": "Answer with one word.", "model": alias, "max_tokens": 1}
    try:
        call_function(target, account, event)
    except FunctionError as error:
        return "refused" if error.error_type in DENIALS else str(error)
    except NoFunctionError:
        return None
    except CommandError as error:
        return str(error)
    return "answered"
