"""Where a command keeps what it makes, and which AWS it speaks to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tools.cli.console import CommandError, progress
from tools.paths import ROOT
from tools.terraform.toolchain import Toolchain, ToolchainError, ensure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tools.environment.model import CustomerAccount, Environment


LOCAL = "local"


@dataclass(frozen=True)
class Workspace:
    """The folder for Terraform's data directories and the local cloud's address."""

    folder: Path = ROOT / ".work"

    @property
    def cloud_file(self) -> Path:
        """Where a running local cloud is written down: url, pid and the keys made at its start."""
        return self.folder / "cloud.json"

    def cloud(self) -> dict[str, Any]:
        """The running local cloud; CommandError when none runs."""
        if not self.cloud_file.is_file():
            raise CommandError("The local cloud is not running; start it with `make up`.")
        cloud: dict[str, Any] = json.loads(self.cloud_file.read_text())
        if not self.answers(cloud):
            raise CommandError("The local cloud has stopped; start it again with `make down up`.")
        return cloud

    def answers(self, cloud: dict[str, Any]) -> bool:
        """Whether a local cloud answers where one was written down: its pid may be another's now."""
        from tools.localaws.control import Control  # noqa: PLC0415 - only the local environment needs it

        try:
            return Control(cloud["url"]).health()
        except (OSError, HTTPException, ValueError):
            return False

    def local_user(self, identity: str, account_id: str, policy: Mapping[str, Any]) -> None:
        """Have a user in an account of the local cloud, its keys written down beside the cloud's address."""
        from tools.localaws.control import Control  # noqa: PLC0415 - only the local environment needs it

        cloud = self.cloud()
        known = cloud.setdefault("keys", {})
        if identity in known:
            return
        user = identity.split(maxsplit=1)[0]
        keys = Control(cloud["url"]).account(account_id, user=user, policies=[policy])
        known[identity] = {
            "access_key_id": keys.access_key_id,
            "secret_access_key": keys.secret_access_key,
        }
        self.cloud_file.write_text(json.dumps(cloud))

    def data_dir(self, environment: str, key: str) -> Path:
        """One TF_DATA_DIR a state, so that a backend never leaks from one environment to another."""
        return self.folder / "data" / environment / key.removesuffix(".tfstate")

    def toolchain(self) -> Toolchain:
        """Terraform and its provider; CommandError when they cannot be had."""
        try:
            return ensure(progress)
        except ToolchainError as error:
            raise CommandError(str(error)) from None

    def aws_environment(
        self, environment: Environment, identity: str = "deployer"
    ) -> dict[str, str]:
        """The process environment with which terraform reaches this environment's AWS.

        For the local environment: the local cloud and its keys, and nothing of the developer's own
        AWS configuration. For any other: the caller's environment as it is.
        """
        if environment.name != LOCAL:
            return dict(os.environ)
        cloud = self.cloud()
        keys = cloud["keys"][identity]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": keys["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
            "AWS_REGION": environment.operations_region,
            "AWS_ENDPOINT_URL": cloud["url"],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def operations(self, environment: Environment) -> boto3.Session:
        """A session in the operations account, as the deployer."""
        return self.session(environment, "deployer")

    def deployer(self, environment: Environment, account: CustomerAccount) -> boto3.Session:
        """A session in a customer account, through the role that Terraform uses there too."""
        role = environment.deployer_role_name
        return self._assume(environment, self.session(environment, "deployer"), account, role)

    def reader(
        self, environment: Environment, account: CustomerAccount, *, unmask: bool = False
    ) -> boto3.Session:
        """A session in a customer account as the role that may read the records, or see them unmasked."""
        kind = "unmasker" if unmask else "reader"
        role = f"{environment.name_of(account.tenant)}-{kind}"
        return self._assume(
            environment, self.session(environment, f"auditor {account.account_id}"), account, role
        )

    def session(self, environment: Environment, identity: str) -> boto3.Session:
        """The caller's own session; in the local environment the session of one of the cloud's users."""
        if environment.name != LOCAL:
            return boto3.Session(region_name=environment.operations_region)
        keys = self.cloud()["keys"][identity]
        return boto3.Session(
            keys["access_key_id"],
            keys["secret_access_key"],
            region_name=environment.operations_region,
        )

    def client(
        self,
        environment: Environment,
        session: boto3.Session,
        service: str,
        region: str | None = None,
        **config: Any,  # noqa: ANN401 - botocore checks its own options
    ) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """A client of ``session`` that speaks to this environment's AWS."""
        endpoint = self.cloud()["url"] if environment.name == LOCAL else None
        return session.client(  # type: ignore[call-overload]
            service, region_name=region, endpoint_url=endpoint, config=Config(**config)
        )

    def _assume(
        self, environment: Environment, session: boto3.Session, account: CustomerAccount, role: str
    ) -> boto3.Session:
        sts = self.client(environment, session, "sts")
        arn = environment.role_arn(account.account_id, role)
        try:
            keys = sts.assume_role(RoleArn=arn, RoleSessionName="make")["Credentials"]
        except sts.exceptions.ClientError as error:
            raise CommandError(
                f"{arn} cannot be assumed: {error.response['Error']['Message']}"
            ) from None
        return boto3.Session(
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            keys["SessionToken"],
            region_name=account.region,
        )
