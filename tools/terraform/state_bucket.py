"""The S3 bucket that holds an environment's Terraform states and hand-overs, in the operations account.

Every call names the operations account as the bucket's expected owner, so S3 refuses a bucket of this name
in another account: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.environment.model import Environment

# The tag of an identity that applies one tenant's accounts only; its value is the tenant's name.
TENANT_TAG = "deploys-tenant"
HANDOVERS = "handovers/"
PARALLEL_CALLS = 8

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html: account regional namespaces
# exist in every Region but these two.
REGIONS_WITHOUT_NAMESPACES = frozenset({"me-central-1", "me-south-1"})
NAME_LIMIT = 63  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html


@dataclass(frozen=True)
class StateBucket:
    """One environment's bucket; ``connect`` returns a boto3 client of a service in the operations account."""

    environment: Environment
    connect: Callable[[str], Any]

    @property
    def name(self) -> str:
        """The name that backend.hcl gives it."""
        return str(self.environment.backend["bucket"])

    @property
    def _region(self) -> str:
        return str(self.environment.backend["region"])

    @property
    def _owned(self) -> dict[str, str]:
        """The two parameters of every call."""
        owner = self.environment.operations_account_id
        return {"Bucket": self.name, "ExpectedBucketOwner": owner}

    @cached_property
    def _s3(self) -> Any:  # noqa: ANN401 - boto3's client
        return self.connect("s3")

    def check(self) -> None:
        """Raise CommandError unless the bucket exists and belongs to the operations account.

        Terraform's S3 backend cannot name an expected owner, so this call comes before each of its runs. The
        backend's allowed_account_ids limits whose credentials it uses, not whose bucket it reaches:
        https://developer.hashicorp.com/terraform/language/backend/s3#configuration
        """
        environment = self.environment
        owner = environment.operations_account_id
        if environment.backend.get("allowed_account_ids") != [owner]:
            raise CommandError(
                f"environments/{environment.name}/backend.hcl does not limit the account whose credentials "
                f'Terraform uses; write allowed_account_ids = ["{owner}"] there.'
            )
        if not self._exists():
            raise CommandError(
                f"The state bucket {self.name} does not exist; run `make bootstrap ENV={environment.name}` first."
            )

    def make(self) -> bool:
        """Make the bucket unless it exists, and set its protection; return whether it was made.

        Raises CommandError for credentials of another account, for a bucket of another account, and for a name
        that another account could register.
        """
        owner = self.environment.operations_account_id
        if (account := self.connect("sts").get_caller_identity()["Account"]) != owner:
            raise CommandError(
                f"The state bucket belongs in the operations account {owner}, and these credentials are of "
                f"account {account}; use credentials of the operations account."
            )
        is_new = not self._exists()
        with self._explained("The state bucket could not be made or protected"):
            if is_new:
                self._create()
            self._protect()
        return is_new

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the objects that begin with ``prefix``."""
        paginator = self._s3.get_paginator("list_objects_v2")
        with self._explained(f"The objects {prefix}* cannot be listed"):
            pages = list(paginator.paginate(Prefix=prefix, **self._owned))
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def read(self, key: str) -> dict[str, Any]:
        """Return an object that is JSON; CommandError when it may not be read."""
        with self._explained(f"{key} cannot be read"):
            answer = self._s3.get_object(Key=key, **self._owned)
        content: dict[str, Any] = json.load(answer["Body"])
        return content

    def tenants_with_handover(self) -> frozenset[str]:
        """Return the tenants to which the operations account has handed over its role."""
        keys = self.keys(HANDOVERS)
        return frozenset(key.removeprefix(HANDOVERS).removesuffix(".json") for key in keys)

    def handover(self, tenant: str) -> dict[str, Any]:
        """Return one tenant's hand-over; CommandError when there is none or it may not be read."""
        try:
            return self.read(handover_key(tenant))
        except self._s3.exceptions.NoSuchKey:
            raise CommandError(
                f'Tenant "{tenant}" has no hand-over yet; run `make apply ENV={self.environment.name}` first.'
            ) from None

    def write_handovers(self, handovers: Mapping[str, Mapping[str, Any]]) -> None:
        """Write one object for each tenant, in place of the one before."""

        def write(tenant: str) -> None:
            self._s3.put_object(
                Key=handover_key(tenant),
                Body=json.dumps(handovers[tenant], sort_keys=True).encode(),
                ContentType="application/json",
                **self._owned,
            )

        with (
            self._explained("The apply succeeded, but a hand-over could not be written"),
            ThreadPoolExecutor(max_workers=PARALLEL_CALLS) as pool,
        ):
            list(pool.map(write, handovers))

    def remove_handovers(self, tenants: frozenset[str]) -> None:
        """Remove the objects of tenants without a role."""
        with self._explained("The hand-over of a tenant without a role could not be removed"):
            for tenant in sorted(tenants):
                self._s3.delete_object(Key=handover_key(tenant), **self._owned)

    @contextmanager
    def _explained(self, sentence: str) -> Iterator[None]:
        """Raise CommandError with ``sentence`` when S3 refuses a call, but not for a missing object."""
        try:
            yield
        except self._s3.exceptions.NoSuchKey:
            raise
        except self._s3.exceptions.ClientError as error:
            details = error.response["Error"]
            raise CommandError(
                f"{sentence}: {self.name}: {details['Message']}. Check that the credentials are of the "
                f"operations account {self.environment.operations_account_id} and may do this, and run the "
                "command again."
            ) from None

    def _exists(self) -> bool:
        """Return False when nobody has a bucket of this name; CommandError when another account has it."""
        try:
            self._s3.head_bucket(**self._owned)
        except self._s3.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            owner = self.environment.operations_account_id
            raise CommandError(
                f"The state bucket {self.name} is not reached as a bucket of the operations account {owner}: "
                f"{error.response['Error']['Message']}. Use credentials of that account that may list the "
                "bucket. If they do, another account has registered the name: write a new one, such as "
                f"{proposed_name(self.environment)}, in environments/{self.environment.name}/backend.hcl."
            ) from None
        return True

    def _create(self) -> None:
        """Make the bucket in the account's own namespace, in which nobody else can make one."""
        account, region = self.environment.operations_account_id, self._region
        if self.name.endswith(f"-{account}-{region}-an"):
            options: dict[str, Any] = {"BucketNamespace": "account-regional"}
        elif account in self.name and region in REGIONS_WITHOUT_NAMESPACES:
            options = {}
        else:
            raise CommandError(
                f"Another account could register the name {self.name}; write bucket = "
                f'"{proposed_name(self.environment)}" in environments/{self.environment.name}/backend.hcl, '
                "a name that only the operations account can use."
            )
        # us-east-1 is the one Region that must not be named as a location constraint (S3 API, CreateBucket).
        if region != "us-east-1":
            options["CreateBucketConfiguration"] = {"LocationConstraint": region}
        self._s3.create_bucket(Bucket=self.name, **options)

    def _protect(self) -> None:
        """Set versioning, encryption, the block of public access, and the statements of the bucket's policy."""
        self._s3.put_bucket_versioning(VersioningConfiguration={"Status": "Enabled"}, **self._owned)
        self._s3.put_bucket_encryption(
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
            **self._owned,
        )
        self._s3.put_public_access_block(
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            **self._owned,
        )
        policy = {"Version": "2012-10-17", "Statement": self._statements()}
        self._s3.put_bucket_policy(Policy=json.dumps(policy), **self._owned)

    def _statements(self) -> list[dict[str, Any]]:
        """Return our statements and those that the bucket's policy has beside them."""
        ours = bucket_statements(self.environment.partition, self.name)
        sids = {statement["Sid"] for statement in ours}
        try:
            policy = json.loads(self._s3.get_bucket_policy(**self._owned)["Policy"])
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            return ours
        statements = policy["Statement"]
        existing = statements if isinstance(statements, list) else [statements]
        return [*(item for item in existing if item.get("Sid") not in sids), *ours]


def handover_key(tenant: str) -> str:
    """Return the key of the object that holds one tenant's hand-over."""
    return f"{HANDOVERS}{tenant}.json"


def proposed_name(environment: Environment) -> str:
    """Return a bucket name in the operations account's own namespace, as short as S3 demands."""
    suffix = f"-{environment.operations_account_id}-{environment.backend['region']}-an"
    return f"{f'bedrock-{environment.name}-state'[: NAME_LIMIT - len(suffix)]}{suffix}"


def bucket_statements(partition: str, name: str) -> list[dict[str, Any]]:
    """Return the denials in the bucket's policy: unencrypted transport, and what is not the tag's tenant's.

    The second one binds every identity that has the tag, whatever its own policies allow; an identity that
    applies the operations account has no such tag.
    """
    bucket = f"arn:{partition}:s3:::{name}"
    # Without the tag the condition fails, whatever the resources are; the default gives them a value.
    tenant = f"${{aws:PrincipalTag/{TENANT_TAG}, 'none'}}"
    return [
        {
            "Sid": "DenyTransportWithoutTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket, f"{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "DenyOneTenantsDeploymentTheObjectsOfOthers",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "NotResource": [
                bucket,
                f"{bucket}/customers/{tenant}/*",
                f"{bucket}/{HANDOVERS}{tenant}.json",
            ],
            "Condition": {"Null": {f"aws:PrincipalTag/{TENANT_TAG}": "false"}},
        },
    ]
