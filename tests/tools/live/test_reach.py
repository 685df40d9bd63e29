"""Whether policies that others wrote may allow a kind of action: what is modelled, and what is not."""

import pytest

from tools.iam.policy import Kind
from tools.live.other_principals import trust_of
from tools.live.reach import assume_kind, bedrock_kind, iam_kind, possible_action, resource_kind


def document(*statements):
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Resource": "*", **statement} for statement in statements
        ],
    }


BEDROCK = ["bedrock:*", "bedrock-agentcore:*", "bedrock-mantle:*"]
DENY_BEDROCK = {"Effect": "Deny", "Action": BEDROCK}
AGE = {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}  # an operator without a formula
MY_USER = "arn:aws:iam::111111111111:user/${aws:username}"


@pytest.mark.parametrize(
    "statements",
    [
        [{"Action": "*"}],
        [{"Action": "bedrock:*"}],
        [{"Action": "BEDROCK:invokemodel"}],
        [{"Action": "b*"}],
        [{"Action": "?edrock:InvokeModel"}],
        [{"Action": "bedrock-mantle:CreateInference"}],
        [{"Action": "bedrock:PutModelInvocationLoggingConfiguration"}],
        [{"NotAction": "iam:*"}],
        [
            {
                "Action": "bedrock:InvokeModel",
                "Resource": "arn:aws:bedrock:eu-west-1::foundation-model/x",
            }
        ],
        [{"Action": "bedrock:InvokeModel", "Condition": AGE}],
        [{"Action": "bedrock:InvokeModel", "Condition": {"Madeup": {"x:y": "z"}}}],
        [{"Action": "bedrock:*"}, {**DENY_BEDROCK, "Condition": AGE}],
        [{"Action": "bedrock:*"}, {"Effect": "Deny", "Action": "bedrock:InvokeModel"}],
        [
            {"Action": "bedrock:*"},
            {**DENY_BEDROCK, "Condition": {"Bool": {"aws:ViaAWSService": "true"}}},
        ],
    ],
)
def test_finds_that_bedrock_may_be_called(statements):
    assert possible_action(bedrock_kind(), {"policy": document(*statements)})


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [{"Action": "s3:*"}],
        [{"Action": ["bedrock:Get*", "bedrock:List*"]}],
        [{"NotAction": BEDROCK}],
        [{"Action": "*"}, DENY_BEDROCK],
        [{"Action": "s3:*", "Condition": AGE}],
        [{"Action": "ec2:*", "Condition": {"StringEquals": {"ec2:ResourceTag/team": "x"}}}],
    ],
)
def test_finds_that_bedrock_cannot_be_called(statements):
    assert possible_action(bedrock_kind(), {"policy": document(*statements)}) is None


def test_a_boundary_limits_what_the_policies_allow():
    everything = {"policy": document({"Action": "*"})}
    others = (("boundary", document({"Action": "s3:*"})),)
    wide = (("boundary", document({"Action": ["s3:*", "bedrock:*"]})),)
    assert possible_action(bedrock_kind(), everything, others) is None
    assert possible_action(bedrock_kind(), everything, wide)


def test_a_deny_in_one_policy_limits_another():
    policies = {"one": document({"Action": "bedrock:*"}), "other": document(DENY_BEDROCK)}
    assert possible_action(bedrock_kind(), policies) is None


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "iam:*"}, "iam:*"),
        ({"Action": "iam:PassRole"}, "iam:PassRole"),
        ({"Action": ["iam:Get*", "iam:List*", "iam:ChangePassword"]}, None),
        ({"Action": "iam:*AccessKey*", "Resource": MY_USER}, "iam:*AccessKey*"),
        ({"Action": "iam:GetUser", "Resource": MY_USER}, None),
    ],
)
def test_names_the_action_by_which_permissions_change(statement, expected):
    assert possible_action(iam_kind(), {"policy": document(statement)}) == expected


@pytest.mark.parametrize(
    ("resource", "may"),
    [
        ("*", True),
        ("arn:aws:iam::111111111111:role/admin", True),
        ("arn:aws:iam::*:role/terraform-deployer", True),
        ("arn:aws:iam::222222222222:role/terraform-deployer", False),
    ],
)
def test_tells_the_roles_of_one_account_from_those_of_others(resource, may):
    kind = assume_kind("arn:aws:iam::111111111111:role/")
    policy = document({"Action": "sts:AssumeRole", "Resource": resource})
    assert (possible_action(kind, {"policy": policy}) is not None) == may


@pytest.mark.parametrize(
    ("resource", "may"),
    [
        ("*", True),
        ("arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/*", True),
        ("arn:aws:logs:eu-central-1:222222222222:log-group:/aws/vendedlogs/*", False),
    ],
)
def test_reads_a_resource_policy_with_its_principals(resource, may):
    group = "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/prod/acme/records"
    statement = {
        "Action": "logs:PutLogEvents",
        "Principal": {"Service": "es.amazonaws.com"},
        "Resource": resource,
    }
    kind = resource_kind("use the group", (group,))
    action = possible_action(kind, {"policy": document(statement)}, policy_kind=Kind.RESOURCE)
    assert (action is not None) == may


@pytest.mark.parametrize(
    ("principal", "accounts", "anyone"),
    [
        ({"AWS": "arn:aws:iam::222222222222:root"}, {"222222222222"}, False),
        (
            {"AWS": ["222222222222", "arn:aws:sts::333333333333:assumed-role/a/b"]},
            {"222222222222", "333333333333"},
            False,
        ),
        ({"AWS": "AIDACKCEVSQ6C2EXAMPLE"}, set(), False),
        ({"AWS": "*"}, set(), True),
        ("*", set(), True),
        ({"CanonicalUser": "79a59df900b949e5"}, set(), True),
        ({"Service": "lambda.amazonaws.com"}, set(), False),
        ({"Federated": "arn:aws:iam::111111111111:saml-provider/x"}, set(), False),
    ],
)
def test_reads_whom_a_trust_policy_names(principal, accounts, anyone):
    trust = trust_of({"Statement": {"Effect": "Allow", "Principal": principal}})
    assert (trust.accounts, trust.anyone) == (accounts, anyone)


def test_a_trust_policy_that_excludes_names_everyone_else():
    statement = {"Effect": "Allow", "NotPrincipal": {"AWS": "222222222222"}}
    assert trust_of({"Statement": [statement]}).anyone
    assert not trust_of({"Statement": [{**statement, "Effect": "Deny"}]}).anyone
