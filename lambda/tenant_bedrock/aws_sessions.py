"""The two AWS sessions: one with the customer's own keys, one with the operations role's."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from tenant_bedrock import process_environment
from tenant_bedrock.errors import OutOfTimeError, SettingsError, is_explicit_deny
from tenant_bedrock.invocation import RESERVE_SECONDS
from tenant_bedrock.time_budget import TimeBudget

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sts import STSClient

    from tenant_bedrock.settings import Settings

_log = logging.getLogger(__name__)

# Role chaining is limited to 3,600 s, whatever the role's own maximum is:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
SESSION_SECONDS = 3600
ADVISORY_SECONDS = 900  # before the keys expire: one thread renews them, the others still use them
MANDATORY_SECONDS = 60  # before the keys expire: no request is signed with them any more
STS_PAUSE_SECONDS = 30  # between two renewals while STS fails, so that few requests wait for one

# AWS lets some models answer for up to 60 minutes and recommends a read timeout to match:
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-37.html
# A shorter one would retry, and pay again for, an answer that is still being written. Within an
# invocation, ``TimeBudget`` gives a request up earlier.
LONGEST_ANSWER_SECONDS = 3600
_BEDROCK = Config(
    connect_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=50,
    tcp_keepalive=True,
    signature_version="v4",
)
# After two short attempts the record goes to stdout: the caller is waiting for an answer.
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
# The caller waits for the error that a refused call becomes: five seconds at most.
_SSM = Config(
    connect_timeout=2,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 1},
)


class OperationsRole(CredentialProvider):
    """The operations role's keys: one AssumeRole an hour for all threads."""

    METHOD = "tenant-bedrock-operations-role"

    def __init__(self, sts: STSClient, settings: Settings) -> None:
        self._sts = sts
        self._settings = settings
        self._keys: dict[str, str] = {}
        self._pause_until = 0.0
        self.session_arn = ""  # the caller that Bedrock sees, once the role has been assumed

    def inherit(self, parent: OperationsRole) -> None:
        """Take over the keys of the process that this one was forked from."""
        self._keys = parent._keys
        self.session_arn = parent.session_arn

    def load(self) -> RefreshableCredentials:
        """Assume the role and return keys that renew themselves; botocore calls this once."""
        return RefreshableCredentials.create_from_metadata(
            self._keys or self._assume(),
            refresh_using=self._renew,
            method=self.METHOD,
            advisory_timeout=ADVISORY_SECONDS,
            mandatory_timeout=MANDATORY_SECONDS,
        )

    def _renew(self) -> dict[str, str]:
        """New keys, or the current ones if STS fails while they are still valid.

        botocore holds its lock during this call. Without the pause it would call STS for every
        request of the last 15 minutes and log a traceback each time.
        """
        left = datetime.fromisoformat(self._keys["expiry_time"]) - datetime.now(UTC)
        is_valid = left.total_seconds() > MANDATORY_SECONDS
        if is_valid and time.monotonic() < self._pause_until:
            return self._keys
        try:
            return self._assume()
        except (BotoCoreError, ClientError, OutOfTimeError) as error:
            if not is_valid:
                raise
            self._pause_until = time.monotonic() + STS_PAUSE_SECONDS
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
    """The sessions of one connection; making the first Bedrock client assumes the role."""

    customer: Session
    operations: Session
    role: OperationsRole
    region: str
    read_timeout: float  # seconds without a byte from Bedrock
    budget: TimeBudget  # of the requests to STS and Bedrock

    def logs(self) -> CloudWatchLogsClient:
        """Make a client of CloudWatch Logs in the customer's account."""
        client: CloudWatchLogsClient = _client(self.customer, "logs", self.region, _LOGS)
        return client

    def bedrock(self, region: str) -> BedrockRuntimeClient:
        """Make a client of Bedrock in ``region``; raises botocore's errors of AssumeRole."""
        config = _BEDROCK.merge(Config(read_timeout=self.read_timeout))
        client: BedrockRuntimeClient = _client(self.operations, "bedrock-runtime", region, config)
        self.budget.register(client)
        return client

    def parameter(self, name: str, region: str) -> str | None:
        """Return a parameter of Systems Manager as the operations role; None if there is no such parameter.

        Raises botocore's errors and OutOfTimeError.
        """
        ssm = _client(self.operations, "ssm", region, _SSM)
        self.budget.register(ssm)
        try:
            value: str = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound:
            return None
        return value

    def is_denied_everything(self) -> bool:
        """Whether the operations role may do nothing at all, as when its tenant is suspended.

        Bedrock's refusal does not tell: a Deny for one Region or model reads the same. STS is asked to
        decode a message, which no tenant may do: normally no policy allows it, and only a Deny of
        everything denies it explicitly. Any other answer, or none, means no.
        https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
        """
        sts: STSClient = _client(self.operations, "sts", self.region, _STS)
        self.budget.register(sts)
        try:
            sts.decode_authorization_message(EncodedMessage="none")
        except ClientError as error:
            return is_explicit_deny(error)
        except (BotoCoreError, OutOfTimeError):
            return False
        return False


def open_sessions(settings: Settings, *, parent: Sessions | None = None) -> Sessions:
    """Open the sessions without calling AWS yet; raises SettingsError if no Region is set.

    In a forked process, ``parent`` are the sessions of the process that it was forked from.
    """
    customer = Session()
    if parent is not None:
        customer.register_component("data_loader", parent.customer.get_component("data_loader"))
    region = parent.region if parent else process_environment.region()
    region = region or customer.get_config_variable("region")
    if not region:
        raise SettingsError("No Region is set; set AWS_REGION to that of the record log group.")
    # The global STS endpoint is in another Region and cannot be reached through a VPC endpoint.
    customer.set_config_variable("sts_regional_endpoints", "regional")
    budget = parent.budget if parent else TimeBudget()
    sts: STSClient = _client(customer, "sts", region, _STS)
    budget.register(sts)
    role = OperationsRole(sts, settings)
    if parent is not None:
        role.inherit(parent.role)
    operations = Session()
    operations.set_config_variable("sts_regional_endpoints", "regional")
    operations.register_component("credential_provider", CredentialResolver([role]))
    # Share the loader: it caches the parsed service models.
    operations.register_component("data_loader", customer.get_component("data_loader"))
    return Sessions(customer, operations, role, region, _read_timeout(settings.timeout), budget)


def _read_timeout(function_timeout: int | None) -> float:
    """Seconds without a byte from Bedrock after which a handler that opens no invocation gives up.

    With a timeout below 4 s, half the timeout.
    """
    if function_timeout is None:
        return LONGEST_ANSWER_SECONDS
    return max(function_timeout - RESERVE_SECONDS, function_timeout / 2)


def _client(session: Session, service: str, region: str, config: Config) -> Any:  # noqa: ANN401 - the caller names its type
    client = session.create_client(service, region_name=region, config=config)
    # botocore makes the exception classes on first access and without a lock: two threads could get
    # different classes, and one would not catch what the other raises.
    _ = client.exceptions
    return client
