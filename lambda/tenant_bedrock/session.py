"""The two AWS sessions: the customer's own, and one that acts as the operations role."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from tenant_bedrock import environment
from tenant_bedrock.errors import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sts import STSClient

    from tenant_bedrock.settings import Settings

_log = logging.getLogger(__name__)

# One role assuming another gets 3,600 s and no more, whatever the role's own maximum is:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
SESSION_SECONDS = 3600
RENEW_BEFORE_SECONDS = 900  # from here on one thread renews; the others use the old keys
STOP_BEFORE_SECONDS = 60  # from here on the old keys may expire on the way
PAUSE_SECONDS = 30  # between two tries while STS is down: few requests wait for one

# AWS lets some models answer for up to 60 minutes and asks for a read timeout to match:
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-37.html
# A shorter one would retry, and pay for, a call whose answer is still being written; where the
# function has less time than that, ``wire`` sees to it that there is no second attempt.
LONGEST_ANSWER_SECONDS = 3600
GIVE_UP_SECONDS = 2  # before Lambda ends the function
_BEDROCK = Config(
    connect_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=50,
    tcp_keepalive=True,
    signature_version="v4",
)
# Two quick tries, then the record goes to stdout: the caller is waiting for an answer already paid.
_LOGS = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=50,
)
_STS = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
)


class OperationsRole(CredentialProvider):
    """The operations role's keys: one AssumeRole an hour, however many threads sign with them."""

    METHOD = "tenant-bedrock-operations-role"

    def __init__(self, sts: STSClient, settings: Settings) -> None:
        self._sts = sts
        self._settings = settings
        self._keys: dict[str, str] = {}
        self._pause_until = 0.0
        self.session_arn = ""  # who Bedrock sees, once the role has been assumed

    def load(self) -> RefreshableCredentials:
        """Assume the role and return keys that renew themselves; botocore calls this once."""
        return RefreshableCredentials.create_from_metadata(
            self._assume(),
            refresh_using=self._renew,
            method=self.METHOD,
            advisory_timeout=RENEW_BEFORE_SECONDS,
            mandatory_timeout=STOP_BEFORE_SECONDS,
        )

    def _renew(self) -> dict[str, str]:
        """New keys, or the old ones while STS is down and they still hold.

        botocore holds its lock around this. Left alone it asks STS again on every request of the
        last quarter of an hour, and logs a traceback each time.
        """
        left = datetime.fromisoformat(self._keys["expiry_time"]) - datetime.now(UTC)
        still_good = left.total_seconds() > STOP_BEFORE_SECONDS
        if still_good and time.monotonic() < self._pause_until:
            return self._keys
        try:
            return self._assume()
        except (BotoCoreError, ClientError) as error:
            if not still_good:
                raise
            self._pause_until = time.monotonic() + PAUSE_SECONDS
            facts = {"error": type(error).__name__, "secondsLeft": int(left.total_seconds())}
            _log.warning("session.not_renewed", extra=facts)
            return self._keys

    def _assume(self) -> dict[str, str]:
        answer = self._sts.assume_role(
            RoleArn=self._settings.role_arn,
            ExternalId=self._settings.external_id,
            RoleSessionName=self._settings.tenant,
            DurationSeconds=SESSION_SECONDS,
        )
        self.session_arn = answer["AssumedRoleUser"]["Arn"]
        self._keys = {
            "access_key": answer["Credentials"]["AccessKeyId"],
            "secret_key": answer["Credentials"]["SecretAccessKey"],
            "token": answer["Credentials"]["SessionToken"],
            "expiry_time": answer["Credentials"]["Expiration"].isoformat(),
        }
        return self._keys


@dataclass(frozen=True)
class Sessions:
    """The sessions of one connection; the first client of ``operations`` assumes the role.

    A client is made once and keeps its connections to AWS open.
    """

    customer: Session
    operations: Session
    role: OperationsRole
    region: str
    patience: float  # seconds without a byte from Bedrock
    _clients: dict[str, Any] = field(default_factory=dict)

    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs of the customer's account, with the customer's own keys."""
        if "logs" not in self._clients:
            self._clients["logs"] = _client(self.customer, "logs", self.region, _LOGS)
        client: CloudWatchLogsClient = self._clients["logs"]
        return client

    def bedrock(self, region: str) -> BedrockRuntimeClient:
        """Bedrock in ``region``, as the operations role; botocore's errors are AssumeRole's."""
        if region not in self._clients:
            config = _BEDROCK.merge(Config(read_timeout=self.patience))
            made = _client(self.operations, "bedrock-runtime", region, config)
            self._clients[region] = made
        client: BedrockRuntimeClient = self._clients[region]
        return client


def open_sessions(settings: Settings) -> Sessions:
    """Sessions for ``settings``; calls nobody yet. Raises SettingsError without a Region."""
    customer = Session()
    region = environment.region() or customer.get_config_variable("region")
    if not region:
        raise SettingsError("No Region is set; set AWS_REGION to the record log group's.")
    # The global STS endpoint would take the call out of the Region and past a VPC endpoint.
    customer.set_config_variable("sts_regional_endpoints", "regional")
    role = OperationsRole(_client(customer, "sts", region, _STS), settings)
    operations = Session()
    operations.register_component("credential_provider", CredentialResolver([role]))
    # The loader holds the parsed service models; a second one would read them all again.
    operations.register_component("data_loader", customer.get_component("data_loader"))
    return Sessions(customer, operations, role, region, _patience(settings.timeout))


def _patience(timeout: int | None) -> float:
    """Until there is just time to record a call that did not come back, and to say so.

    For a function of a few seconds that is half of its time.
    """
    if timeout is None:
        return LONGEST_ANSWER_SECONDS
    return max(timeout - GIVE_UP_SECONDS, timeout / 2)


def _client(session: Session, service: str, region: str, config: Config) -> Any:  # noqa: ANN401 - the caller names its type
    client = session.create_client(service, region_name=region, config=config)
    # Made by whoever asks first; two threads at once would get classes of their own, and an error
    # raised in one is then none of those that the other catches.
    _ = client.exceptions
    return client
