"""The operations account on a local AWS of its own, reached through boto3 as its administrator reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.cli.targets import AwsTarget

if TYPE_CHECKING:
    import pytest

    from tools.environment.model import Environment
    from tools.localaws.local_aws import LocalAws

OPERATIONS = "111111111111"


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
    def target(self) -> AwsTarget:
        """The account as commands reach it."""
        return AwsTarget(self.environment)

    def calls(self, action: str) -> list[str]:
        """The Regions in which an action was called, each as often as it was."""
        return sorted(entry.region for entry in self.cloud.control.calls(action=action))
