"""Whether CloudWatch Logs may use the KMS key of a log group, as CloudWatch finds out.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

from moto.utilities.utils import get_partition

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.evaluator import Request, Requester
from tools.localaws.authorizer import service_may_use
from tools.localaws.call import ServiceError
from tools.localaws.moto_state import find_key

_SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}

TO_ASSOCIATE = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
TO_WRITE = ("kms:GenerateDataKey",)
TO_READ = ("kms:Decrypt",)


def check_key(key_id: str, group_arn: str, actions: tuple[str, ...]) -> None:
    """Raises ServiceError as CloudWatch Logs does when it cannot use the key for this group.

    The key must exist in the group's Region, be an enabled symmetric key, and its policy must
    let ``logs.<region>.<suffix>`` do ``actions`` with this group's ARN as encryption context.
    """
    region = group_arn.split(":")[3]
    key = find_key(key_id, group_arn.split(":")[4], region)
    usable = (
        key is not None
        and key.region == region
        and key.enabled
        and key.key_state == "Enabled"
        and key.key_spec == "SYMMETRIC_DEFAULT"
    )
    if not usable or not all(_lets_logs(key.policy, key.arn, group_arn, act) for act in actions):
        message = (
            "The specified KMS key does not exist or is not allowed to be used "
            f"with Arn '{group_arn}'"
        )
        raise ServiceError("AccessDeniedException", message)


def _lets_logs(policy: str, key_arn: str, group_arn: str, action: str) -> bool:
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
    try:
        return service_may_use(policy, f"key policy of {key_arn}", request).allowed
    except UnsupportedPolicyError:
        return False
