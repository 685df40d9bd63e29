"""The S3 bucket that holds an environment's Terraform states and hand-overs, in the operations account.

Beside each state is the digest of the inputs with which the account or the shard was applied.

Every call names the operations account as the bucket's expected owner, so S3 refuses a bucket of this name
in another account: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.terraform.state_content import StateContent
from tools.terraform.state_lock import LOCK_SUFFIX, StateLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tools.environment.model import Environment

# The tag of an identity that applies one tenant's accounts only; its value is the tenant's name.
TENANT_TAG = "deploys-tenant"
HANDOVERS = "handovers/"
CUSTOMERS = "customers/"
SHARDS = "operations"  # how the key of every state of the operations account begins
PARALLEL_CALLS = 8

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html: account regional namespaces
# exist in every Region but these two.
REGIONS_WITHOUT_NAMESPACES = frozenset({"me-central-1", "me-south-1"})
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME_LIMIT = 63
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# The error codes of S3 for a setting that a bucket does not have:
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
MISSING_SETTINGS = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
ENCRYPTION = {"SSEAlgorithm": "aws:kms"}
PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}
# Versions that were replaced contain ExternalIds too. The newest are kept, however old, to restore a state.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-configuration-examples.html
LIFECYCLE: Mapping[str, Any] = {
    "ID": "ExpireOldVersions",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 90, "NewerNoncurrentVersions": 20},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
# The attributes of the output ``handover`` of modules/operations-role that the commands read.
HANDOVER_NAMES = frozenset({"external_id", "guardrail", "models", "quota", "role_arn", "state"})


@dataclass(frozen=True)
class StateBucket:
    """One environment's bucket; ``connect`` returns a boto3 client of a service in the operations account.

    ``endpoint`` returns the URL of the local AWS that has the bucket, or None on AWS.
    """

    environment: Environment
    connect: Callable[[str], Any]
    endpoint: Callable[[], str | None] = lambda: None

    @property
    def name(self) -> str:
        """The name that backend.hcl gives it; CommandError for one that no bucket can have."""
        name = self.environment.backend.get("bucket")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise CommandError(
                f'environments/{self.environment.name}/backend.hcl names no bucket of S3; write bucket = "'
                f'{proposed_name(self.environment)}".'
            )
        return name

    @property
    def unique_name(self) -> str:
        """The name, which is unique in S3, and for a bucket of a local AWS also where that answers.

        The local AWS of each checkout has a bucket of the same name.
        """
        return " ".join(filter(None, (self.endpoint(), self.name)))

    @property
    def _region(self) -> str:
        if region := self.environment.backend.get("region"):
            return str(region)
        raise CommandError(
            f"environments/{self.environment.name}/backend.hcl does not say where the bucket is; write region = "
            f'"{self.environment.operations_region}".'
        )

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
        return list(self.etags(prefix))

    def etags(self, prefix: str) -> dict[str, str]:
        """Return the ETag of each object that begins with ``prefix``; it changes with the object's content.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
        """
        paginator = self._s3.get_paginator("list_objects_v2")
        with self._explained(f"The objects {prefix}* cannot be listed"):
            pages = list(paginator.paginate(Prefix=prefix, **self._owned))
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", ())}

    def shortcomings(self) -> list[str]:
        """Return a sentence for each protection that `make bootstrap` sets and the bucket does not have."""
        with self._explained("The protection of the state bucket cannot be read"):
            policy = self._policy()
            settings = [
                (
                    "Versioning is not enabled",
                    self._read("get_bucket_versioning", "Status") == "Enabled",
                ),
                (
                    "The default encryption is not that of KMS",
                    self._default_encryption() == ENCRYPTION,
                ),
                (
                    "Public access is not blocked",
                    self._read("get_public_access_block", "PublicAccessBlockConfiguration")
                    == PUBLIC_ACCESS_BLOCK,
                ),
                (
                    "The policy lacks the statements that require TLS and keep tenants apart",
                    all(
                        statement in policy
                        for statement in bucket_statements(self.environment.partition, self.name)
                    ),
                ),
                (
                    "Old versions do not expire",
                    any(map(_expires_old_versions, self._lifecycle_rules())),
                ),
            ]
        return [sentence for sentence, is_met in settings if not is_met]

    def tenants_with_handover(self) -> frozenset[str]:
        """Return the tenants to which the operations account has handed over its role."""
        keys = self.keys(HANDOVERS)
        return frozenset(key.removeprefix(HANDOVERS).removesuffix(".json") for key in keys)

    def customer_states(self) -> frozenset[str]:
        """Return the keys of the customer accounts' states, without those of locks."""
        return frozenset(key for key in self.keys(CUSTOMERS) if key.endswith(".tfstate"))

    def remove_state(self, key: str) -> None:
        """Remove a state and the digest of what was applied; the bucket keeps their versions."""
        with self._explained(f"The state {key} cannot be removed"):
            for name in (applied_key(key), key):
                self._s3.delete_object(Key=name, **self._owned)

    def applied_records(self, keys: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return what was stored about the last apply of each of these states, by the state's key.

        A state that is locked, or that anything has written since, has none: nobody knows what it was applied with.
        """
        keys = list(keys)
        etags: dict[str, str] = {}
        for prefix in sorted({CUSTOMERS if key.startswith(CUSTOMERS) else SHARDS for key in keys}):
            etags |= self.etags(prefix)
        known = [
            key
            for key in keys
            if key in etags and applied_key(key) in etags and f"{key}{LOCK_SUFFIX}" not in etags
        ]
        with ThreadPoolExecutor(max_workers=PARALLEL_CALLS) as pool:
            records = list(pool.map(self._applied_record, known))
        return {
            key: record
            for key, record in zip(known, records, strict=True)
            if "inputs_sha256" in record and record.get("state_etag") == etags[key]
        }

    def write_applied_record(
        self, key: str, inputs_sha256: str, state_etag: str, handovers_sha256: str | None = None
    ) -> None:
        """Store with which inputs a state was applied, which content it had then, and what a shard handed over."""
        record = {"inputs_sha256": inputs_sha256, "state_etag": state_etag}
        if handovers_sha256 is not None:
            record["handovers_sha256"] = handovers_sha256
        self._write_applied_record(key, record)

    def clear_applied_record(self, key: str) -> None:
        """Let nobody know with what a state was applied.

        The object is emptied and not deleted, because a deployment of one tenant may delete locks only.
        """
        self._write_applied_record(key, {})

    def _applied_record(self, key: str) -> dict[str, str]:
        name = applied_key(key)
        content = self._content(name, f"{name} cannot be read")
        try:
            record = json.loads(content or b"{}")
        except ValueError:  # neither JSON nor UTF-8, so nothing is known
            record = {}
        return record if isinstance(record, dict) else {}

    def _write_applied_record(self, key: str, record: Mapping[str, str]) -> None:
        name = applied_key(key)
        with self._explained(f"{name} cannot be written"):
            self._s3.put_object(
                Key=name,
                Body=json.dumps(record, sort_keys=True).encode(),
                ContentType="application/json",
                **self._owned,
            )

    def handover(self, tenant: str) -> dict[str, Any]:
        """Return one tenant's hand-over; CommandError when there is none, or it is another text or another tenant's."""
        key = handover_key(tenant)
        content = self._content(key, f"{key} cannot be read")
        if content is None:
            raise CommandError(
                f'Tenant "{tenant}" has no hand-over yet; run `make apply ENV={self.environment.name}` first.'
            )
        try:
            handover = json.loads(content)
        except ValueError:  # neither JSON nor UTF-8
            handover = {}
        environment = self.environment
        role = environment.role_arn(
            environment.operations_account_id, environment.base_name(tenant)
        )
        if (
            not isinstance(handover, dict)
            or not handover.keys() >= HANDOVER_NAMES
            or handover["role_arn"] != role
        ):
            raise CommandError(
                f'The object {key} of the state bucket {self.name} is not the hand-over of tenant "'
                f'{tenant}", which names the role {role}; run `make apply ENV={environment.name}` to write it again.'
            )
        return handover

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

    def state(self, key: str) -> StateContent:
        """Return a state's content, which is empty before the first apply."""
        content = self._content(key, f"The state {key} cannot be read")
        return StateContent({}) if content is None else StateContent.parse(content)

    def locks(self, keys: Iterable[str]) -> list[StateLock]:
        """Return the locks of those states that are locked."""
        prefixes = {key.split("/")[0] for key in keys}
        wanted = {f"{key}{LOCK_SUFFIX}" for key in keys}
        return self._read_locks(
            wanted & {key for prefix in sorted(prefixes) for key in self.keys(prefix)}
        )

    def all_locks(self) -> list[StateLock]:
        """Return every lock in the bucket, also of states that no stanza or shard has any more."""
        return self._read_locks(key for key in self.keys("") if key.endswith(LOCK_SUFFIX))

    def remove_lock(self, key: str) -> None:
        """Remove the lock of a state, whoever holds it."""
        with self._explained(f"The lock of the state {key} cannot be removed"):
            self._s3.delete_object(Key=f"{key}{LOCK_SUFFIX}", **self._owned)

    def _read_locks(self, existing: Iterable[str]) -> list[StateLock]:
        locks = []
        for key in sorted(existing):
            content = self._content(key, f"The lock {key} cannot be read")
            if content is not None:  # it may have been released since
                locks.append(StateLock.parse(key.removesuffix(LOCK_SUFFIX), content))
        return locks

    def _content(self, key: str, sentence: str) -> bytes | None:
        """Return an object's content; None if there is none, CommandError if it may not be read."""
        try:
            with self._explained(sentence):
                answer = self._s3.get_object(Key=key, **self._owned)
        except self._s3.exceptions.NoSuchKey:
            return None
        content: bytes = answer["Body"].read()
        return content

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
        """Return False when nobody has a bucket of this name.

        Raises CommandError when another account has it or it is in another Region:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
        """
        try:
            region = self._s3.head_bucket(**self._owned).get("BucketRegion", self._region)
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
        if region != self._region:
            raise CommandError(
                f"The state bucket {self.name} is in {region} and not in {self._region}; write region = "
                f'"{region}" in environments/{self.environment.name}/backend.hcl.'
            )
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
        """Set versioning, encryption, the block of public access, a lifecycle rule, and statements of the policy."""
        self._s3.put_bucket_versioning(VersioningConfiguration={"Status": "Enabled"}, **self._owned)
        self._s3.put_bucket_encryption(
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": ENCRYPTION}]
            },
            **self._owned,
        )
        self._s3.put_public_access_block(
            PublicAccessBlockConfiguration=PUBLIC_ACCESS_BLOCK, **self._owned
        )
        others = [rule for rule in self._lifecycle_rules() if rule.get("ID") != LIFECYCLE["ID"]]
        self._s3.put_bucket_lifecycle_configuration(
            LifecycleConfiguration={"Rules": [*others, LIFECYCLE]}, **self._owned
        )
        policy = {"Version": "2012-10-17", "Statement": self._statements()}
        self._s3.put_bucket_policy(Policy=json.dumps(policy), **self._owned)

    def _statements(self) -> list[dict[str, Any]]:
        """Return our statements and those that the bucket's policy has beside them."""
        ours = bucket_statements(self.environment.partition, self.name)
        sids = {statement["Sid"] for statement in ours}
        return [*(item for item in self._policy() if item.get("Sid") not in sids), *ours]

    def _policy(self) -> list[dict[str, Any]]:
        text = self._read("get_bucket_policy", "Policy")
        statements = json.loads(text)["Statement"] if text else []
        return statements if isinstance(statements, list) else [statements]

    def _lifecycle_rules(self) -> list[dict[str, Any]]:
        return self._read("get_bucket_lifecycle_configuration", "Rules") or []

    def _default_encryption(self) -> dict[str, str] | None:
        configuration = self._read("get_bucket_encryption", "ServerSideEncryptionConfiguration")
        rules = (configuration or {}).get("Rules") or [{}]
        default: dict[str, str] | None = rules[0].get("ApplyServerSideEncryptionByDefault")
        return default

    def _read(self, method: str, member: str) -> Any:  # noqa: ANN401 - what boto3 returns
        """Return a member of one of the bucket's settings; None when the bucket does not have the setting."""
        try:
            return getattr(self._s3, method)(**self._owned).get(member)
        except self._s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in MISSING_SETTINGS:
                return None
            raise


def handover_key(tenant: str) -> str:
    """Return the key of the object that holds one tenant's hand-over."""
    return f"{HANDOVERS}{tenant}.json"


def applied_key(state_key: str) -> str:
    """Return the key of the object beside a state that has the digest of what was applied."""
    return f"{state_key.removesuffix('.tfstate')}.applied.json"


def _expires_old_versions(rule: Mapping[str, Any]) -> bool:
    """Whether a lifecycle rule, ours or the owner's, deletes old versions in the whole bucket."""
    whole_bucket = rule.get("Filter", {"Prefix": rule.get("Prefix")}) in ({}, {"Prefix": ""})
    return rule["Status"] == "Enabled" and whole_bucket and "NoncurrentVersionExpiration" in rule


def proposed_name(environment: Environment) -> str:
    """Return a bucket name in the operations account's own namespace, as short as S3 demands."""
    region = environment.backend.get("region") or environment.operations_region
    suffix = f"-{environment.operations_account_id}-{region}-an"
    return f"{f'bedrock-{environment.name}-state'[: NAME_LIMIT - len(suffix)]}{suffix}"


def bucket_statements(partition: str, name: str) -> list[dict[str, Any]]:
    """Return the denials in the bucket's policy: unencrypted transport, and what is not the tag's tenant's.

    The others bind every identity that has the tag, whatever its own policies allow: it lists the bucket, reads
    its tenant's hand-over and keeps the states of its tenant. An identity that applies the operations account
    has no such tag.
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
        {
            # Such as this policy, and the hand-over itself.
            "Sid": "DenyOneTenantsDeploymentEveryChangeButOfItsStates",
            "Effect": "Deny",
            "Principal": "*",
            "NotAction": ["s3:GetObject", "s3:ListBucket"],
            "NotResource": f"{bucket}/customers/{tenant}/*",
            "Condition": {"Null": {f"aws:PrincipalTag/{TENANT_TAG}": "false"}},
        },
    ]
