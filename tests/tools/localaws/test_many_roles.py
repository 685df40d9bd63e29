"""Requests of several threads at once do not fail because moto's IAM walks through what another one changes."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.tools.localaws.aws import OPERATIONS

TRUST = '{"Version": "2012-10-17", "Statement": []}'
POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
)


@pytest.fixture
def frequent_switches():
    """Let Python change between threads thousands of times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
def test_roles_are_read_while_others_are_made(local_aws, connect):
    keys = local_aws.control.account(OPERATIONS)
    clients = [connect("iam", keys) for _ in range(6)]

    def work(number):
        iam = clients[number % len(clients)]
        for turn in range(25):
            name = f"role-{number}-{turn}"
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=POLICY)
            assert iam.get_role(RoleName=name)["Role"]["RoleName"] == name
            assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["p"]

    with ThreadPoolExecutor(max_workers=len(clients)) as pool:
        list(pool.map(work, range(len(clients))))
    roles = clients[0].get_paginator("list_roles").paginate().build_full_result()["Roles"]
    assert len([role for role in roles if role["RoleName"].startswith("role-")]) == 150
