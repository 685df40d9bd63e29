"""What no command plans, applies or destroys any more: what has no stanza, and states of self-managed accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.cli.console import warn
from tools.terraform.state import account_of_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount, Environment

FORMER_STATE = "operator's state"  # of an account that its customer manages now
SHOWN = 5  # orphans that plan and apply name


@dataclass(frozen=True, order=True)
class Orphan:
    """One thing that no command works on; ``advice`` is a sentence on what to do about it."""

    tenant: str
    kind: str  # "state", FORMER_STATE, "hand-over" or "role"
    name: str
    advice: str


def orphans_of(
    environment: Environment,
    states: Collection[str],
    handovers: Collection[str],
    roles: Collection[str],
) -> list[Orphan]:
    """Return what no command works on: of the states' keys, the hand-overs' tenants and the roles' names."""
    prefix = f"bedrock-{environment.name}-"
    orphans = []
    for key in states:
        account = account_of_key(environment, key)
        if account is not None and (advice := _advice_on_state(environment, account)):
            kind = FORMER_STATE if environment.is_self_managed(account) else "state"
            orphans.append(Orphan(account.tenant, kind, key, advice))
    for tenant in set(handovers) - set(environment.tenants):
        advice = "Put back the stanza; an apply removes the hand-over together with the role."
        orphans.append(Orphan(tenant, "hand-over", f"handovers/{tenant}.json", advice))
    for role in roles:
        tenant = role.removeprefix(prefix)
        if role.startswith(prefix) and tenant.lower() not in environment.tenants:
            advice = (
                "Put back the stanza, or end the tenant with "
                f"`make forget ENV={environment.name} TENANT={tenant}`."
            )
            orphans.append(Orphan(tenant, "role", role, advice))
    return sorted(orphans)


def _advice_on_state(environment: Environment, account: CustomerAccount) -> str | None:
    """Return what to do about an account's state; None while the operator's Terraform works in it."""
    tenant = f"ENV={environment.name} TENANT={account.tenant}"
    options = environment.options_of(account)
    command = f"`make forget {options}`"
    if environment.is_self_managed(account):
        return (
            f"The customer manages this account. Once it has applied what `make handover {options}` writes, run "
            f"{command}."
        )
    if environment.has_account(account):
        return None
    if account.tenant in environment.tenants:
        return (
            f"Put back the account in its stanza, or run {command} if the account is not to be "
            "managed any more."
        )
    return f"Put back the stanza, or run `make forget {tenant}` if the tenant is not to be managed any more."


def find_orphans(session: Session) -> list[Orphan]:
    """Read the state bucket and the roles of the operations account; a warning says what cannot be read."""
    environment, bucket = session.environment, session.bucket
    iam = session.target.client(session.target.operations(), "iam")
    roles: list[str] = []
    try:
        for page in iam.get_paginator("list_roles").paginate():
            roles += [role["RoleName"] for role in page["Roles"]]
    except ClientError as error:
        reason = error.response["Error"]["Message"]
        warn(f"Roles without a stanza are not looked for, because IAM does not list them: {reason}")
    orphans = orphans_of(
        environment, bucket.customer_states(), bucket.tenants_with_handover(), roles
    )
    return [orphan for orphan in orphans if orphan.kind != "role" or _is_ours(iam, orphan)]


def _is_ours(iam: Any, orphan: Orphan) -> bool:  # noqa: ANN401 - boto3's client
    """Whether a role with a tenant's name has the tag with which modules/operations-role makes one."""
    tags = iam.list_role_tags(RoleName=orphan.name)["Tags"]
    return {"Key": "tenant", "Value": orphan.tenant} in tags


def warn_of_orphans(session: Session) -> None:
    """Name on stderr what no command works on."""
    orphans = find_orphans(session)
    for orphan in orphans[:SHOWN]:
        reason = "Managed by its customer" if orphan.kind == FORMER_STATE else "Without a stanza"
        warn(f"{reason}: {orphan.kind} {orphan.name}. {orphan.advice}")
    if len(orphans) > SHOWN:
        name = session.environment.name
        warn(f"`make orphans ENV={name}` lists all {len(orphans)} of them.")
