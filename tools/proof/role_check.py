"""Compares the policies of roles in IAM with those that a plan was made from, immediately before its apply.

Terraform refuses a plan when the state has changed since, and not when AWS has: an apply would put the planned
policy over a denial that `make suspend` or somebody else has put there meanwhile.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.terraform.state import tenant_of_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.terraform.runner import PlanJson

PARALLEL_READS = 8

_ROOT_OF_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root")


def refuse_changed_policies(iam: Any, plan: PlanJson) -> None:  # noqa: ANN401 - boto3's client
    """Raise CommandError if IAM has other policies than the plan was made from, of roles that it changes.

    ``iam`` is a client in the operations account. A role that the plan makes has no policy yet.
    """
    changes = [
        item
        for item in plan.get("resource_changes", ())
        if item["type"] in {"aws_iam_role", "aws_iam_role_policy"}
        and {"update", "delete"} & {*item["change"]["actions"]}
        and "deposed" not in item
    ]

    def is_changed(item: Mapping[str, Any]) -> bool:
        before = item["change"]["before"]
        planned = before["policy" if "policy" in before else "assume_role_policy"]
        return bool(_comparable(_read(iam, before)) != _comparable(json.loads(planned)))

    with ThreadPoolExecutor(max_workers=PARALLEL_READS) as pool:
        changed = [
            item
            for item, differs in zip(changes, pool.map(is_changed, changes), strict=True)
            if differs
        ]
    if changed:
        names = [tenant_of_address(item["address"]) or item["address"] for item in changed]
        tenants = " and ".join(dict.fromkeys(names))
        raise CommandError(
            f"The role of {tenants} has another policy in IAM than when this plan was made, for instance because "
            "`make suspend` was run meanwhile. Nothing was applied here; run the command again to make and show a "
            "new plan."
        )


def _read(iam: Any, before: Mapping[str, Any]) -> Any:  # noqa: ANN401 - boto3's client, and any JSON value
    """Return a role's inline or trust policy as IAM has it now; None if it is not there."""
    try:
        if "policy" in before:
            role, name = before["role"], before["name"]
            return iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        return iam.get_role(RoleName=before["name"])["Role"]["AssumeRolePolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return None
    except iam.exceptions.ClientError as error:
        raise CommandError(
            "The policies of the roles that the plan changes cannot be read, so nothing was applied here: "
            f"{error.response['Error']['Message']}"
        ) from None


def _comparable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a policy so that two of the same meaning are equal: without order, and a single text as a list.

    IAM may return the elements of a list in another order, and an account as the ARN of its root:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-accounts
    """
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [_comparable(item) for item in value]
        if len(items) == 1:
            return items[0]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, str) and (root := _ROOT_OF_ACCOUNT.fullmatch(value)):
        return root[1]
    return value
