"""What `make prove STATE=1` says of the guard's roles, and of what the guard attaches to a tenant's role."""

import json
import shutil
import zipfile

import pytest

from operations_guard.aws_reader import AwsReader
from tests.terraform import Folder
from tests.tools.live.account import OPERATIONS, Account
from tools.environment import model
from tools.isolation import plan_reader
from tools.isolation.claims import Case, Claim
from tools.isolation.operations_specification import Environment
from tools.isolation.plan_fault import Fault
from tools.isolation.prover import prove
from tools.live.answers import AccountReader, clients_of
from tools.live.operations_account import OperationsAccount
from tools.localaws.local_aws import LocalAws
from tools.terraform.offline_plan import copy_operations_root

VARIABLES = {
    "environment": "prod",
    "operations": {
        "account_id": OPERATIONS,
        "guard": {"on_failure": "closed"},
        "region": "eu-central-1",
    },
    "tenants": {
        "acme": {
            "accounts": {"222222222222": {}},
            "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
            "models": {
                "nova": {
                    "model": "amazon.nova-lite-v1:0",
                    "regions": ["eu-central-1"],
                    "track": True,
                }
            },
            "quota": {"tokens_per_day": 5},
        }
    },
}
ENVIRONMENT = model.Environment(
    name="prod",
    operations_account_id=OPERATIONS,
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(),
    stanzas=VARIABLES["tenants"],
    backend={},
)
ROLE, GUARD = "bedrock-prod-acme", "bedrock-prod_guard"
POLICY = f"arn:aws:iam::{OPERATIONS}:policy"
DENIALS = [f"{POLICY}/bedrock-prod-quota-reached", f"{POLICY}/bedrock-prod-alias-quota-reached"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """What Terraform plans for the operations account, as the root has it."""
    folder = tmp_path_factory.mktemp("planned")
    root = copy_operations_root(folder)
    (folder / "build").unlink()
    (folder / "build").mkdir()
    zipfile.ZipFile(folder / "build" / "operations-guard-py3.13.zip", "w").close()
    planned = Folder(root).init().plan_json(**VARIABLES)
    shutil.rmtree(folder)
    return planned


class GuardedAccount(Account):
    """An account with the roles and the policies of the plan."""

    def make(self, plan):
        self.iam = self.target.operations().client("iam")
        resources = [(item["type"], item["change"]["after"]) for item in plan["resource_changes"]]
        for type_, values in resources:
            if type_ == "aws_iam_role":
                document = values["assume_role_policy"]
                self.iam.create_role(RoleName=values["name"], AssumeRolePolicyDocument=document)
            elif type_ == "aws_iam_policy":
                self.iam.create_policy(PolicyName=values["name"], PolicyDocument=values["policy"])
        for type_, values in resources:
            if type_ == "aws_iam_role_policy":
                self.iam.put_role_policy(
                    RoleName=values["role"],
                    PolicyName=values["name"],
                    PolicyDocument=values["policy"],
                )

    def problems(self, plan):
        """What is wrong with the principals, as a topic and a problem each."""
        env = Environment.from_variables(plan_reader.read(plan).variables)
        session = self.target.operations()
        reader = AccountReader(
            "operations", AwsReader(session, env.region, clients_of(self.target))
        )
        account = OperationsAccount(reader, env, frozenset(), None)
        found = list(account._principals())
        faults = {(fault.topic, fault.problem) for fault in found if isinstance(fault, Fault)}
        claims = tuple(claim for claim in found if isinstance(claim, Claim))
        proof = prove(Case("operations", "", ("acme",), claims, (), {}))
        return faults | {(each.claim.topic, each.problem) for each in proof.failures}


@pytest.fixture
def account(monkeypatch, plan):
    with LocalAws() as cloud:
        account = GuardedAccount(cloud, monkeypatch, ENVIRONMENT)
        account.make(plan)
        yield account


WIDER = "the policies allow a request that the stanza does not grant"
NARROWER = "the policies refuse a request that the stanza grants"


def test_the_guards_roles_are_proved_and_its_two_policies_may_be_attached(account, plan):
    assert account.problems(plan) == set()
    for arn in DENIALS:
        account.iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    assert account.problems(plan) == set()


def test_another_attached_policy_is_named(account, plan):
    for effect, expected in (("Deny", NARROWER), ("Allow", WIDER)):
        statement = {"Effect": effect, "Action": "bedrock:InvokeModel", "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        arn = account.iam.create_policy(PolicyName=effect, PolicyDocument=text)["Policy"]["Arn"]
        account.iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
        assert account.problems(plan) == {("permissions", expected)}
        account.iam.detach_role_policy(RoleName=ROLE, PolicyArn=arn)


def test_a_changed_denial_is_named_whether_it_is_attached_or_not(account, plan):
    statement = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.iam.create_policy_version(PolicyArn=DENIALS[0], PolicyDocument=text, SetAsDefault=True)
    assert {topic for topic, _ in account.problems(plan)} == {"guard denial"}


def test_a_wider_role_of_the_guard_is_named(account, plan):
    statement = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.iam.put_role_policy(RoleName=GUARD, PolicyName="slip", PolicyDocument=text)
    assert account.problems(plan) == {("guard permissions", WIDER), ("guard reach", WIDER)}


def test_a_role_of_the_guard_that_is_missing_is_named(account, plan):
    name = f"{GUARD}-lease"
    account.iam.delete_role_policy(RoleName=name, PolicyName="lease")
    account.iam.delete_role(RoleName=name)
    assert account.problems(plan) == {("role", f"the role {name} does not exist")}


def test_a_boundary_of_the_guards_role_is_named(account, plan):
    account.iam.put_role_permissions_boundary(RoleName=GUARD, PermissionsBoundary=DENIALS[1])
    problem = f"the permissions boundary of {GUARD} is {DENIALS[1]}, not None"
    assert account.problems(plan) == {("boundary", problem)}


def test_without_a_guard_in_the_environment_its_roles_are_principals_like_others(account, plan):
    without = json.loads(json.dumps(plan))
    without["variables"]["operations"]["value"]["guard"] = None
    topics = {topic for topic, _ in account.problems(without)}
    assert topics == {"permissions", "principals"}
