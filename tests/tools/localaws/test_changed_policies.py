"""A plan is refused when IAM has other policies than it was made from, as after `make suspend`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import OPERATIONS, document, make_role
from tools.command_error import CommandError
from tools.proof.role_check import refuse_changed_policies
from tools.tenants.stanza_state import DENIAL

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

NAME = "bedrock-prod-acme"
ALLOW = {"Sid": "Call", "Action": ["bedrock:InvokeModel"], "Resource": ["*"]}
TRUST = {"Principal": {"AWS": ["arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:root"]}}
ROLE = {
    "name": NAME,
    "assume_role_policy": json.dumps(document({"Action": "sts:AssumeRole", **TRUST})),
}
GRANTS = {"name": "inline", "role": NAME, "policy": json.dumps(document(ALLOW))}


@pytest.fixture
def iam(local_aws: LocalAws, connect: Connect) -> Any:
    client = connect("iam", local_aws.control.account(OPERATIONS))
    make_role(client, NAME, TRUST, ALLOW)
    return client


def plan(before: dict[str, Any] | None, *actions: str, **more: Any) -> dict[str, Any]:
    kind = "aws_iam_role" if before is ROLE else "aws_iam_role_policy"
    address = f'module.operations_role["acme"].{kind}.this'
    change = {"actions": list(actions), "before": before, "after": {}}
    return {"resource_changes": [{"address": address, "type": kind, "change": change, **more}]}


def put(iam: Any, *statements: dict[str, Any]) -> None:
    text = json.dumps(document(*statements))
    iam.put_role_policy(RoleName=NAME, PolicyName="inline", PolicyDocument=text)


def test_a_plan_of_what_iam_has_is_applied(iam: Any) -> None:
    for actions in (("update",), ("delete",), ("delete", "create")):
        refuse_changed_policies(iam, plan(GRANTS, *actions))
        refuse_changed_policies(iam, plan(ROLE, *actions))


def test_a_plan_of_another_order_or_of_single_texts_is_applied(iam: Any) -> None:
    put(iam, {**ALLOW, "Action": "bedrock:InvokeModel", "Resource": "*"})
    refuse_changed_policies(iam, plan(GRANTS, "update"))
    principals = {"Principal": {"AWS": ["arn:aws:iam::333333333333:root", "222222222222"]}}
    text = json.dumps(document({"Action": ["sts:AssumeRole"], **principals}))
    iam.update_assume_role_policy(RoleName=NAME, PolicyDocument=text)
    refuse_changed_policies(iam, plan(ROLE, "update"))


def test_a_plan_from_before_a_suspension_is_refused(iam: Any) -> None:
    put(iam, DENIAL, ALLOW)
    for actions in (("update",), ("delete",), ("delete", "create")):
        with pytest.raises(CommandError, match="The role of acme has another policy in IAM"):
            refuse_changed_policies(iam, plan(GRANTS, *actions))
    with pytest.raises(CommandError, match="run the command again to make and show a new plan"):
        refuse_changed_policies(iam, plan(GRANTS, "update"))
    # What the plan does not change stays as it is in IAM.
    refuse_changed_policies(iam, plan(GRANTS, "no-op"))
    refuse_changed_policies(iam, plan(None, "create"))


def test_a_plan_of_another_trust_policy_or_of_a_missing_one_is_refused(iam: Any) -> None:
    text = json.dumps(document({"Action": "sts:AssumeRole", "Principal": {"AWS": "222222222222"}}))
    iam.update_assume_role_policy(RoleName=NAME, PolicyDocument=text)
    with pytest.raises(CommandError, match="The role of acme"):
        refuse_changed_policies(iam, plan(ROLE, "update"))
    iam.delete_role_policy(RoleName=NAME, PolicyName="inline")
    with pytest.raises(CommandError, match="The role of acme"):
        refuse_changed_policies(iam, plan(GRANTS, "update"))
