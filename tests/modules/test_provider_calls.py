"""The deployer's permissions against the calls of the provider and the commands: all of them, and no others."""

import functools
import json
import re
from pathlib import Path

import pytest

from tests.modules.deployers import ACCOUNT, BOUNDARY, ENDPOINTS, SIGNING
from tests.modules.provider_calls import CALLS, TOOL_CALLS
from tests.terraform import ENVIRONMENTS, MODULES
from tools.iam.evaluator import Request, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.paths import ROOT

GOLDEN = Path(__file__).parent / "golden"
NAME = "bedrock-prod-acme"
PREFIX = f"eu-central-1:{ACCOUNT}"
FUNCTION = f"arn:aws:lambda:{PREFIX}:function:{NAME}"
ROLES = [
    f"arn:aws:iam::{ACCOUNT}:role/{NAME}-{kind}" for kind in ("execution", "reader", "unmasker")
]
GROUPS = [
    f"arn:aws:logs:{PREFIX}:log-group:{name}{end}"
    for name in (f"/aws/lambda/{NAME}", "/bedrock/prod/acme/records")
    for end in ("", ":*")
]
EC2 = f"arn:aws:ec2:{PREFIX}"
ENDPOINT = f"{EC2}:vpc-endpoint/vpce-0123456789abcdef0"
TAGS = {"environment": "prod", "tenant": "acme", "managed-by": "terraform", "cost-center": "7"}
REQUESTED = {f"aws:RequestTag/{name}": text for name, text in TAGS.items()}
TAGGED = {f"aws:ResourceTag/{name}": text for name, text in TAGS.items()}

# For each kind of request, the ARNs and the condition keys that AWS gives it:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
REQUESTS = {
    "alias": ([f"{FUNCTION}:live"], {}),
    "all log groups": ([f"arn:aws:logs:{PREFIX}:log-group:*"], {}),
    "endpoint": ([ENDPOINT], {**TAGGED, "aws:TagKeys": tuple(TAGS)}),
    "function": ([FUNCTION], {}),
    "instance profile": ([f"arn:aws:iam::{ACCOUNT}:instance-profile/web"], {}),
    "key by its alias": ([f"arn:aws:kms:{PREFIX}:key/1"], {"kms:RequestAlias": f"alias/{NAME}"}),
    "log group": (GROUPS, {}),
    "names of endpoints": (
        ["arn:aws:route53:::hostedzone/Z1"],
        {"route53:VPCs": (f"VPCId={ENDPOINTS['id']},VPCRegion=eu-central-1",)},
    ),
    "network": (
        [
            f"{EC2}:vpc/{ENDPOINTS['id']}",
            *(f"{EC2}:security-group/{name}" for name in ENDPOINTS["security_group_ids"]),
            *(f"{EC2}:subnet/{name}" for name in ENDPOINTS["subnet_ids"]),
        ],
        {},
    ),
    "new endpoint": (
        [f"{EC2}:vpc-endpoint/*"],
        {**REQUESTED, "ec2:VpceServiceName": "com.amazonaws.eu-central-1.logs"},
    ),
    "no resource": (["*"], {}),
    "passed role": (ROLES[:1], {"iam:PassedToService": "lambda.amazonaws.com"}),
    "role": (ROLES, {}),
    "role within the boundary": (ROLES, {"iam:PermissionsBoundary": BOUNDARY}),
    "signed function": ([FUNCTION], {"lambda:CodeSigningConfigArn": SIGNING}),
    "tags of a new endpoint": (
        [f"{EC2}:vpc-endpoint/*"],
        {**REQUESTED, "ec2:CreateAction": "CreateVpcEndpoint"},
    ),
    "the deployer itself": ([f"arn:aws:iam::{ACCOUNT}:role/terraform-deployer"], {}),
    "version": ([f"{FUNCTION}:7"], {}),
}  # fmt: skip
NETWORKS = {"plain": {""}, "aws": {"", "vpc", "endpoints"}}


@functools.cache
def permissions(name):
    documents = json.loads((GOLDEN / f"customer-deployer-{name}.json").read_text())
    return parse_policy(json.dumps(documents["permissions"]), "permissions", Kind.IDENTITY)


def is_allowed(call):
    """Whether the deployer of an account that uses every option may make the call on each resource."""
    arns, context = REQUESTS[call.on]
    answers = {
        evaluate([permissions("aws")], Request(call.action, arn, context)).allowed for arn in arns
    }
    assert len(answers) == 1, f"{call} is allowed on some of {arns} only"
    return answers.pop()


@pytest.mark.parametrize(
    "call", [*CALLS, *TOOL_CALLS], ids=lambda call: f"{call.resource} {call.phase} {call.action}"
)
def test_the_deployer_may_make_each_call_that_is_not_refused(call):
    assert is_allowed(call) is not bool(call.refusal)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_deployer_may_do_nothing_that_no_call_needs(name):
    networks = NETWORKS[name]
    needed = {
        call.action
        for call in (*CALLS, *TOOL_CALLS)
        if call.network in networks and not call.refusal
    }
    allowed = {
        action
        for statement in permissions(name).statements
        if statement.effect == "Allow"
        for action in statement.actions
    }
    assert allowed == needed


def test_every_resource_type_that_the_deployer_applies_is_listed():
    files = [*MODULES.glob("customer-workload/*.tf"), *ENVIRONMENTS.glob("customer/*.tf")]
    text = "\n".join(file.read_text() for file in files)
    used = set(re.findall(r'^resource "(\w+)"', text, re.MULTILINE))
    used |= {f"data.{name}" for name in re.findall(r'^data "(\w+)"', text, re.MULTILINE)}
    # The customer makes the key; partition and Region are known without a call.
    not_called = {"aws_kms_alias", "aws_kms_key", "data.aws_partition", "data.aws_region"}
    assert used - not_called <= {call.resource for call in CALLS}


def test_every_call_of_a_command_is_in_the_file_that_it_names():
    for call in TOOL_CALLS:
        words = re.findall("[A-Z][a-z]*", call.action.partition(":")[2])
        method = "invoke" if call.action == "lambda:InvokeFunction" else "_".join(words).lower()
        assert method in (ROOT / call.source).read_text(), call
