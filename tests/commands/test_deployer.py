import json

import pytest

from commands import deployer, environment

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
