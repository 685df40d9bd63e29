"""S3: buckets and objects; a bucket's name finds its account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import find_bucket
from tools.localaws.permission import Asked, Check, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_S3_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
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


def s3(asked: Asked) -> Iterator[Check]:
    """Checks of an S3 call: on the bucket or each object, and on what is copied."""
    call = asked.call
    action = f"s3:{_S3_ACTIONS.get(call.operation, call.operation)}"
    bucket = asked.parameter("Bucket")
    if not bucket:
        yield Check(action, "*", call.account)
        return
    context: Values = {}
    if action == "s3:ListBucket" and call.parameters.get("Prefix"):
        context["s3:prefix"] = asked.parameter("Prefix")
    keys = [asked.parameter("Key")]
    if call.operation == "DeleteObjects":
        objects = (call.parameters.get("Delete") or {}).get("Objects", [])
        keys = [str(item.get("Key")) for item in objects]
    for key in keys:
        yield _s3_check(asked, action, f"{bucket}/{key}" if key else bucket, context)
    if source := asked.parameter("CopySource"):
        yield _s3_check(asked, "s3:GetObject", source.partition("?")[0].lstrip("/"), {})


def _s3_check(asked: Asked, action: str, path: str, context: Values) -> Check:
    owner, policy = find_bucket(path.partition("/")[0])
    return Check(
        action,
        f"arn:{asked.partition}:s3:::{path}",
        owner or asked.call.account,
        context=context,
        resource_policy=policy,
        resource_policy_name="bucket policy",
    )
