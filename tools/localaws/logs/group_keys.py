"""The check whether CloudWatch Logs may use the KMS key of a log group.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

from moto.utilities.utils import get_partition

from tools.iam.evaluator import Request, Requester
from tools.iam.policy import Kind
from tools.localaws.authorizer import allows_service
from tools.localaws.call import ServiceError
from tools.localaws.moto_state import kms_key

_SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}

TO_ASSOCIATE = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
TO_WRITE = ("kms:GenerateDataKey",)
TO_READ = ("kms:Decrypt",)


def check_key(key_id: str, group_arn: str, actions: tuple[str, ...]) -> None:
    """Raise ServiceError when CloudWatch Logs cannot use the key for this group.

    The key must be an enabled symmetric key in the group's Region, and its policy must allow
    ``logs.<region>.<suffix>`` all ``actions`` with this group's ARN as the encryption context.
    """
    region = group_arn.split(":")[3]
    key = kms_key(key_id, group_arn.split(":")[4], region)
    usable = (
        key is not None
        and key.region == region
        and key.enabled
        and key.key_state == "Enabled"
        and key.key_spec == "SYMMETRIC_DEFAULT"
    )
    if not usable or not all(
        _allows_logs(key.policy, key.arn, group_arn, action) for action in actions
    ):
        message = (
            "The specified KMS key does not exist or is not allowed to be used "
            f"with Arn '{group_arn}'"
        )
        raise ServiceError("AccessDeniedException", message)


def _allows_logs(policy: str, key_arn: str, group_arn: str, action: str) -> bool:
    region = group_arn.split(":")[3]
    suffix = _SUFFIXES.get(get_partition(region), "amazonaws.com")
    request = Request(
        action=action,
        resource=key_arn,
        context={
            "aws:PrincipalIsAWSService": "true",
            "aws:RequestedRegion": region,
            "kms:EncryptionContext:aws:logs:arn": group_arn,
            "kms:EncryptionContextKeys": ("aws:logs:arn",),
        },
        requester=Requester(service=f"logs.{region}.{suffix}"),
    )
    return allows_service(policy, f"key policy of {key_arn}", Kind.RESOURCE, request)
