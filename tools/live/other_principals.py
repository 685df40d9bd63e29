"""Name every principal of the operations account, besides the roles that are proved, that reaches a tenant.

Faults are a role that a customer's account or anybody may assume, whatever the role may do; and a role,
user or group that may call Bedrock, change who may, or assume a role of the account. Of the latter the
environment lists its administrators in ``operations.administrators``, and the caller of this proof is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.isolation.plan_fault import Fault
from tools.live.reach import assume_kind, bedrock_kind, iam_kind, possible_action

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from operations_guard.authorization_details import AuthorizationDetails, Document, Documents
    from tools.live.reach import ActionKind

# Only AWS creates and changes roles under this path:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
_SERVICE_LINKED = "/aws-service-role/"


@dataclass(frozen=True)
class Trust:
    """Whom the Allow statements of a trust policy name, whatever their conditions are."""

    accounts: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str]
    anyone: bool

    @property
    def services_only(self) -> bool:
        """Whether nobody but AWS services may assume the role."""
        return not (self.accounts or self.federated or self.anyone)


def trust_of(document: Mapping[str, Any]) -> Trust:
    """Read whom a trust policy names; an element that it does not know stands for anyone."""
    statements = document.get("Statement", [])
    names: dict[str, set[str]] = {"AWS": set(), "Service": set(), "Federated": set()}
    anyone = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        if not isinstance(principal, dict):  # "*", or NotPrincipal, which is everyone else
            anyone = True
            continue
        for kind, texts in principal.items():
            anyone = anyone or kind not in names
            names.setdefault(kind, set()).update([texts] if isinstance(texts, str) else texts)
    accounts = {name.split(":")[4] if name.startswith("arn:") else name for name in names["AWS"]}
    return Trust(
        # IAM shows the id of a deleted principal, which nobody has any more:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        accounts=frozenset(account for account in accounts if account.isdigit()),
        services=frozenset(names["Service"]),
        federated=frozenset(names["Federated"]),
        anyone=anyone or "*" in accounts,
    )


@dataclass(frozen=True)
class OperationsPrincipals:
    """The principals of one operations account, without the tenants' roles and the guard's."""

    subject: str
    details: AuthorizationDetails
    account: str
    partition: str
    proved_roles: Collection[str]  # names
    customers: Mapping[str, str]  # tenants' names by customer account
    administrators: Collection[str]  # ARNs, with the caller's own

    def faults(self) -> Iterator[Fault]:
        """Yield a fault for each principal and each way in which it reaches a tenant."""
        for name, role in self.details.roles.items():
            if name not in self.proved_roles:
                yield from self._role_faults(role)
        groups = self.details.groups
        for group in groups.values():
            documents = self.details.policies(group, "Group")
            yield from self._reach_faults("group", group["GroupName"], group["Arn"], documents)
        for user in self.details.users:
            documents = self.details.policies(user, "User")
            for name in user.get("GroupList", ()):
                group = groups.get(name, {})
                if group.get("Arn") not in self.administrators:
                    of_group = self.details.policies(group, "Group")
                    documents |= {f"{key} of group {name}": of_group[key] for key in of_group}
            limits = self.details.boundary(user)
            yield from self._reach_faults("user", user["UserName"], user["Arn"], documents, limits)

    def _role_faults(self, role: Mapping[str, Any]) -> Iterator[Fault]:
        name, trust = role["RoleName"], trust_of(role.get("AssumeRolePolicyDocument") or {})
        if trust.anyone:
            yield self._fault(f"anyone who meets its conditions may assume the role {name}")
        for account in sorted(trust.accounts & self.customers.keys()):
            owner = self.customers[account]
            yield self._fault(
                f"the role {name} trusts the customer account {account} of {owner}, and no stanza defines it"
            )
        if role.get("Path", "/").startswith(_SERVICE_LINKED) and trust.services_only:
            return
        documents = self.details.policies(role, "Role")
        limits = self.details.boundary(role)
        others = sorted(trust.accounts - {self.account} - self.customers.keys())
        label = f"{name}, which trusts the account {', '.join(others)}," if others else name
        yield from self._reach_faults("role", label, role["Arn"], documents, limits)

    def _reach_faults(
        self,
        kind: str,
        label: str,
        arn: str,
        documents: Documents,
        limits: tuple[tuple[str, Document], ...] = (),
    ) -> Iterator[Fault]:
        if arn in self.administrators:
            return
        for action_kind in self._kinds():
            if action := possible_action(action_kind, documents, limits):
                shown = "" if action == action_kind.label else f" ({action})"
                yield self._fault(
                    f"the {kind} {label} may {action_kind.label}{shown}; remove that, or list {arn} "
                    "in operations.administrators"
                )
                return

    def _kinds(self) -> tuple[ActionKind, ...]:
        roles = f"arn:{self.partition}:iam::{self.account}:role/"
        return (bedrock_kind(), iam_kind(), assume_kind(roles))

    def _fault(self, problem: str) -> Fault:
        return Fault(self.subject, "principals", problem)
