"""Which deployer a customer has: none, an old one, one for another stanza, or the newest."""

import json
from dataclasses import replace

import boto3
import pytest

from tools.cli.targets import Target
from tools.live.deployer_reading import read_deployer
from tools.release import release_version
from tools.terraform.deployer_role import deployer_roles

ROLE = "terraform-deployer"


class Operator(Target):
    """The principal of the operations account that may assume initech's deployer, in the local AWS."""

    def __init__(self, accounts):
        super().__init__(accounts.environment)
        self._accounts = accounts

    endpoint = property(lambda self: self._accounts.url)

    def prepare(self):
        """Everything is there already."""

    def terraform_environment(self):
        return {}

    def session(self, identity):
        assert identity == "deployer"
        keys = self._accounts.deployment_of("initech")
        return boto3.Session(keys.access_key_id, keys.secret_access_key, region_name="eu-central-1")


@pytest.fixture(scope="module")
def read(accounts):
    """Return what reads initech's deployer, and a client of IAM as the customer has it."""
    environment, operator = accounts.environment, Operator(accounts)
    [account] = environment.accounts_of("initech")
    role = deployer_roles(environment, [account], print)[account]
    owner = accounts.control.account(account.account_id, user="owner")
    return lambda: read_deployer(operator, account, role), accounts.client("iam", owner), role


def test_the_role_that_is_printed_today_has_no_problem(read):
    reading, _, role = read
    version = role.tags["deployer-version"]
    assert reading() == replace(reading(), version=version, newest_version=version, problem="")


def test_the_release_is_shown_and_a_role_of_an_earlier_one_has_no_problem(read):
    reading, iam, role = read
    version = role.tags["deployer-version"]
    assert str(reading()) == f"version {version} of release {release_version()}"
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "deployer-release", "Value": "0.1.9"}])
    assert str(reading()) == f"version {version} of release 0.1.9"
    assert reading().problem == ""
    iam.untag_role(RoleName=ROLE, TagKeys=["deployer-release"])  # as before releases had a number
    assert (str(reading()), reading().problem) == (f"version {version}", "")


def test_a_role_of_another_stanza_is_named(read):
    reading, iam, role = read
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "deployer-digest", "Value": "0123456789abcdef"}])
    assert "It was made for another stanza" in reading().problem
    tags = [{"Key": name, "Value": text} for name, text in role.tags.items()]
    iam.tag_role(RoleName=ROLE, Tags=tags)
    assert reading().problem == ""


def test_an_older_version_is_named(read):
    reading, iam, role = read
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "deployer-version", "Value": "1"}])
    assert reading().version == "1"
    assert reading().problem == f"It is not version {role.tags['deployer-version']}."
    tags = [{"Key": name, "Value": text} for name, text in role.tags.items()]
    iam.tag_role(RoleName=ROLE, Tags=tags)


def test_a_role_from_before_versions_cannot_read_itself_and_is_old(read):
    reading, iam, role = read
    document = json.loads(role.permissions)
    document["Statement"] = [
        each for each in document["Statement"] if each["Sid"] != "ReadTheVersionOfThisRole"
    ]
    policy = {"RoleName": ROLE, "PolicyName": "deployer"}
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))
    assert "It is older than version" in reading().problem
    iam.put_role_policy(**policy, PolicyDocument=role.permissions)


def test_a_role_that_is_missing_is_named(read):
    reading, iam, _ = read
    iam.delete_role_policy(RoleName=ROLE, PolicyName="deployer")
    iam.delete_role(RoleName=ROLE)
    assert reading().problem.startswith("There is none, or it does not admit you")
