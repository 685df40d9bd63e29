"""The tenants in the attacks of `make demo`, and the calls that they make."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.cli.local_target import ADMINISTRATOR
from tools.live.tenant_calls import assume, execution_session, single_call_client, unused_name
from tools.proof.lost_calls import called_id

if TYPE_CHECKING:
    import boto3

    from tools.cli.local_target import LocalTarget
    from tools.environment.model import CustomerAccount


@dataclass(frozen=True)
class Party:
    """A tenant that controls its account; ``execution`` is a session with its function's own keys."""

    target: LocalTarget
    account: CustomerAccount
    execution: boto3.Session

    @classmethod
    def in_account(cls, target: LocalTarget, account: CustomerAccount) -> Party:
        """Return the tenant of an account of the applied local environment."""
        administrator = target.session(f"administrator {account.account_id}")
        keys = execution_session(target, account, administrator, unused_name("leak"))
        return cls(target, account, keys)

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
        single_call_client(self.target, self.administrator, "iam").put_role_policy(
            RoleName=f"{self.resource_name}-execution",
            PolicyName="widened",
            PolicyDocument=json.dumps(ADMINISTRATOR),
        )

    def register_bucket(self, name: str, guest: str) -> None:
        """Make a bucket in this account that an identity of the account ``guest`` may use as its own."""
        s3 = single_call_client(self.target, self.administrator, "s3", self.account.region)
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
        iam = single_call_client(self.target, self.administrator, "iam")
        root = f"arn:{self.target.environment.partition}:iam::{self.account.account_id}:root"
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": root}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = iam.create_role(RoleName="intruder", AssumeRolePolicyDocument=trust)["Role"]
        iam.put_role_policy(
            RoleName="intruder", PolicyName="everything", PolicyDocument=json.dumps(ADMINISTRATOR)
        )
        return assume(self.target, self.administrator, role["Arn"], "intruder", None)
