import shutil
import zipfile

import boto3
import pytest
from botocore.config import Config

from tests.terraform import ENVIRONMENTS, LOCAL, MODULES, Folder, folder_of
from tools.bench.plan_time import OFFLINE
from tools.cli.local_target import make_deployer
from tools.environment.model import load_environment
from tools.localaws.local_aws import LocalAws
from tools.terraform.deployer_role import deployer_roles

UNWANTED = shutil.ignore_patterns(".terraform*")


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Return a function that copies the Terraform code, so that init writes nothing into the project."""

    def copied(name):
        root = tmp_path_factory.mktemp(name)
        shutil.copytree(MODULES, root / "modules", ignore=UNWANTED)
        shutil.copytree(ENVIRONMENTS, root / "environments", symlinks=True, ignore=UNWANTED)
        (root / "build").mkdir()
        zipfile.ZipFile(root / "build" / "tenant-bedrock-arm64-py3.13.zip", "w").close()
        return root

    return copied


@pytest.fixture(scope="session")
def operations(tree):
    """The operations root with an offline provider and a local state."""
    root = tree("offline") / "environments" / "operations"
    (root / "offline_override.tf").write_text(OFFLINE)
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


class Accounts:
    """The accounts of the local environment in the local AWS, and the roots to run there."""

    def __init__(self, cloud, root):
        self.control = cloud.control
        self._root = root / "environments"
        self._environment = load_environment("local")
        self._roles = deployer_roles(self._environment, self._environment.accounts, print)
        keys = self.control.account(self._environment.operations_account_id)
        self._keys = {
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_ENDPOINT_URL": cloud.url,
        }
        self._client("s3", keys, config=Config(s3={"addressing_style": "path"})).create_bucket(
            Bucket=self._environment.backend["bucket"],
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )

    def owner_makes_deployer(self, account):
        """Create what modules/customer-deployer creates, as the customer does once."""
        keys = self.control.account(account.account_id, user="owner")
        kms = self._client("kms", keys, region_name=account.region)
        make_deployer(self._client("iam", keys), kms, self._roles[account])

    def operations(self):
        return self._folder("operations", "operations.tfstate")

    def customer(self, tenant, account_id):
        return self._folder("customer", f"customers/{tenant}/{account_id}.tfstate")

    def _folder(self, root, key):
        data = self._root.parent / "data" / key
        folder = Folder(self._root / root, TF_DATA_DIR=str(data), **self._keys)
        return folder.init("-backend-config=../local/backend.hcl", f"-backend-config=key={key}")

    def _client(self, service, keys, **options):
        return boto3.client(
            service,
            endpoint_url=self._keys["AWS_ENDPOINT_URL"],
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            **{"region_name": "eu-central-1", **options},
        )


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
    return accounts
