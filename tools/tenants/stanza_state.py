"""A tenant's state: active, suspended or offboarding. Writes it in the stanza, applies it, and tests calls."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cli.console import out, progress, styled, warn
from tools.cli.function_call import FunctionError, call_function
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.edits import read_text, replace_file, set_state
from tools.environment.hcl import decode_hcl
from tools.environment.model import load_environment, tfvars_of
from tools.proof.proved_apply import ProvedApply, Prover
from tools.terraform.state import operations_state

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount, Environment

ACTIVE, SUSPENDED, OFFBOARDING = "active", "suspended", "offboarding"

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
            f"{tenant} is offboarded: its function is removed and calls are refused. Its records stay readable until "
            "their retention ends."
        )


def write_state(environment_name: str, tenant: str, state: str) -> bool:
    """Write a tenant's state in its stanza; return whether that changed the file.

    Only this stanza has to be valid. Raises CommandError when there is none.
    """
    file = tfvars_of(environment_name)
    text = read_text(file)
    expected = decode_hcl(text.encode())
    stanza = (expected.get("tenants") or {}).get(tenant)
    if stanza is None:
        load_environment(environment_name).accounts_of(tenant)  # which says what there is
        raise CommandError(f'Tenant "{tenant}" has no stanza.')
    if (stanza.get("state") or ACTIVE) == state:
        return False
    stanza["state"] = state
    replace_file(file, set_state(text, tenant, state), expected)
    return True


def apply_role(environment_name: str, tenant: str) -> Session:
    """Apply a tenant's role in the operations account and nothing else, and return the session.

    If other stanzas stop Terraform, it is applied with this tenant's stanza alone. Raises CommandError when
    that fails too.
    """
    state = operations_state(tenant)
    try:
        session = open_session(environment_name)
        if ProvedApply(Prover(session, 1)).apply_states([state]) == 0:
            return session
    except CommandError as error:
        warn(str(error))
    warn(
        f"That stops the apply, so {tenant}'s role is applied with its own stanza alone and without its profiles."
    )
    session = open_session(environment_name, only=tenant)
    # A policy of its own or one in the role: Terraform ignores a target that does not exist.
    module = f'module.operations_role["{tenant}"]'
    role = state.limited_to([f"{module}.aws_iam_role.this", f"{module}.aws_iam_role_policy.grants"])
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # which nobody else may read: stanzas hold ExternalIds
        file = Path(folder) / "tenant.tfvars.json"
        file.write_text(json.dumps({"tenants": session.environment.stanzas}))
        if ProvedApply(Prover(session, 1)).apply_states([replace(role, var_files=(str(file),))]):
            raise CommandError(
                f"The role of {tenant} was not applied. Its stanza is changed; correct what the errors above say and "
                f"run the command again."
            )
    return session


def wait_for_calls(session: Session, tenant: str, *, refused: bool) -> int:
    """Call each function of a tenant until its call is refused, or answered, and print how long that took.

    Every call is a real one, of one token at most, and leaves a record in the customer account. A refused call
    costs nothing. Returns 1 if an account could not be tested or does not come round in LONGEST_WAIT seconds.
    """
    started = time.monotonic()
    results = [
        _wait(session, account, started, refused=refused)
        for account in session.environment.accounts_of(tenant)
    ]
    return int(not all(results))


def _wait(session: Session, account: CustomerAccount, started: float, *, refused: bool) -> bool:
    if session.environment.is_self_managed(account):
        warn(
            f"{account.account_id} is self-managed, so its calls cannot be tested from here; ask its owner to make one."
        )
        return True
    wanted = "refused" if refused else "answered"
    progress(f"Calling the function in {account.account_id} until a call is {wanted}")
    while True:
        outcome = _outcome(session, account)
        seconds = time.monotonic() - started
        if outcome is None:
            out.print(f"  {account.account_id} has no function, so nothing calls from there.")
            return True
        if outcome == wanted:
            out.print(
                styled("  ", ("✓", "green"), f" {account.account_id} "),
                f"A call is {wanted}, {seconds:.0f} s after the apply.",
            )
            return True
        if seconds > LONGEST_WAIT:
            warn(
                f"{account.account_id}: no call was {wanted} within {LONGEST_WAIT} s; the last one: {outcome}"
            )
            return False
        time.sleep(PAUSE)


def _outcome(session: Session, account: CustomerAccount) -> str | None:
    """Return "answered", "refused" or another error's sentence; None without a function."""
    alias = next(iter(session.environment.stanzas[account.tenant]["models"]))
    event = {"prompt": "Answer with one word.", "model": alias, "max_tokens": 1}
    try:
        call_function(session.target, account, event)
    except FunctionError as error:
        return "refused" if error.error_type in DENIALS else str(error)
    except CommandError as error:
        return None if "has no function" in str(error) else str(error)
    return "answered"
