"""Organizations permissions: a member account reads policies only if the organization's own policy lets it.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs-policy-delegate.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backend, backends
from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

DelegationPolicies = dict[str, str]
"""The resource policy of each organization, as JSON text, by the id of its management account."""

# What every member may do with its own permissions alone:
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
_MEMBERS_OWN = frozenset({"DescribeOrganization", "LeaveOrganization"})


# What these parameters name, by the beginning of an id; an account's id is digits.
_NAMED = ("ChildId", "PolicyId", "TargetId")
_KINDS = {"ou-": "ou", "p-": "policy", "r-": "root"}


def organizations_permissions(call: Call, delegation: DelegationPolicies) -> Iterator[Permission]:
    """The permissions in the account whose organization it is; moto keeps it there.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
    """
    action = f"organizations:{call.operation}"
    manager = backends("organizations").master_accounts.get(call.account, (call.account,))[0]
    arns = [_arn(call, manager, each) for name in _NAMED if (each := call.parameter(name))] or ["*"]
    is_own = call.operation in _MEMBERS_OWN or manager == call.account
    for arn in arns:
        if is_own:
            yield Permission(action, arn, call.account)
        else:
            yield Permission(action, arn, manager, resource_policy=delegation.get(manager))


def _arn(call: Call, manager: str, identifier: str) -> str:
    kind = next((kind for start, kind in _KINDS.items() if identifier.startswith(start)), "account")
    organization = backend("organizations", manager, call.partition).org
    place = "o-unknown" if organization is None else organization.id
    owner = manager
    if kind == "policy":
        place += "/service_control_policy"
        if identifier == "p-FullAWSAccess":  # AWS's own policy is in no account
            owner, place = "aws", "service_control_policy"
    return f"arn:{call.partition}:organizations::{owner}:{kind}/{place}/{identifier}"
