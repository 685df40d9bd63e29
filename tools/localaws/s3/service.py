"""The conditions of S3 that moto does not enforce: the expected owner of a bucket, and reserved names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.localaws.call import ServiceError
from tools.localaws.s3.authorization import bucket_owner

if TYPE_CHECKING:
    from tools.localaws.call import Call, Response


class S3:
    """Checks a call before moto answers it."""

    def answer(self, call: Call) -> Response | None:
        """Raise ServiceError when a condition does not hold; otherwise leave the call to moto."""
        if call.service != "s3":
            return None
        source_bucket = call.parameter("CopySource").lstrip("/").partition("/")[0]
        for bucket, parameter in (
            (call.parameter("Bucket"), "ExpectedBucketOwner"),
            (source_bucket, "ExpectedSourceBucketOwner"),
        ):
            _check_owner(bucket, call.parameter(parameter), parameter)
        if call.operation == "CreateBucket":
            _check_namespace(call)
        return None


def _check_owner(bucket: str, expected: str, parameter: str) -> None:
    """Refuse a bucket of another account than the expected one.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    owner = bucket_owner(bucket)
    if expected and owner is not None and owner != expected:
        message = f"Access Denied: {parameter} is {expected}, and {bucket} belongs to {owner}"
        raise ServiceError("AccessDenied", message, 403)


def _check_namespace(call: Call) -> None:
    """Refuse a name with the suffix of an account's own namespace outside that namespace.

    moto refuses the suffix of another account inside it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    is_reserved = re.search(r"-\d{12}-[a-z0-9-]+-an$", call.parameter("Bucket"))
    if is_reserved and call.parameter("BucketNamespace") != "account-regional":
        message = "The suffix of an account regional namespace needs x-amz-bucket-namespace."
        raise ServiceError("MissingNamespaceHeader", message)
