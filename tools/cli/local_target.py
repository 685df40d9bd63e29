"""The local AWS as a target, with the users and roles that the accounts' owners would make."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tools.cli.boto3_session import boto3_session
from tools.cli.data_retention import keep_nothing
from tools.cli.targets import Target
from tools.command_error import CommandError
from tools.environment.inspector_role import inspector_documents, inspector_name
from tools.localaws.background import LocalAwsError, LocalAwsProcess
from tools.localaws.control import Control
from tools.packaging.build import build
from tools.terraform.deployer_role import deployer_roles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import boto3

    from tools.environment.model import CustomerAccount, Environment
    from tools.terraform.deployer_role import DeployerRole

# For the owners of the local AWS's accounts only; nothing that a customer receives uses it.
ADMINISTRATOR = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "OwnThisAccount", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class LocalTarget(Target):
    """The local AWS, reached with keys that it issued; the caller's AWS settings are ignored."""

    needs_confirmation = False

    def __init__(
        self, environment: Environment, folder: Path, progress: Callable[[str], None]
    ) -> None:
        super().__init__(environment)
        self.process = LocalAwsProcess(folder)
        self._progress = progress

    @property
    def endpoint(self) -> str:
        """The URL at which the local AWS answers for every service."""
        return str(self._description["url"])

    @property
    def control(self) -> Control:
        """A client of the local AWS's control API."""
        return Control(self._description["control_url"])

    @property
    def _description(self) -> Mapping[str, Any]:
        try:
            return self.process.description()
        except LocalAwsError as error:
            raise CommandError(str(error)) from None

    def start(self) -> None:
        """Start the local AWS, unless it runs already, and prepare its accounts."""
        self._progress("Starting the local AWS")
        try:
            self.process.start()
        except LocalAwsError as error:
            raise CommandError(str(error)) from None
        self.prepare()

    def prepare(self) -> None:
        """Make users, state bucket, deployer roles, boundaries and keys, once for the same stanzas."""
        accounts = self.environment.deployed_accounts()
        roles = deployer_roles(self.environment, accounts, self._progress)
        inspectors = [inspector_documents(self.environment, account) for account in accounts]
        customers = [account for account in self.environment.accounts if account not in accounts]
        digest = hashlib.sha256(repr((roles, inspectors, customers)).encode()).hexdigest()
        if self._description.get("prepared") == digest:
            return
        operations = self.environment.operations_account_id
        self.process.add_user("deployer", operations, ADMINISTRATOR)
        self.state_bucket().make()
        self._keep_nothing_in_bedrock()
        for account in accounts:
            self._prepare_account(account, roles[account])
        for account in customers:
            self._add_customers_users(account)
        self.process.file.write_text(json.dumps({**self._description, "prepared": digest}))

    def terraform_environment(self) -> Mapping[str, str]:
        """Return the local AWS's URL and keys, and the zip built for this machine's Python."""
        keys = self.keys("deployer")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        return {
            **inherited,
            "AWS_ACCESS_KEY_ID": keys["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
            "AWS_REGION": self.environment.operations_region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "TF_VAR_package_path": str(self._package),
        }

    def keys(self, identity: str) -> dict[str, str]:
        """Return the access_key_id and the secret_access_key of a user."""
        keys: dict[str, str] = self._description["keys"][identity]
        return keys

    def session(self, identity: str) -> boto3.Session:
        """Return a session of a user: the deployer, an account's administrator or its auditor."""
        keys = self.keys(identity)
        named = {"AccessKeyId": keys["access_key_id"], "SecretAccessKey": keys["secret_access_key"]}
        return boto3_session(self.environment.operations_region, keys=named)

    def administrator(self, account: CustomerAccount, profile: str | None) -> boto3.Session:  # noqa: ARG002 - the keys are here
        """Return a session of the user that owns the account."""
        return self.session(f"administrator {account.account_id}")

    def _keep_nothing_in_bedrock(self) -> None:
        """Set data retention to none in every Region, by the step of `make bootstrap`.

        A list of the Regions in which a tenant's model may run would have to follow every stanza.
        """
        regions = self.operations().get_available_regions("ec2", self.environment.partition)
        for result in keep_nothing(self, regions):
            if not result.keeps_nothing:
                raise CommandError(f"Data retention in {result.region} {result.state}.")

    def _make_inspector(self, account: CustomerAccount, iam: Any) -> None:  # noqa: ANN401 - boto3's client
        """Create the role as `make inspector` prints it, as the customer would."""
        documents = inspector_documents(self.environment, account)
        name = inspector_name(self.environment, account)
        trust = json.dumps(documents["trust"])
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        permissions = json.dumps(documents["permissions"])
        iam.put_role_policy(RoleName=name, PolicyName="inspector", PolicyDocument=permissions)

    @cached_property
    def _package(self) -> Path:
        return build("host", self._progress)

    def _add_customers_users(self, account: CustomerAccount) -> None:
        """Make the users of a customer that manages its account itself; it makes everything else."""
        self.process.add_user(
            f"administrator {account.account_id}", account.account_id, ADMINISTRATOR
        )
        base_name = self.environment.base_name(account.tenant)
        roles = [
            self.environment.role_arn(account.account_id, f"{base_name}-{suffix}")
            for suffix in ("reader", "unmasker")
        ]
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.process.add_user(f"auditor {account.account_id}", account.account_id, policy)

    def _prepare_account(self, account: CustomerAccount, role: DeployerRole) -> None:
        administrator = f"administrator {account.account_id}"
        auditor = f"auditor {account.account_id}"
        self.process.add_user(administrator, account.account_id, ADMINISTRATOR)
        reader_access = json.loads(role.documents["reader_access"])
        self.process.add_user(auditor, account.account_id, reader_access)
        session = self.session(administrator)
        iam = self.client(session, "iam")
        self._make_inspector(account, iam)
        if make_deployer(iam, self.client(session, "kms", account.region), role):
            self._progress(f"Made {role.name} in {account.account_id}, as the customer would")


def make_deployer(iam: Any, kms: Any, role: DeployerRole) -> bool:  # noqa: ANN401 - boto3's clients
    """Make what modules/customer-deployer makes, or bring it up to date; True for a new role."""
    new = False
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=role.trust)
        new = True
    iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=role.trust)
    iam.put_role_policy(RoleName=role.name, PolicyName="deployer", PolicyDocument=role.permissions)
    tags = [{"Key": name, "Value": text} for name, text in role.tags.items()]
    iam.tag_role(RoleName=role.name, Tags=tags)
    _make_boundary(iam, role)
    _make_key(kms, role)
    return new


def _make_boundary(iam: Any, role: DeployerRole) -> None:  # noqa: ANN401 - a boto3 client
    """Make the boundary of the workload's roles, or give it a new default version."""
    boundary = role.boundary
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_policy(
            PolicyName=boundary["name"],
            Path=boundary["path"],
            PolicyDocument=role.documents["boundary"],
        )
        return
    versions = iam.list_policy_versions(PolicyArn=boundary["arn"])["Versions"]
    for version in versions:
        if not version["IsDefaultVersion"]:  # IAM keeps five versions
            iam.delete_policy_version(PolicyArn=boundary["arn"], VersionId=version["VersionId"])
    iam.create_policy_version(
        PolicyArn=boundary["arn"],
        PolicyDocument=role.documents["boundary"],
        SetAsDefault=True,
    )


def _make_key(kms: Any, role: DeployerRole) -> None:  # noqa: ANN401 - a boto3 client
    """Make the key of the records with its alias, or give it the policy of a changed stanza."""
    try:
        key_id = kms.describe_key(KeyId=role.key_alias)["KeyMetadata"]["KeyId"]
    except kms.exceptions.NotFoundException:
        key = kms.create_key(
            Policy=role.documents["key"],
            Tags=[{"TagKey": "tenant", "TagValue": role.inputs["tenant"]}],
        )
        key_id = key["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=role.key_alias, TargetKeyId=key_id)
        kms.enable_key_rotation(KeyId=key_id)
        return
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=role.documents["key"])
