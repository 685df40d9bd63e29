"""The operations account on a local AWS of its own, reached through boto3 as its administrator reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.loaders import create_loader
from botocore.session import get_session

from tools.cli.targets import AwsTarget

if TYPE_CHECKING:
    import pytest

    from tools.environment.model import Environment
    from tools.localaws.local_aws import LocalAws

OPERATIONS = "111111111111"


class Target(AwsTarget):
    """AWS through sessions that load the model of a service once for all tests."""

    loader = create_loader()

    def session(self, identity: str) -> boto3.Session:  # noqa: ARG002 - the environment has the keys
        """Return a session with the keys of the process environment."""
        core = get_session()
        core.register_component("data_loader", self.loader)
        return boto3.Session(botocore_session=core, region_name=self.environment.operations_region)


class Account:
    """The account, with everything allowed until ``allow`` says otherwise."""

    def __init__(
        self, cloud: LocalAws, monkeypatch: pytest.MonkeyPatch, environment: Environment
    ) -> None:
        self.cloud, self.monkeypatch, self.environment = cloud, monkeypatch, environment
        self.allow({"Action": "*"})

    def allow(self, *statements: dict[str, Any]) -> None:
        """Replace the administrator's permissions."""
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Resource": "*", **item} for item in statements],
        }
        keys = self.cloud.control.account(OPERATIONS, policies=[document])
        for name, value in {
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_ENDPOINT_URL": self.cloud.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            self.monkeypatch.setenv(name, value)

    @property
    def target(self) -> Target:
        """The account as commands reach it."""
        return Target(self.environment)

    def calls(self, action: str) -> list[str]:
        """The Regions in which an action was called, each as often as it was."""
        return sorted(entry.region for entry in self.cloud.control.calls(action=action))
