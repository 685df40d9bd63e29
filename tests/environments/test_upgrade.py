"""An installation of the previous release is upgraded to this code, and no resource is destroyed or replaced.

previous_release.tar.gz has the Terraform code of that release, as `git archive` writes it. CONTRIBUTING.md says when it
is replaced.
"""

import json
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.environments.conftest import UNWANTED, Accounts
from tests.terraform import ENVIRONMENTS, LOCAL, MODULES, Folder, folder_of
from tools.localaws.local_aws import LocalAws

PREVIOUS_RELEASE = Path(__file__).with_name("previous_release.tar.gz")
TENANT, ACCOUNT = "initech", "555555555555"  # it has readers, unmaskers, masking and a profile
CUSTOMER = (LOCAL, f"-var=tenant={TENANT}", f"-var=account_id={ACCOUNT}")
# What this tenant has in addition, so that its account has every kind of resource.
VPC = """
        vpc = {{
          id                 = "{id}"
          security_group_ids = ["{security_group_ids[0]}"]
          subnet_ids         = ["{subnet_ids[0]}"]
        }}
        readers """
SNAPSHOTS = """
      snap_start     = true
      memory_size """


class Installation:
    """The operations account and one customer's account, with the code of one release and then of another."""

    def __init__(self, cloud, root):
        self.root = root
        with tarfile.open(PREVIOUS_RELEASE) as archive:
            archive.extractall(root, filter="data")
        (root / "build").mkdir()
        zipfile.ZipFile(root / "build" / "tenant-bedrock-arm64-py3.13.zip", "w").close()
        self.accounts = Accounts(cloud, root)
        self._owner = self.accounts.control.account(ACCOUNT, user="owner")
        network = self._network()
        tfvars = root / "environments" / "local" / "terraform.tfvars"
        others, stanza = tfvars.read_text().split("initech = {")
        stanza = re.sub(r"\n +readers ", VPC.format(**network), stanza, count=1)
        stanza = re.sub(r"\n +memory_size ", SNAPSHOTS, stanza, count=1)
        tfvars.write_text(f"{others}initech = {{{stanza}")
        [account] = self.accounts.environment.accounts_of(TENANT)
        inputs = {**self.accounts.deployer_inputs(account), "vpc": network}
        call = {"source": "../modules/customer-deployer", **inputs}
        text = json.dumps({"module": {"customer_deployer": call}})
        folder_of(root / "deployer", [], {"main.tf.json": text})

    def _network(self):
        """Create the customer's network, as the stanza and the deployer's module name it."""
        ec2 = self.accounts.client("ec2", self._owner)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="g")["GroupId"]
        return {"id": vpc, "security_group_ids": [group], "subnet_ids": [subnet]}

    def take_present_code(self):
        """Put this code in the place of what is there; the data of the environment stays, as an operator's does."""
        shutil.rmtree(self.root / "modules")
        shutil.copytree(MODULES, self.root / "modules", ignore=UNWANTED)
        for path in ENVIRONMENTS.iterdir():
            target = self.root / "environments" / path.name
            if path.is_file():
                shutil.copy(path, target)
            elif path.name in {"customer", "operations", "stanzas"}:
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(path, target, symlinks=True, ignore=UNWANTED)

    def deployer(self):
        """The customer's own root, with a call of the module as `make deployer` prints it."""
        folder = Folder(
            self.root / "deployer",
            AWS_ACCESS_KEY_ID=self._owner.access_key_id,
            AWS_SECRET_ACCESS_KEY=self._owner.secret_access_key,
            AWS_ENDPOINT_URL=self.accounts.url,
            AWS_REGION="eu-central-1",
        )
        return folder.init()

    def operations_plan(self, *options):
        return self.accounts.operations().plan_json(LOCAL, *options)

    def apply(self):
        """Apply both roots of the operator, which work in the customer account with the deployer that is there."""
        self.accounts.operations().apply(LOCAL)
        self.accounts.hand_over()
        self.accounts.customer(TENANT, ACCOUNT).apply(*CUSTOMER)

    def plans(self):
        return {
            "operations": self.operations_plan(),
            "customer": self.accounts.customer(TENANT, ACCOUNT).plan_json(*CUSTOMER),
            "deployer": self.deployer().plan_json(),
        }


def actions(plan):
    """What a plan does with each resource, by the resource's address."""
    return {change["address"]: change["change"]["actions"] for change in plan["resource_changes"]}


def losses(plan):
    """The resources that a plan destroys, replaces or forgets, without those whose end changes nothing in AWS.

    https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/iam_role_policy_attachments_exclusive
    """
    return {
        address: steps
        for address, steps in actions(plan).items()
        if {"delete", "forget"} & set(steps)
        and not address.endswith("].aws_iam_role_policy_attachments_exclusive.this")
    }


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """An installation that the previous release has applied, with this code in the place of that release's."""
    with LocalAws() as cloud:
        installation = Installation(cloud, tmp_path_factory.mktemp("installation"))
        installation.deployer().apply()
        installation.apply()
        installation.take_present_code()
        yield installation


@pytest.fixture(scope="module")
def plans(installation):
    """The plans of this code over what the previous release applied, by their roots."""
    return installation.plans()


@pytest.mark.parametrize("root", ["operations", "customer", "deployer"])
def test_an_upgrade_destroys_replaces_and_forgets_nothing(plans, root):
    assert losses(plans[root]) == {}
    assert ["no-op"] in actions(plans[root]).values()


def test_the_installation_has_every_kind_of_resource_of_the_modules(plans):
    # The previous release had no guard, so that nothing of one can be lost.
    files = [file for file in MODULES.glob("*/*.tf") if file.parent.name != "operations-guard"]
    texts = [file.read_text() for file in files]
    types = set(re.findall(r'^resource "(\w+)"', "\n".join(texts), re.MULTILINE))
    changes = [change for plan in plans.values() for change in plan["resource_changes"]]
    existing_types = {change["type"] for change in changes if change["change"]["before"]}
    assert types - existing_types == set()


def test_a_resource_that_is_renamed_without_a_moved_block_is_found(installation, plans):
    """The twin of the test above, which would fail with it."""
    folder = installation.root / "modules" / "operations-role"
    for file in folder.glob("*.tf"):
        text = file.read_text().replace("aws_iam_role_policy.grants", "aws_iam_role_policy.models")
        file.write_text(text.replace('_role_policy" "grants"', '_role_policy" "models"'))
    plan_without_block = installation.operations_plan("-refresh=false")
    block = "moved {\n  from = aws_iam_role_policy.grants\n  to   = aws_iam_role_policy.models\n}\n"
    (folder / "moved.tf").write_text(block)
    plan_with_block = installation.operations_plan("-refresh=false")
    installation.take_present_code()
    tenants = installation.accounts.environment.tenants
    addresses = [f'module.operations_role["{name}"].aws_iam_role_policy.grants' for name in tenants]
    assert losses(plan_without_block) == {address: ["delete"] for address in addresses}
    assert losses(plan_with_block) == {}


def test_the_upgrade_is_applied_with_the_earlier_deployer_and_leaves_no_changes(
    installation, plans
):
    installation.apply()
    installation.deployer().apply()
    for plan in installation.plans().values():
        assert set(map(tuple, actions(plan).values())) == {("no-op",)}
