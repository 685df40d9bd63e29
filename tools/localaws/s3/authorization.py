"""S3 permissions: on buckets and objects. A bucket's name alone determines its account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backends
from tools.localaws.permission import ContextKeys, Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}


def s3_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of an S3 call: on the bucket or on each object, and on the copied object."""
    action = f"s3:{_ACTIONS.get(call.operation, call.operation)}"
    bucket = call.parameter("Bucket")
    if not bucket:
        yield Permission(action, "*", call.account)
        return
    context: ContextKeys = {}
    if action == "s3:ListBucket" and call.parameters.get("Prefix"):
        context["s3:prefix"] = call.parameter("Prefix")
    keys = [call.parameter("Key")]
    if call.operation == "DeleteObjects":
        objects = (call.parameters.get("Delete") or {}).get("Objects", [])
        keys = [str(item.get("Key")) for item in objects]
    for key in keys:
        yield _permission(call, action, f"{bucket}/{key}" if key else bucket, context)
    if source := call.parameter("CopySource"):
        yield _permission(call, "s3:GetObject", source.partition("?")[0].lstrip("/"), {})


def _permission(call: Call, action: str, path: str, context: ContextKeys) -> Permission:
    owner, policy = _owner_and_policy(path.partition("/")[0])
    return Permission(
        action,
        f"arn:{call.partition}:s3:::{path}",
        owner or call.account,
        context=context,
        resource_policy=policy,
        resource_policy_name="bucket policy",
    )


def bucket_owner(name: str) -> str | None:
    """The account of a bucket; None when there is no bucket of this name."""
    return _owner_and_policy(name)[0]


def _owner_and_policy(name: str) -> tuple[str | None, str | None]:
    """A bucket's account and policy. Bucket names are global, so all accounts are searched."""
    for account, regions in list(backends("s3").items()):
        bucket = regions["global"].buckets.get(name)
        if bucket is not None:
            policy = bucket.policy
            return account, policy.decode() if isinstance(policy, bytes) else policy
    return None, None
