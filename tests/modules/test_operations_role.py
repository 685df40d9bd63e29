import pytest

EVERYTHING = {
    "customer_account_ids": ["333333333333", "222222222222"],
    "environment": "prod",
    "external_ids": {
        "current": "269170463fdc32af10a91e67a8fd77bd",
        "previous": "e2f2aa7d039ce726c5185bff0d2467ce",
    },
    "models": {
        "claude": {
            "model": "anthropic.claude-3-5-haiku-20241022-v1:0",
            "regions": ["eu-west-1", "eu-central-1"],
        },
        "nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]},
        "same-as-nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]},
    },
    "operations_account_id": "111111111111",
    "partition": "aws",
    "permissions_boundary": "arn:aws:iam::111111111111:policy/boundary",
    "tenant": "acme",
}

LEAST = {
    "customer_account_ids": ["222222222222"],
    "environment": "prod",
    "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
    "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["us-gov-west-1"]}},
    "operations_account_id": "111111111111",
    "partition": "aws-us-gov",
    "tenant": "acme",
}


@pytest.fixture(scope="module")
def root(module):
    return module("operations-role")


@pytest.fixture(scope="module")
def plan(root):
    return root.plan(**EVERYTHING)


@pytest.fixture(scope="module")
def least(root):
    return root.plan(region="us-gov-west-1", **LEAST)


def test_trusts_only_the_tenants_execution_roles_with_its_external_ids_under_its_name(plan):
    assert plan.policy("aws_iam_role.this", "assume_role_policy") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyTheTenantsExecutionRoles",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {
                    "AWS": ["arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:root"]
                },
                "Condition": {
                    "ArnEquals": {
                        "aws:PrincipalArn": [
                            "arn:aws:iam::222222222222:role/bedrock-prod-acme-execution",
                            "arn:aws:iam::333333333333:role/bedrock-prod-acme-execution",
                        ]
                    },
                    "StringEquals": {
                        "sts:ExternalId": [
                            "269170463fdc32af10a91e67a8fd77bd",
                            "e2f2aa7d039ce726c5185bff0d2467ce",
                        ],
                        "sts:RoleSessionName": "acme",
                    },
                },
            }
        ],
    }


def test_accepts_only_the_current_external_id_when_no_previous_one_is_set(least):
    trust = least.policy("aws_iam_role.this", "assume_role_policy")
    condition = trust["Statement"][0]["Condition"]["StringEquals"]
    assert condition["sts:ExternalId"] == ["269170463fdc32af10a91e67a8fd77bd"]


def test_grants_two_actions_on_each_model_in_each_of_its_regions_once(plan):
    assert plan.policy("aws_iam_role_policy.models") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "InvokeTheGrantedModels",
                "Effect": "Allow",
                "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
                "Resource": [
                    "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
                    (
                        "arn:aws:bedrock:eu-central-1::foundation-model/"
                        "anthropic.claude-3-5-haiku-20241022-v1:0"
                    ),
                    (
                        "arn:aws:bedrock:eu-west-1::foundation-model/"
                        "anthropic.claude-3-5-haiku-20241022-v1:0"
                    ),
                ],
            }
        ],
    }


def test_every_arn_is_in_the_partition(least):
    trust = least.policy("aws_iam_role.this", "assume_role_policy")["Statement"][0]
    assert trust["Principal"] == {"AWS": ["arn:aws-us-gov:iam::222222222222:root"]}
    assert trust["Condition"]["ArnEquals"] == {
        "aws:PrincipalArn": ["arn:aws-us-gov:iam::222222222222:role/bedrock-prod-acme-execution"]
    }
    assert least.policy("aws_iam_role_policy.models")["Statement"][0]["Resource"] == [
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-lite-v1:0"
    ]


def test_makes_a_role_and_its_policy_and_nothing_else(plan):
    assert plan.addresses == {"aws_iam_role.this", "aws_iam_role_policy.models"}


def test_the_role_is_named_for_the_tenant_and_lasts_an_hour_within_its_boundary(plan):
    role = plan.resource("aws_iam_role.this")
    assert role["name"] == "bedrock-prod-acme"
    assert role["max_session_duration"] == 3600
    assert role["permissions_boundary"] == "arn:aws:iam::111111111111:policy/boundary"
    assert role["tags"] == {"tenant": "acme"}


def test_has_no_boundary_unless_one_is_given(least):
    assert least.resource("aws_iam_role.this")["permissions_boundary"] is None


def test_hands_over_all_the_customer_side_needs_before_apply(plan):
    assert plan.outputs["handover"] == {
        "external_id": "269170463fdc32af10a91e67a8fd77bd",
        "models": EVERYTHING["models"],
        "regions": ["eu-central-1", "eu-west-1"],
        "role_arn": "arn:aws:iam::111111111111:role/bedrock-prod-acme",
    }
