"""The S3 bucket that holds an environment's Terraform states, in the operations account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from tools.environment.model import Environment


def make_state_bucket(environment: Environment, s3: Any) -> bool:  # noqa: ANN401 - boto3's client
    """Make the bucket versioned, encrypted and closed to the public; False when it already exists."""
    bucket, region = environment.backend["bucket"], environment.backend["region"]
    try:
        s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise CommandError(
                f"The state bucket {bucket} cannot be reached: {error.response['Error']['Message']}. "
                f"Use credentials of the operations account {environment.operations_account_id}."
            ) from None
    else:
        return False
    # us-east-1 is the one Region that must not be named as a location constraint (S3 API, CreateBucket).
    location = (
        {}
        if region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    s3.create_bucket(Bucket=bucket, **location)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    return True
