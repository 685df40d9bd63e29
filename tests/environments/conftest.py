import json
import shutil
import zipfile
from dataclasses import replace
from functools import partial

import boto3
import pytest
from botocore.config import Config

from tests.docs.pages import blocks
from tests.terraform import ENVIRONMENTS, LOCAL, MODULES, Folder, folder_of
from tools.cli.local_target import make_deployer
from tools.environment.model import load_environment
from tools.localaws.local_aws import LocalAws
from tools.terraform.deployer_role import deployer_roles
from tools.terraform.offline_plan import OPERATIONS_OVERRIDE
from tools.terraform.state_bucket import TENANT_TAG, StateBucket

UNWANTED = shutil.ignore_patterns(".terraform*")


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Return a function that copies the Terraform code, so that init writes nothing into the project."""

    def copied(name):
        root = tmp_path_factory.mktemp(name)
        shutil.copytree(MODULES, root / "modules", ignore=UNWANTED)
        shutil.copytree(ENVIRONMENTS, root / "environments", symlinks=True, ignore=UNWANTED)
        (root / "build").mkdir()
        for package in ("operations-guard", "tenant-bedrock-arm64"):
            zipfile.ZipFile(root / "build" / f"{package}-py3.13.zip", "w").close()
        return root

    return copied


@pytest.fixture(scope="session")
def operations(tree):
    """The operations root with an offline provider and a local state."""
    root = tree("offline") / "environments" / "operations"
    (root / "offline_override.tf").write_text(OPERATIONS_OVERRIDE)
    return Folder(root).init()


@pytest.fixture(scope="session")
def local(operations):
    """The operations root's plan of the local environment."""
    return operations.plan(LOCAL)


@pytest.fixture(scope="session")
def rules(tmp_path_factory):
    """A root of the environment's variables alone; their rules need no provider."""
    path = tmp_path_factory.mktemp("rules") / "environment"
    return Folder(folder_of(path, ENVIRONMENTS.glob("variables*.tf")))


def deployed_by_tenant(environment):
    """The environment, if an identity for each tenant applies that tenant's accounts."""
    users = f"arn:aws:iam::{environment.operations_account_id}:user/deploys-"
    return replace(
        environment, deployment_principals=tuple(users + name for name in environment.tenants)
    )


class Accounts:
    """The accounts of the local environment in the local AWS, and the roots to run there."""

    def __init__(self, cloud, root):
        self.control = cloud.control
        self.environment = deployed_by_tenant(load_environment("local"))
        self.url = cloud.url
        self.top = root  # of the copied Terraform code
        self._root = root / "environments"
        self._roles = deployer_roles(self.environment, self.environment.accounts, print)
        self.operations_keys = self.control.account(self.environment.operations_account_id)
        self.bucket_as(self.operations_keys).make()

    def bucket_as(self, keys):
        """The state bucket, as somebody in the operations account reaches it."""
        return StateBucket(self.environment, partial(self.client, keys=keys))

    def deployment_of(self, tenant):
        """Keys of an identity of the operations account that applies one tenant's accounts only."""
        [block] = blocks("policy", "one-tenant")
        text = block.text.replace("bedrock-prod-", "bedrock-local-").replace("acme", tenant)
        policy = json.loads(text)
        [deployer] = policy["Statement"][-1]["Resource"]
        policy["Statement"][-1]["Resource"] = [
            deployer.replace("222222222222", account.account_id)
            for account in self.environment.accounts_of(tenant)
        ]
        operations = self.environment.operations_account_id
        keys = self.control.account(operations, user=f"deploys-{tenant}", policies=[policy])
        tag = {"Key": TENANT_TAG, "Value": tenant}
        self.client("iam", self.operations_keys).tag_user(UserName=f"deploys-{tenant}", Tags=[tag])
        return keys

    def deployer_inputs(self, account):
        """The inputs of modules/customer-deployer that `make deployer` prints."""
        return self._roles[account].inputs

    def owner_makes_deployer(self, account):
        """Create what modules/customer-deployer creates, as the customer does once."""
        keys = self.control.account(account.account_id, user="owner")
        kms = self.client("kms", keys, region=account.region)
        make_deployer(self.client("iam", keys), kms, self._roles[account])

    def operations(self):
        return self._folder("operations", "operations.tfstate", self.operations_keys)

    def hand_over(self):
        """Write the hand-overs, as `make apply` does once the operations root is applied."""
        handovers = self.operations().outputs()["handover"]
        self.bucket_as(self.operations_keys).write_handovers(handovers)

    def customer(self, tenant, account_id):
        """The customer root, run by an identity that applies this tenant's accounts only."""
        keys = self.deployment_of(tenant)
        key = f"customers/{tenant}/{account_id}.tfstate"
        file = self._root.parent / "data" / key / "handover.tfvars.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"handover": self.bucket_as(keys).handover(tenant)}))
        options = dict.fromkeys(("TF_CLI_ARGS_apply", "TF_CLI_ARGS_plan"), f"-var-file={file}")
        return self._folder("customer", key, keys, **options)

    def client(self, service, keys, region="eu-central-1"):
        """A client of one service that never retries."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def _folder(self, root, key, keys, **variables):
        folder = Folder(
            self._root / root,
            TF_DATA_DIR=str(self._root.parent / "data" / key),
            AWS_ACCESS_KEY_ID=keys.access_key_id,
            AWS_SECRET_ACCESS_KEY=keys.secret_access_key,
            AWS_ENDPOINT_URL=self.url,
            **variables,
        )
        return folder.init("-backend-config=../local/backend.hcl", f"-backend-config=key={key}")


@pytest.fixture(scope="module")
def accounts(tree):
    """The local environment's accounts, before anything is applied.

    They last for one test module, since a process can have only one local AWS at a time.
    """
    with LocalAws() as cloud:
        accounts = Accounts(cloud, tree("cloud"))
        for account in load_environment("local").accounts:
            accounts.owner_makes_deployer(account)
        yield accounts


@pytest.fixture(scope="module")
def handed_over(accounts):
    """The accounts after the operations root has been applied."""
    accounts.operations().apply(LOCAL)
    accounts.hand_over()
    return accounts
