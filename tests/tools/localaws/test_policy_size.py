"""An inline policy is refused above IAM's limit, with the policies that the role has already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.tools.localaws.aws import OPERATIONS, document, make_role, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

TRUST = {"Principal": {"Service": "lambda.amazonaws.com"}}


def policy(length: int) -> str:
    """A policy of this many characters; white space between them is not counted."""
    text = json.dumps(document({"Action": "s3:GetObject", "Resource": "*", "Sid": ""}), indent=2)
    padding = "x" * (length - len("".join(text.split())))
    return text.replace('"Sid": ""', f'"Sid": "{padding}"')


def test_a_policy_above_the_limit_is_refused_beside_one_of_the_limit(
    local_aws: LocalAws, connect: Connect
) -> None:
    iam = connect("iam", local_aws.control.account(OPERATIONS))
    make_role(iam, "long", TRUST)
    grants = {"RoleName": "long", "PolicyName": "grants"}
    iam.put_role_policy(**grants, PolicyDocument=policy(10_240))
    refused = ("LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role long")
    assert refusal(iam.put_role_policy, **grants, PolicyDocument=policy(10_241)) == refused
    more = {"RoleName": "long", "PolicyName": "more"}
    assert refusal(iam.put_role_policy, **more, PolicyDocument=policy(150)) == refused
    iam.put_role_policy(**grants, PolicyDocument=policy(10_090))
    iam.put_role_policy(**more, PolicyDocument=policy(150))


def test_a_users_limit_is_lower(local_aws: LocalAws, connect: Connect) -> None:
    iam = connect("iam", local_aws.control.account(OPERATIONS))
    iam.create_user(UserName="reader")
    user = {"UserName": "reader", "PolicyName": "read"}
    iam.put_user_policy(**user, PolicyDocument=policy(2_048))
    refused = ("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user reader")
    assert refusal(iam.put_user_policy, **user, PolicyDocument=policy(2_049)) == refused
