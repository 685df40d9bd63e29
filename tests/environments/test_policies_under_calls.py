"""Policies change while calls go on: none is refused, and what somebody adds by hand is removed."""

import json
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.terraform import LOCAL
from tools.localaws.faults import FOREVER, Fault

ACME = (LOCAL, "-var=tenant=acme", "-var=account_id=222222222222")
CUSTOMER, NAME = "222222222222", "bedrock-local-acme"
MODEL = "eu.amazon.nova-lite-v1:0"
GUARDRAIL = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc"
MORE = 'more = { model = "amazon.nova-micro-v1:0", regions = ["eu-central-1"] }\n'
# Every change of a policy takes this long, so that a call falls between two of them.
SLOW = Fault(service="iam", operation="PutRolePolicy", times=FOREVER, delay_seconds=1.0)


class Caller:
    """Calls a model of acme again and again, as the function does: with a new session each time."""

    def __init__(self, accounts, versions=(None,)):
        """``versions`` are those of the guardrail, of which the role accepts one at any time."""
        self._accounts, self._versions = accounts, versions
        self._keys = self._execution_keys()
        self._stopped = threading.Event()
        self.answered, self.refused = 0, []

    def __enter__(self):
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()

    def _run(self):
        while not self._stopped.is_set():
            refusals = []
            for version in self._versions:
                try:
                    self._call(version)
                except ClientError as error:
                    refusals.append(str(error))
                else:
                    self.answered += 1
                    break
            else:
                self.refused.append(refusals)

    def _call(self, version):
        role = f"arn:aws:iam::111111111111:role/{NAME}"
        external_id = self._accounts.environment.stanzas["acme"]["external_ids"]["current"]
        session = self._client("sts", self._keys).assume_role(
            RoleArn=role, RoleSessionName="acme", ExternalId=external_id
        )
        guardrail = {"guardrailIdentifier": GUARDRAIL, "guardrailVersion": version}
        self._client("bedrock-runtime", session["Credentials"]).converse(
            modelId=MODEL,
            messages=[{"role": "user", "content": [{"text": "Hello"}]}],
            **({"guardrailConfig": guardrail} if version else {}),
        )

    def _execution_keys(self):
        """Keys of the function's role, which only Lambda may assume; the next apply repairs its trust."""
        owner = self._accounts.control.account(CUSTOMER, user="owner")
        iam = self._accounts.client("iam", owner)
        role = iam.get_role(RoleName=f"{NAME}-execution")["Role"]
        everyone = {"AWS": f"arn:aws:iam::{CUSTOMER}:root"}
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": everyone}
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(trust))
        sts = self._accounts.client("sts", owner)
        return sts.assume_role(RoleArn=role["Arn"], RoleSessionName="function")["Credentials"]

    def _client(self, service, keys):
        return boto3.client(
            service,
            endpoint_url=self._accounts.url,
            region_name="eu-central-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )


class Deployment:
    """The operations role and the workload of acme, applied from files that the tests edit."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.operations = accounts.operations()
        self.operations.apply(LOCAL)
        accounts.hand_over()
        self.customer = accounts.customer("acme", CUSTOMER)
        self.customer.apply(*ACME)
        accounts.control.fault(SLOW)

    def edit(self, file, before, after):
        path = self.accounts.top / file
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))  # of acme, the first tenant

    def deleted_policies(self):
        """The roles of which an inline policy was deleted, in order."""
        return self.accounts.control.calls(service="iam", action="iam:DeleteRolePolicy")


EXTERNAL_ID = 'external_ids = { current = "269170463fdc32af10a91e67a8fd77bd" }\n'
TFVARS = "environments/local/terraform.tfvars"
ROLE_FILE = "modules/operations-role/role.tf"
EXECUTION_FILE = "modules/customer-workload/execution.tf"


def with_inline_policy(role, name, text):
    """A role's file as it was before: with the policy as a block of the role."""
    role_text, _, _ = role.partition("\n# An edit is one PutRolePolicy")
    role_text, _, _ = role_text.partition("\n# Not the inline_policy block")
    block = f'\n  inline_policy {{\n    name   = "{name}"\n    policy = {text}\n  }}\n}}\n'
    return role_text.rstrip().removesuffix("}") + block


@pytest.fixture(scope="module")
def earlier(accounts):
    """The modules as they were when each role had its policy in an inline_policy block."""
    modules = accounts.top / "modules"
    files = {
        file: file.read_text() for file in modules.rglob("*.tf") if "examples" not in file.parts
    }
    for file, text in files.items():
        file.write_text(
            text.replace("aws_iam_role_policy.grants]", "aws_iam_role.this]").replace(
                "aws_iam_role_policy.execution]", "aws_iam_role.execution]"
            )
        )
    role, execution = accounts.top / ROLE_FILE, accounts.top / EXECUTION_FILE
    role.write_text(with_inline_policy(files[role], "grants", "local.permissions"))
    execution.write_text(
        with_inline_policy(files[execution], "execution", "local.execution_permissions")
    )
    return files


@pytest.fixture(scope="module")
def deployment(earlier, accounts):
    """What the earlier modules made, and after the test of them the present modules."""
    return Deployment(accounts)


def test_the_earlier_form_takes_the_grants_away_for_a_moment(deployment):
    """The twin of the tests below, which would fail with it."""
    models = "    models = {\n"
    deployment.edit(TFVARS, f"{models}      claude = {{\n", f"{models}{MORE}      claude = {{\n")
    with Caller(deployment.accounts) as caller:
        deployment.operations.apply(LOCAL)
    assert caller.refused
    assert caller.answered
    assert deployment.deleted_policies()


@pytest.fixture(scope="module")
def upgraded(deployment, earlier):
    """The same deployment after an upgrade to the present modules, during which calls went on."""
    deleted = len(deployment.deleted_policies())
    for file, text in earlier.items():
        file.write_text(text)
    with Caller(deployment.accounts) as caller:
        deployment.operations.apply(LOCAL)
        deployment.customer.apply(*ACME)
    assert (caller.refused, len(deployment.deleted_policies())) == ([], deleted)
    assert caller.answered
    return deployment


def test_a_plan_after_the_upgrade_has_no_changes(upgraded):
    assert upgraded.operations.plan(LOCAL).changed == set()
    assert upgraded.customer.plan(*ACME).changed == set()


@pytest.mark.parametrize(
    ("before", "after", "versions"),
    [
        (MORE, MORE.replace("micro", "pro"), [None]),
        (MORE.replace("micro", "pro"), "", [None]),
        (
            EXTERNAL_ID,
            f'{EXTERNAL_ID}guardrail = {{ arn = "{GUARDRAIL}", version = "1" }}\n',
            [None, "1"],
        ),
        ('version = "1"', 'version = "2"', ["1", "2"]),
    ],
    ids=[
        "a model is replaced",
        "a model is removed",
        "a guardrail is added",
        "a guardrail is replaced",
    ],
)
def test_no_call_is_refused_while_grants_change(upgraded, before, after, versions):
    if "guardrail" in after:  # it works only where its models do
        text = (upgraded.accounts.top / TFVARS).read_text()
        (upgraded.accounts.top / TFVARS).write_text(text.replace(', "eu-west-1"]', "]"))
    upgraded.edit(TFVARS, before, after)
    deleted = len(upgraded.deleted_policies())
    with Caller(upgraded.accounts, versions) as caller:
        upgraded.operations.apply(LOCAL)
    assert (caller.refused, len(upgraded.deleted_policies())) == ([], deleted)
    assert caller.answered


def test_no_call_is_refused_while_the_execution_policy_changes(upgraded):
    upgraded.edit(EXECUTION_FILE, "WriteRecordsAndTheFunctionsLog", "WriteRecordsAndTheLog")
    deleted = len(upgraded.deleted_policies())
    with Caller(upgraded.accounts, ["2"]) as caller:
        upgraded.customer.apply(*ACME)
    assert (caller.refused, len(upgraded.deleted_policies())) == ([], deleted)
    assert caller.answered


def test_what_somebody_adds_by_hand_is_planned_and_removed(upgraded):
    """What is attached to the tenant's role stays, because the guard attaches, too; the proof refuses the rest."""
    accounts = upgraded.accounts
    document = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [document]})
    roots = {"111111111111": (upgraded.operations, NAME, (LOCAL,))}
    roots[CUSTOMER] = (upgraded.customer, f"{NAME}-execution", ACME)
    for account, (root, role, options) in roots.items():
        iam = accounts.client("iam", accounts.control.account(account, user="owner"))
        arn = iam.create_policy(PolicyName="slip", PolicyDocument=text)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        iam.put_role_policy(RoleName=role, PolicyName="slip", PolicyDocument=text)
        changed = root.plan(*options).changed
        attachments = (
            {"aws_iam_role_policy_attachments_exclusive"} if account == CUSTOMER else set()
        )
        assert {address.split(".")[-2] for address in changed} == {
            "aws_iam_role_policies_exclusive",
            *attachments,
        }
        root.apply(*options)
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        assert name != "slip"
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert [policy["PolicyName"] for policy in attached] == ([] if attachments else ["slip"])
    accounts.client("iam", accounts.operations_keys).detach_role_policy(
        RoleName=NAME, PolicyArn="arn:aws:iam::111111111111:policy/slip"
    )


def test_terraform_leaves_what_the_guard_attaches_and_tags(upgraded):
    """The guard stops a tenant beside Terraform: a plan has no change, and an apply of another one keeps it."""
    accounts = upgraded.accounts
    iam = accounts.client("iam", accounts.control.account("111111111111", user="owner"))
    bedrock = accounts.client("bedrock", accounts.operations_keys)
    arn = "arn:aws:iam::111111111111:policy/bedrock-local-quota-reached"
    role = "bedrock-local-initech"
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    answer = bedrock.list_inference_profiles(typeEquals="APPLICATION")
    (profile,) = [
        each["inferenceProfileArn"]
        for each in answer["inferenceProfileSummaries"]
        if each["inferenceProfileName"].startswith(f"{role}_")
    ]
    mark = {"key": "quota-reached", "value": "true"}
    bedrock.tag_resource(resourceARN=profile, tags=[mark])
    assert upgraded.operations.plan(LOCAL).changed == set()
    # A change of the profile's other tags leaves this one.
    upgraded.operations.apply(LOCAL, '-var=tags={"cost-center"="7"}')
    tags = bedrock.list_tags_for_resource(resourceARN=profile)["tags"]
    assert mark in tags
    assert {"key": "cost-center", "value": "7"} in tags
    upgraded.operations.apply(LOCAL)
    tags = bedrock.list_tags_for_resource(resourceARN=profile)["tags"]
    assert mark in tags
    assert {"key": "cost-center", "value": "7"} not in tags
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]
    # IAM deletes no role to which a policy is attached, so Terraform detaches it first.
    upgraded.operations.apply("-destroy", '-target=module.operations_role["initech"]', LOCAL)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=role)
    upgraded.operations.apply(LOCAL)


def test_a_policy_that_somebody_deletes_is_put_again(upgraded):
    accounts = upgraded.accounts
    iam = accounts.client("iam", accounts.operations_keys)
    iam.delete_role_policy(RoleName=NAME, PolicyName="grants")
    upgraded.operations.apply(LOCAL)
    assert iam.list_role_policies(RoleName=NAME)["PolicyNames"] == ["grants"]
