"""The tenants in the attacks of `make demo`, and the calls that they make."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from tools.cli.local_target import ADMINISTRATOR
from tools.proof.lost_calls import called_id

if TYPE_CHECKING:
    from tools.cli.local_target import LocalTarget
    from tools.environment.model import CustomerAccount

# Code that returns its keys; the account's owner can deploy it under the function's role.
LEAK = """
import os
def handler(event, context):
    return [os.environ["AWS_" + name] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
"""


@dataclass(frozen=True)
class Party:
    """A tenant that controls its account; ``execution`` is a session with its function's own keys."""

    target: LocalTarget
    account: CustomerAccount
    execution: boto3.Session

    @classmethod
    def in_account(cls, target: LocalTarget, account: CustomerAccount) -> Party:
        """Return the tenant of an account of the applied local environment."""
        return cls(target, account, _execution_session(target, account))

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.account.tenant

    @property
    def resource_name(self) -> str:
        """The name of the tenant's role, and the beginning of its workload's names."""
        return self.target.environment.base_name(self.name)

    @property
    def role_arn(self) -> str:
        """The tenant's role in the operations account."""
        environment = self.target.environment
        return environment.role_arn(environment.operations_account_id, self.resource_name)

    @property
    def external_id(self) -> str:
        """The ExternalId that the tenant's role demands."""
        return str(self.target.environment.stanzas[self.name]["external_ids"]["current"])

    @property
    def models(self) -> list[dict[str, Any]]:
        """The models in the tenant's stanza."""
        return list(self.target.environment.stanzas[self.name]["models"].values())

    @property
    def model_and_region(self) -> tuple[str, str]:
        """The id by which the tenant calls its first model, and a Region in which it may."""
        model = self.models[0]
        return called_id(model), model["regions"][0]

    @property
    def administrator(self) -> boto3.Session:
        """A session of the account's administrator."""
        return self.target.session(f"administrator {self.account.account_id}")

    def again(self) -> Party:
        """Return the same tenant with keys that its function has just received."""
        return Party.in_account(self.target, self.account)

    def assume_own_role(self) -> boto3.Session:
        """Assume the tenant's role as its function does."""
        return assume(self.target, self.execution, self.role_arn, self.name, self.external_id)

    def widen_own_policies(self) -> None:
        """Allow the function's role everything that its own account can allow."""
        _client(self.target, self.administrator, "iam").put_role_policy(
            RoleName=f"{self.resource_name}-execution",
            PolicyName="widened",
            PolicyDocument=json.dumps(ADMINISTRATOR),
        )

    def register_bucket(self, name: str, guest: str) -> None:
        """Make a bucket in this account that an identity of the account ``guest`` may use as its own."""
        s3 = _client(self.target, self.administrator, "s3", self.account.region)
        s3.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": self.account.region},
        )
        arn = f"arn:{self.target.environment.partition}:s3:::{name}"
        statement = {
            "Sid": "LetTheGuestIn",
            "Effect": "Allow",
            "Principal": {"AWS": guest},
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))

    def intruder(self) -> boto3.Session:
        """Return a session of another role of the account, which may do everything in it."""
        iam = _client(self.target, self.administrator, "iam")
        root = f"arn:{self.target.environment.partition}:iam::{self.account.account_id}:root"
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": root}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = iam.create_role(RoleName="intruder", AssumeRolePolicyDocument=trust)["Role"]
        iam.put_role_policy(
            RoleName="intruder", PolicyName="everything", PolicyDocument=json.dumps(ADMINISTRATOR)
        )
        return assume(self.target, self.administrator, role["Arn"], "intruder", None)


def assume(
    target: LocalTarget,
    caller: boto3.Session,
    role_arn: str,
    session_name: str,
    external_id: str | None,
) -> boto3.Session:
    """Assume a role with or without an ExternalId; botocore's ClientError when it is refused."""
    conditions = {"ExternalId": external_id} if external_id else {}
    answer = _client(target, caller, "sts").assume_role(
        RoleArn=role_arn, RoleSessionName=session_name, **conditions
    )
    keys = answer["Credentials"]
    region = target.environment.operations_region
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region
    )


def converse(
    target: LocalTarget, caller: boto3.Session, model: str, region: str, project: str | None = None
) -> None:
    """Call a model in a Region, in the project that has this id or, without one, as callers usually do."""
    bedrock = _client(target, caller, "bedrock-runtime", region)

    # botocore knows the parameter from 1.44.8 on, and the locked one is older.
    def name_project(params: dict[str, Any], **_: object) -> None:
        body = {**json.loads(params["body"]), "projectIdentifier": project}
        params["body"] = json.dumps(body).encode()

    if project is not None:
        bedrock.meta.events.register_last("before-call.bedrock-runtime", name_project)
    bedrock.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Hello"}]}])


def read_records(target: LocalTarget, caller: boto3.Session, account: CustomerAccount) -> None:
    """Read the record log group of an account, which may be another than the caller's."""
    group = target.environment.record_log_group(account.tenant)
    arn = f"arn:{target.environment.partition}:logs:{account.region}:{account.account_id}:log-group:{group}"
    _client(target, caller, "logs", account.region).filter_log_events(logGroupIdentifier=arn)


def _client(
    target: LocalTarget, caller: boto3.Session, service: str, region: str | None = None
) -> Any:  # noqa: ANN401 - boto3's clients have no common type
    return target.client(caller, service, region, retries={"total_max_attempts": 1})


def _execution_session(target: LocalTarget, account: CustomerAccount) -> boto3.Session:
    """Return a session with the function's own keys, obtained as the account's owner could."""
    administrator = target.session(f"administrator {account.account_id}")
    client = _client(target, administrator, "lambda", account.region)
    name = f"leak-{time.monotonic_ns()}"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zip_file:
        zip_file.writestr("leak.py", LEAK)
    role_name = f"{target.environment.base_name(account.tenant)}-execution"
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="leak.handler",
        Role=target.environment.role_arn(account.account_id, role_name),
        Code={"ZipFile": archive.getvalue()},
    )
    keys = json.load(client.invoke(FunctionName=name)["Payload"])
    client.delete_function(FunctionName=name)
    return boto3.Session(keys[0], keys[1], keys[2], region_name=account.region)
