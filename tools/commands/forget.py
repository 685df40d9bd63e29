"""`make forget`: remove what the operator still has of a tenant that is offboarded, once the retention is over.

It destroys the tenant's role in the operations account, and removes the hand-over, the states of its accounts and
its stanza. It lists what the customer's administrators then delete, since no deployer may delete records or keys.
A tenant whose stanza is lost is forgotten in the same way.

ACCOUNT= forgets one account and leaves the tenant as it is: an account that has left the stanza, or that its
customer manages now. It removes Terraform's state of that account and nothing in AWS.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.confirmation import confirm
from tools.cli.console import err, out, run, styled, warn
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.environment.edits import remove_stanza
from tools.environment.inspector_role import inspector_name
from tools.environment.model import OFFBOARDING
from tools.environment.tenant_files import stanza_file
from tools.records.reader import log_groups
from tools.tenants.workload import EXECUTION_ROLE, FUNCTION, workload_in
from tools.terraform.parallel import print_success
from tools.terraform.state import account_of_key, customer_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount, Environment


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_argument(
        "--account", help="an account that has left the stanza or that its customer manages now"
    )
    arguments.add_argument(
        "--confirm",
        help="the tenant's name, or the account with ACCOUNT=, in place of the question on the terminal, also while "
        "records are younger than their retention",
    )
    return arguments


def main() -> int:
    """Ask, forget the tenant, and print what its customer deletes."""
    options = parser().parse_args()
    session = open_session(options.env)
    environment, tenant = session.environment, options.tenant
    if options.account is not None:
        forget_account(session, tenant, options.account, options.confirm)
        return 0
    accounts = _accounts(session, tenant)
    states = session.bucket.customer_states()
    workloads = {
        account: workload_in(session.bucket.state(customer_state(account).key))
        for account in accounts
        if customer_state(account).key in states
    }
    refuse_active_tenant(environment, tenant, workloads)
    err.print(styled("  ", (tenant, "bold")))
    err.print(f"    goes     role {environment.base_name(tenant)} and its hand-over")
    for account in accounts:
        err.print(f"    goes     Terraform's state of account {account.account_id}")
        _warn_of_young_records(session, account)
    if tenant in environment.tenants:
        err.print("    goes     the stanza")
    keys = state_keys(session, tenant, accounts)
    refuse_locked_states(session, keys, tenant)
    confirm(tenant, options.confirm, f"{tenant} was not forgotten.")
    # The question may have been open for long.
    refuse_locked_states(session, keys, tenant)
    _remove(session, tenant, accounts)
    for account in accounts:
        _print_left(environment, account, workloads.get(account, frozenset()))
    return 0


def forget_account(session: Session, tenant: str, account_id: str, answer: str | None) -> None:
    """Ask, remove the state of one account that the operator does not manage any more, and print what is left."""
    environment, bucket = session.environment, session.bucket
    account = forgettable_account(environment, bucket.customer_states(), tenant, account_id)
    state = customer_state(account)
    refuse_locked_states(session, [state.key], state.label)
    account = _with_region_of_state(session, account)
    workload = workload_in(bucket.state(state.key))
    is_self_managed = environment.is_self_managed(account)
    err.print(styled("  ", (f"{tenant} {account_id}", "bold")))
    err.print("    goes     Terraform's state of this account")
    err.print(f"    remains  everything in account {account_id}")
    if is_self_managed:
        err.print(
            "    first    the customer applies what `make handover` writes now: its imports.tf needs this state"
        )
    else:
        _warn_of_young_records(session, account)
    confirm(account_id, answer, f"{tenant} {account_id} was not forgotten.")
    # The question may have been open for long.
    refuse_locked_states(session, [state.key], state.label)
    _remove_state(session, account)
    if is_self_managed:
        out.print(f"The customer's own Terraform manages what account {account_id} has.")
    else:
        _print_left(environment, account, workload)


def forgettable_account(
    environment: Environment, states: Collection[str], tenant: str, account_id: str
) -> CustomerAccount:
    """Return an account that is not managed any more and has a state; CommandError for any other."""
    accounts = [
        account
        for key in sorted(states)
        if (account := account_of_key(environment, key)) and account.tenant == tenant
    ]
    account = next((item for item in accounts if item.account_id == account_id), None)
    if account is None:
        others = ", ".join(item.account_id for item in accounts) or "none"
        raise CommandError(
            f"There is no state of account {account_id} of {tenant}, so nothing is to be forgotten; "
            f"{tenant} has states of these accounts: {others}."
        )
    if environment.has_account(account) and not environment.is_self_managed(account):
        raise CommandError(
            f"Account {account_id} is in the stanza of {tenant}, and the operator manages it. To end it, remove it "
            'from `accounts` there; if the customer takes it over, write managed_by = "customer" there. '
            f"Then run `make apply ENV={environment.name} PART=operations`, and this command again."
        )
    return account


def _warn_of_young_records(session: Session, account: CustomerAccount) -> None:
    if sentence := young_records(session, account):
        warn(f"{account.account_id}: {sentence}")


def _print_left(
    environment: Environment, account: CustomerAccount, workload: frozenset[str]
) -> None:
    """Print what the customer's administrators delete in an account."""
    out.print(f"The administrators of account {account.account_id} delete, in {account.region}:")
    for line in left_in(environment, account, workload):
        out.print(f"  {line}")


def young_records(session: Session, account: CustomerAccount) -> str | None:
    """Return a sentence if an account has records younger than their retention, or if that cannot be read."""
    if account.tenant not in session.environment.tenants:
        return "without a stanza it is not known how long its records have to be kept."
    days = session.environment.retention_days(account.tenant)
    since = datetime.now(UTC) - timedelta(days=days)
    group = session.environment.record_log_group(account.tenant)
    try:
        client = session.target.client(session.target.reader(account), "logs")
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since.timestamp() * 1000)
        )
        if any(page["events"] for page in pages):
            return f"{group} has records that are younger than their retention of {days:,} days."
    except CommandError as error:
        return f"it cannot be read whether {group} has records younger than {days:,} days: {error}"
    except client.exceptions.ResourceNotFoundException:
        return None
    except client.exceptions.ClientError as error:
        reason = error.response["Error"]["Message"]
        return f"it cannot be read whether {group} has records younger than {days:,} days: {reason}"
    return None


def left_in(
    environment: Environment, account: CustomerAccount, workload: frozenset[str]
) -> list[str]:
    """Return what the customer's administrators delete in an account, one line for each.

    ``workload`` is what its state holds of the workload. An offboarded tenant in a VPC still has its execution role.
    What a self-managed account holds is in no state of the operator.
    """
    base = environment.base_name(account.tenant)
    lines = [f"log group {name}" for name in log_groups(environment, account.tenant)]
    lines.append(f"key alias/{base}, whose deletion AWS schedules for 7 to 30 days later")
    is_self_managed = environment.is_self_managed(account)
    if is_self_managed:
        lines.append(
            f"function {base} and role {base}-execution, unless the customer's apply has removed them"
        )
    elif FUNCTION in workload:
        lines.append(f"function {base}")
    if EXECUTION_ROLE in workload and not is_self_managed:
        lines.append(f"role {base}-execution")
    lines += [f"roles {base}-reader and {base}-unmasker, if they exist"]
    lines.append(f"policy {base}-boundary, the boundary of these roles")
    lines.append(f"role {inspector_name(environment, account)}, if it exists")
    others = [
        other.tenant
        for other in environment.accounts
        if other.account_id == account.account_id and other.tenant != account.tenant
    ]
    if others:
        lines.append(
            f"but not role {environment.deployer_role_name}, which {' and '.join(others)} still needs"
        )
    elif is_self_managed:
        lines.append(f"role {environment.deployer_role_name}, if it exists")
    else:
        lines.append(f"role {environment.deployer_role_name}")
    return lines


def _accounts(session: Session, tenant: str) -> list[CustomerAccount]:
    """Return the accounts of the stanza and those of states without one; CommandError when nothing is known."""
    environment = session.environment
    accounts = [account for account in environment.accounts if account.tenant == tenant]
    for key in sorted(session.bucket.customer_states()):
        account = account_of_key(environment, key)
        known = {account.account_id for account in accounts}
        if account is not None and account.tenant == tenant and account.account_id not in known:
            accounts.append(_with_region_of_state(session, account))
    if not accounts and tenant not in session.bucket.tenants_with_handover():
        environment.accounts_of(tenant)  # which says what there is
    return accounts


def _with_region_of_state(session: Session, account: CustomerAccount) -> CustomerAccount:
    """Return the account in the Region that its state records, which no stanza may say any more."""
    outputs = session.bucket.state(customer_state(account).key).outputs
    return replace(account, region=outputs.get("region") or account.region)


def refuse_active_tenant(
    environment: Environment, tenant: str, workloads: Mapping[CustomerAccount, frozenset[str]]
) -> None:
    """Raise CommandError unless the tenant is offboarded or has no stanza.

    `make offboard` removes no function from an account that has left the stanza or that its customer manages, so
    such a function does not stop this command, and the list of what the customer deletes has it.
    """
    if tenant not in environment.tenants:
        return
    functions = [
        account
        for account, workload in workloads.items()
        if FUNCTION in workload
        and environment.has_account(account)
        and not environment.is_self_managed(account)
    ]
    places = ", ".join(account.account_id for account in functions)
    if environment.state_of(tenant) != OFFBOARDING or functions:
        reason = f"still has a function in {places}" if places else "is not offboarded"
        raise CommandError(
            f"{tenant} {reason}; run `make offboard ENV={environment.name} TENANT={tenant}` first, and this command "
            "once the retention of its records is over."
        )


def state_keys(session: Session, tenant: str, accounts: Iterable[CustomerAccount]) -> list[str]:
    """Return the keys of the states that hold the tenant's role and what is in its accounts."""
    operations = [state.key for state in session.operations_states(tenant)]
    return operations + [customer_state(account).key for account in accounts]


def refuse_locked_states(session: Session, keys: Collection[str], label: str) -> None:
    """Raise CommandError if another command works in a state that would be removed or changed."""
    if locks := session.bucket.locks(keys):
        raise CommandError(
            f"{label} was not forgotten, because states are locked: "
            f"{'; '.join(f'{lock.key} by {lock}' for lock in locks)}. Wait until that command ends; if it was killed, "
            f"run `make unlock ENV={session.environment.name}`. Then run this command again."
        )


def _remove(session: Session, tenant: str, accounts: list[CustomerAccount]) -> None:
    """Destroy the role, then remove hand-over and states, and the stanza last, so that a second run continues."""
    bucket = session.bucket
    for operations in session.operations_states(tenant):
        print_success(operations, session.terraform.destroy(operations))
    bucket.remove_handovers(bucket.tenants_with_handover() & {tenant})
    for account in accounts:
        _remove_state(session, account)
    environment = session.environment
    if tenant in environment.tenants:
        stanza_file(environment.tfvars, tenant).remove(tenant, remove_stanza)
        removed = environment.place_of(tenant)
        if tenant not in environment.files:
            removed = f"the stanza from {removed}"
        out.print(f"Removed {removed}; commit this.")


def _remove_state(session: Session, account: CustomerAccount) -> None:
    session.bucket.remove_state(customer_state(account).key)
    out.print(f"Removed Terraform's state of {account.tenant} {account.account_id}.")


if __name__ == "__main__":
    run(main)
