"""The AWS that a command works with: real accounts, or the local AWS of ENV=local."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from tools.aws_error import aws_sentence
from tools.cli.boto3_session import boto3_session
from tools.command_error import CommandError
from tools.environment.inspector_role import inspector_name
from tools.terraform.state_bucket import StateBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import boto3

    from tools.environment.model import CustomerAccount, Environment

LOCAL = "local"


class Target(ABC):
    """Sessions and clients in the accounts of one environment."""

    # Whether destroying anything requires a confirmation.
    needs_confirmation = True

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    @abstractmethod
    def prepare(self) -> None:
        """Create what Terraform needs and what others create on AWS."""

    @abstractmethod
    def terraform_environment(self) -> Mapping[str, str]:
        """Return the process environment with which terraform reaches the accounts."""

    @abstractmethod
    def session(self, identity: str) -> boto3.Session:
        """Return a session as ``identity``; on AWS, always the caller's own."""

    @property
    def endpoint(self) -> str | None:
        """The URL of all AWS services; None for AWS's own endpoints."""
        return None

    def client(
        self,
        session: boto3.Session,
        service: str,
        region: str | None = None,
        **config: Any,  # noqa: ANN401 - botocore checks its own options
    ) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return a client of ``session``; ``config`` are options of botocore's Config."""
        return session.client(  # type: ignore[call-overload]
            service, region_name=region, endpoint_url=self.endpoint, config=Config(**config)
        )

    def bedrock_clients(self, regions: Iterable[str], attempts: int = 3) -> dict[str, Any]:
        """Return a client of Bedrock in the operations account for each Region, in this order.

        They are made at once, because threads may share clients and no session:
        https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
        """
        session = self.operations()
        options: dict[str, Any] = {
            "connect_timeout": 5,  # seconds, because a Region may be out of reach
            "read_timeout": 15,
            "retries": {"mode": "standard", "total_max_attempts": attempts},
        }
        return {
            region: self.client(session, "bedrock", region, **options)
            for region in dict.fromkeys(regions)
        }

    def operations(self) -> boto3.Session:
        """Return a session in the operations account; CommandError for credentials of another account."""
        return self._operations

    @functools.cached_property
    def _operations(self) -> boto3.Session:
        session = self.session("deployer")
        account = self.client(session, "sts").get_caller_identity()["Account"]
        name, operations_id = self.environment.name, self.environment.operations_account_id
        if account != operations_id:
            raise CommandError(
                f"The credentials are of account {account}, and {operations_id} is the operations account of {name}; "
                "use credentials of the operations account."
            )
        return session

    def state_bucket(self) -> StateBucket:
        """Return the environment's state bucket."""

        def connect(service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
            # The local AWS has no DNS names for buckets.
            options: dict[str, Any] = (
                {"s3": {"addressing_style": "path"}} if service == "s3" else {}
            )
            return self.client(self.operations(), service, **options)

        return StateBucket(self.environment, connect, lambda: self.endpoint)

    def deployer(self, account: CustomerAccount) -> boto3.Session:
        """Return a session in a customer account, as the role that Terraform also uses."""
        self.environment.refuse_self_managed(account)
        external_id = self.environment.deployer_external_id(account.tenant)
        role_name = self.environment.deployer_role_name
        advice = (
            "write {caller} into operations.deployment_principals, and send the customer what `make deployer "
            f"{self.environment.options_of(account)}` prints."
        )
        return self._assume(account, role_name, self.operations(), advice, ExternalId=external_id)

    def inspector(self, account: CustomerAccount) -> boto3.Session:
        """Return a session in a customer account, as the role that reads settings and no records."""
        self.environment.refuse_self_managed(account)
        external_id = self.environment.deployer_external_id(account.tenant)
        role_name = inspector_name(self.environment, account)
        advice = (
            "allow {caller} to assume it, and ask the customer whether it has created what `make inspector "
            f"{self.environment.options_of(account)}` prints."
        )
        return self._assume(account, role_name, self.operations(), advice, ExternalId=external_id)

    def reader(self, account: CustomerAccount, *, unmask: bool = False) -> boto3.Session:
        """Return a session in a customer account, as the role that may read or unmask records."""
        suffix = "unmasker" if unmask else "reader"
        role_name = f"{self.environment.base_name(account.tenant)}-{suffix}"
        advice = (
            f"write {{caller}} into {suffix}s of {account.tenant}'s account {account.account_id} in "
            f"{self.environment.place_of(account.tenant)}, and apply."
        )
        caller = self.session(f"auditor {account.account_id}")
        return self._assume(account, role_name, caller, advice)

    def administrator(self, account: CustomerAccount, profile: str | None) -> boto3.Session:
        """Return a session of a customer account's administrator, on AWS from a profile of the AWS configuration.

        Raises CommandError without a profile, and if it does not exist or is of another account.
        """
        if profile is None:
            raise CommandError(
                f"This needs an administrator of {account.account_id}: add ADMINISTRATOR= and a profile of your AWS "
                "configuration that is one."
            )
        try:
            session = boto3_session(account.region, profile=profile)
        except ProfileNotFound:
            raise CommandError(
                f'Your AWS configuration has no profile "{profile}"; write one of its profiles after ADMINISTRATOR=.'
            ) from None
        found = self.client(session, "sts").get_caller_identity()["Account"]
        if found != account.account_id:
            raise CommandError(
                f'The profile "{profile}" is of account {found}, and {account.account_id} is the account of '
                f"{account.tenant}; write a profile of that account after ADMINISTRATOR=."
            )
        return session

    def _assume(
        self,
        account: CustomerAccount,
        role_name: str,
        caller: boto3.Session,
        advice: str,
        **conditions: str,
    ) -> boto3.Session:
        """Return a session of the role; CommandError with ``advice``, which names ``{caller}``, if AWS denies it."""
        sts = self.client(caller, "sts")
        role_arn = self.environment.role_arn(account.account_id, role_name)
        try:
            keys = sts.assume_role(RoleArn=role_arn, RoleSessionName="make", **conditions)[
                "Credentials"
            ]
        except sts.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                # STS quotes an ExternalId that has a character which none may have.
                reason = self.environment.without_external_ids(aws_sentence(error))
                raise CommandError(f"{role_arn} cannot be assumed. {reason}") from None
            arn = principal_arn(sts.get_caller_identity()["Arn"])
            raise CommandError(
                f"{role_arn} cannot be assumed: {error.response['Error']['Message'].rstrip('.')}. If the role exists, "
                f"{advice.format(caller=arn)}"
            ) from None
        return boto3_session(account.region, keys=keys)


class AwsTarget(Target):
    """Real AWS accounts, reached with the caller's own credentials."""

    def prepare(self) -> None:
        """Do nothing: `make bootstrap` makes the state bucket, and customers make the deployer role."""

    def terraform_environment(self) -> Mapping[str, str]:
        """Return the caller's own environment."""
        return os.environ

    def session(self, identity: str) -> boto3.Session:  # noqa: ARG002 - AWS has only the caller's identity
        """Return the caller's own session."""
        return boto3_session(self.environment.operations_region)


def principal_arn(caller: str) -> str:
    """Return the user or the role behind an identity as STS names it, to whose ARN a role's path is to be added.

    STS does not name the path: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    if ":assumed-role/" not in caller:
        return caller
    head, _, tail = caller.partition(":assumed-role/")
    role = f"{head.replace(':sts:', ':iam:', 1)}:role/{tail.split('/')[0]}"
    return f"{role} (with its path, if the role has one)"


def target_of(environment: Environment, folder: Path, progress: Callable[[str], None]) -> Target:
    """Return the target of an environment; ``folder`` holds what the local AWS writes."""
    if environment.name != LOCAL:
        return AwsTarget(environment)
    from tools.cli.local_target import LocalTarget  # noqa: PLC0415 - it needs the development packages

    return LocalTarget(environment, folder, progress)
