"""Organizations permissions: a member account reads policies only if the organization's own policy lets it.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs-policy-delegate.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backends
from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

DelegationPolicies = dict[str, str]
"""The resource policy of each organization, as JSON text, by the id of its management account."""

# What every member may do with its own permissions alone:
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
_MEMBERS_OWN = frozenset({"DescribeOrganization", "LeaveOrganization"})


def organizations_permissions(call: Call, delegation: DelegationPolicies) -> Iterator[Permission]:
    """The permission in the account whose organization it is; moto keeps it there."""
    action = f"organizations:{call.operation}"
    manager = backends("organizations").master_accounts.get(call.account, (call.account,))[0]
    if call.operation in _MEMBERS_OWN or manager == call.account:
        yield Permission(action, "*", call.account)
        return
    yield Permission(action, "*", manager, resource_policy=delegation.get(manager))
