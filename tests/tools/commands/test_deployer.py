import dataclasses
import json

import pytest

from tools.commands import deployer
from tools.environment import model as environment
from tools.iam.evaluator import Request, evaluate
from tools.iam.policy import Kind, parse_policy

VPC = "arn:aws:ec2:eu-central-1:222222222222:vpc/vpc-0123456789abcdef0"


@pytest.fixture
def permissions():
    def of(name):
        env = environment.load(name)
        return deployer.permissions(env, env.accounts[0])["Statement"]

    return of


def test_manages_no_endpoints_where_the_stanza_names_no_vpc(permissions):
    assert "VpcEndpoint" not in json.dumps(permissions("local"))


def test_manages_endpoints_only_in_the_vpc_that_the_stanza_names(permissions):
    """The example of prod names one."""
    (put,) = [each for each in permissions("prod") if each["Sid"] == "PutEndpointsIntoItsNetwork"]
    assert put["Resource"] == [
        VPC,
        "arn:aws:ec2:eu-central-1:222222222222:security-group/sg-0123456789abcdef0",
        "arn:aws:ec2:eu-central-1:222222222222:subnet/subnet-0123456789abcdef0",
        "arn:aws:ec2:eu-central-1:222222222222:subnet/subnet-0fedcba9876543210",
    ]


def test_makes_and_manages_only_endpoints_with_the_tenants_tag(permissions):
    by_sid = {each["Sid"]: each for each in permissions("prod")}
    assert by_sid["MakeItsEndpoints"]["Condition"] == {
        "StringEquals": {"aws:RequestTag/tenant": "example"}
    }
    assert by_sid["ManageItsEndpoints"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/tenant": "example"}
    }


def test_never_reads_records(permissions):
    for name in ("local", "prod"):
        assert permissions(name)[-1]["Effect"] == "Deny"
        assert "logs:GetLogEvents" in permissions(name)[-1]["Action"]


BOUNDARY = "arn:aws:iam::222222222222:policy/workload-boundary"
EXECUTION = "arn:aws:iam::222222222222:role/bedrock-prod-example-execution"
RECORDS = "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/prod/example/records"


def allowed(document, action, resource, **context):
    policy = parse_policy(json.dumps(document), "deployer", Kind.IDENTITY)
    return evaluate([policy], Request(action, resource, context)).allowed


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
    ],
)
def test_changes_a_role_only_within_the_boundary_that_the_stanza_names(action):
    env = environment.load("prod")
    document = deployer.permissions(env, env.accounts[0])
    key = "iam:PermissionsBoundary"
    assert allowed(document, action, EXECUTION, **{key: BOUNDARY})
    assert not allowed(document, action, EXECUTION, **{key: f"{BOUNDARY}-wide"})
    assert not allowed(document, action, EXECUTION)


def test_takes_no_boundary_away():
    env = environment.load("prod")
    document = deployer.permissions(env, env.accounts[0])
    context = {"iam:PermissionsBoundary": BOUNDARY}
    assert not allowed(document, "iam:DeleteRolePermissionsBoundary", EXECUTION, **context)


def test_within_the_boundary_records_are_read_only_where_the_stanza_names_readers():
    env = environment.load("prod")
    with_readers = deployer.boundary(env, env.accounts[0])
    without = deployer.boundary(env, dataclasses.replace(env.accounts[0], readers=(), unmaskers=()))
    assert allowed(with_readers, "logs:FilterLogEvents", RECORDS)
    assert not allowed(without, "logs:FilterLogEvents", RECORDS)
    stream = f"{RECORDS}:log-stream:one"
    assert allowed(without, "logs:PutLogEvents", stream)
    assert not allowed(with_readers, "logs:PutLogEvents", stream.replace("example", "other"))


def test_within_the_boundary_masks_are_lifted_only_where_the_stanza_names_unmaskers():
    env = environment.load("prod")
    with_unmaskers = deployer.boundary(env, env.accounts[0])
    without = deployer.boundary(env, dataclasses.replace(env.accounts[0], unmaskers=()))
    assert allowed(with_unmaskers, "logs:Unmask", RECORDS)
    assert not allowed(without, "logs:Unmask", RECORDS)


def test_the_boundary_is_printed_where_the_stanza_names_one(capsys, monkeypatch):
    for name, printed in (("prod", "workload-boundary"), ("dev", None)):
        monkeypatch.setattr("sys.argv", ["deployer", f"--env={name}", "--tenant=example"])
        deployer.main()
        assert json.loads(capsys.readouterr().out).get("boundary_name") == printed
