"""What the Denies of execution role, deployer and administrators leave of CloudWatch Logs.

logs_actions.json is AWS's own list of the service's actions with access levels and resource types. After an
update of that file, an action fails here until a Deny covers it or it is placed among those that copy nothing.
"""

import functools
import json
from pathlib import Path

import pytest

from tests.modules.deployers import ACCOUNT
from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind, parse_policy

HERE = Path(__file__).parent
ACTIONS = json.loads((HERE / "logs_actions.json").read_text())["actions"]
GOLDEN = json.loads((HERE / "golden" / "customer-deployer-plain.json").read_text())

LOGS = f"arn:aws:logs:eu-central-1:{ACCOUNT}"
GROUPS = [
    f"{LOGS}:log-group:/{name}"
    for name in ("aws/lambda/bedrock-prod-acme", "bedrock/prod/acme/records")
]
WRITES = {"CreateLogStream", "PutLogEvents"}

# What the deployer needs on its two groups.
MANAGEMENT = {
    "AssociateKmsKey",
    "CreateLogGroup",
    "DeleteDataProtectionPolicy",
    "DescribeLogGroups",
    "GetDataProtectionPolicy",
    "ListTagsForResource",
    "PutDataProtectionPolicy",
    "PutRetentionPolicy",
    "TagResource",
    "UntagResource",
}

# Actions on the whole account that neither return nor copy what a log group holds, although AWS's access level
# is Write or Permissions management. Administrators keep them.
COPY_NOTHING = {
    "CallWithBearerToken",  # authenticates a request, which needs its own permission
    "CancelExportTask",
    "CancelImportTask",
    "CreateImportTask",  # copies into CloudWatch Logs
    "CreateLogDelivery",  # delivers the logs of other services
    "DeleteAccountPolicy",
    "DeleteIndexPolicy",
    "DeleteIntegration",
    "DeleteLogDelivery",
    "DeletePipelineRule",
    "DeleteQueryDefinition",
    "DeleteResourcePolicy",
    "DisassociateSourceFromS3TableIntegration",
    "PutIndexPolicy",
    "PutQueryDefinition",
    "PutResourcePolicy",  # admits services that write
    "PutStorageTierPolicy",
    "UpdateLogDelivery",
}


def resources(group, types):
    """ARNs on which AWS decides an action; an action without a resource type is decided on *."""
    arns = {
        "log-group": [group, f"{group}:*", f"{group}:log-stream:"],
        "log-stream": [f"{group}:log-stream:stream"],
    }
    return [arn for type_ in types for arn in arns.get(type_, [f"{LOGS}:{type_}:any"])] or ["*"]


@functools.cache
def policy(text):
    return parse_policy(text, "policy", Kind.IDENTITY)


def allowed(document, role, action, resource):
    """Whether a role may do it although another policy of the role allows everything."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    policies = [policy(json.dumps(document)), policy(EVERYTHING)]
    requester = Requester(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session", arn)
    context = {"aws:PrincipalAccount": ACCOUNT, "aws:PrincipalArn": arn}
    return evaluate(
        policies,
        Request(action if ":" in action else f"logs:{action}", resource, context, requester),
    ).allowed


def undenied(document, role, actions=ACTIONS):
    """The actions that the document leaves on either group, or on anything else that they act on."""
    return {
        action
        for action, details in actions.items()
        for group in GROUPS
        for arn in {*resources(group, details["resources"]), group, f"{group}:*"}
        if allowed(document, role, action, arn)
    }


def described(actions):
    return {action for action in actions if action.startswith("Describe")}


EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
NEW = {"ReplicateLogGroup": {"access_level": "Write", "resources": []}}


def test_the_execution_role_is_denied_everything_but_writing(plain):
    document = json.loads(plain.granted("aws_iam_role.execution[0]"))
    assert undenied(document, "bedrock-prod-acme-execution", {**ACTIONS, **NEW}) == WRITES
    assert not allowed(
        document,
        "bedrock-prod-acme-execution",
        "PutLogEvents",
        f"{LOGS}:log-group:other:log-stream:s",
    )


@pytest.mark.parametrize(
    "action", ["PutSubscriptionFilter", "CreateExportTask", "PutMetricFilter", "PutTransformer"]
)
def test_the_denial_and_not_the_lack_of_an_allow_refuses(plain, action):
    document = json.loads(plain.granted("aws_iam_role.execution[0]"))
    document["Statement"] = [each for each in document["Statement"] if each["Effect"] == "Allow"]
    assert allowed(document, "bedrock-prod-acme-execution", action, GROUPS[1])


def test_the_deployer_is_denied_everything_but_management_and_describing():
    of_account = {
        action for action in described(ACTIONS) if "log-group" not in ACTIONS[action]["resources"]
    }
    denied_except = MANAGEMENT | of_account
    assert undenied(GOLDEN["permissions"], "terraform-deployer") == denied_except
    levels = {ACTIONS[action]["access_level"] for action in described(ACTIONS)}
    assert levels == {"List"}


def test_a_new_action_on_a_group_is_denied_and_another_fails_until_it_is_placed():
    on_group = {"ReplicateLogGroup": {"access_level": "Write", "resources": ["log-group"]}}
    for group in GROUPS:
        assert not allowed(GOLDEN["permissions"], "terraform-deployer", "ReplicateLogGroup", group)
    assert undenied(GOLDEN["permissions"], "terraform-deployer", {**on_group, **NEW}) == set(NEW)


@pytest.mark.parametrize("role", ["administrator", "bedrock-prod-acme-reader"])
def test_administrators_are_denied_what_readers_may_do(role):
    reader = role != "administrator"
    for action in ("FilterLogEvents", "GetLogEvents", "StartQuery", "GetQueryResults"):
        for arn in resources(GROUPS[1], ["log-group", "log-stream"]):
            assert allowed(GOLDEN["administrator_denial"], role, action, arn) is reader
    assert allowed(
        GOLDEN["administrator_denial"], role, "GetLogEvents", f"{LOGS}:log-group:other:*"
    )


def test_administrators_are_denied_every_action_that_copies():
    document = GOLDEN["administrator_denial"]
    kept = undenied(document, "administrator") - described(ACTIONS) - {"ListTagsForResource"}
    on_groups = {
        action
        for action, details in ACTIONS.items()
        if {"log-group", "log-stream"} & {*details["resources"]}
    }
    of_account = {
        action
        for action in kept - on_groups
        if not ACTIONS[action]["resources"]
        and any(level in ACTIONS[action]["access_level"] for level in ("Permissions", "Write"))
    }
    assert of_account == COPY_NOTHING
    for action in on_groups - described(ACTIONS):
        for group in GROUPS:
            assert action == "ListTagsForResource" or not allowed(
                document, "administrator", action, group
            )


@pytest.mark.parametrize(
    "action", ["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:DeleteRole"]
)
def test_administrators_do_not_make_themselves_readers(action):
    document = GOLDEN["administrator_denial"]
    reader = f"arn:aws:iam::{ACCOUNT}:role/bedrock-prod-acme-reader"
    assert not allowed(document, "administrator", action, reader)
    assert allowed(document, "terraform-deployer", action, reader)
    assert allowed(document, "administrator", action, f"{reader}s")


@pytest.mark.parametrize(
    "action", ["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy"]
)
def test_administrators_do_not_make_themselves_the_deployer(action):
    deployer = f"arn:aws:iam::{ACCOUNT}:role/terraform-deployer"
    assert not allowed(GOLDEN["administrator_denial"], "administrator", action, deployer)
    assert allowed(GOLDEN["administrator_denial"], "administrator", "iam:GetRole", deployer)
