"""The permissions that each call requires: IAM's action, the resource's ARN and its condition keys.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
A service without an authorization module requires its action on ``*``: only an Allow on ``*`` grants it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tools.localaws.aws_lambda.authorization import lambda_permissions
from tools.localaws.bedrock.authorization import bedrock_permissions, bedrock_runtime_permissions
from tools.localaws.cloudwatch.authorization import cloudwatch_permissions
from tools.localaws.ec2.authorization import ec2_permissions
from tools.localaws.events.authorization import events_permissions
from tools.localaws.iam.authorization import iam_permissions
from tools.localaws.kms.authorization import kms_permissions
from tools.localaws.logs.authorization import logs_permissions
from tools.localaws.organizations.authorization import organizations_permissions
from tools.localaws.permission import ContextKeys, Permission, tag_map
from tools.localaws.s3.authorization import s3_permissions
from tools.localaws.scheduler.authorization import scheduler_permissions
from tools.localaws.sns.authorization import sns_permissions
from tools.localaws.ssm.authorization import ssm_permissions
from tools.localaws.sts.authorization import sts_permissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.localaws.bedrock.control_plane import EnforcedGuardrails, InferenceProfiles
    from tools.localaws.call import Call
    from tools.localaws.organizations.authorization import DelegationPolicies

# Services whose prefix in a policy is not botocore's name.
_PREFIXES = {
    "bedrock-agent": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
}


class RequiredPermissions:
    """Finds the permissions that a call requires; ``profiles`` resolve Bedrock's model ids."""

    def __init__(
        self,
        profiles: InferenceProfiles,
        enforced: EnforcedGuardrails,
        delegation: DelegationPolicies,
    ) -> None:
        self._by_service: Mapping[str, Callable[[Call], Iterator[Permission]]] = {
            "bedrock": partial(bedrock_permissions, profiles=profiles),
            "bedrock-runtime": partial(
                bedrock_runtime_permissions, profiles=profiles, enforced=enforced
            ),
            "cloudwatch": cloudwatch_permissions,
            "ec2": ec2_permissions,
            "events": events_permissions,
            "iam": iam_permissions,
            "kms": kms_permissions,
            "lambda": lambda_permissions,
            "logs": logs_permissions,
            "organizations": partial(organizations_permissions, delegation=delegation),
            "s3": s3_permissions,
            "scheduler": scheduler_permissions,
            "sns": sns_permissions,
            "ssm": ssm_permissions,
            "sts": sts_permissions,
        }

    def for_call(self, call: Call) -> list[Permission]:
        """All permissions that ``call`` requires, in the order in which AWS checks them."""
        if (call.service, call.operation) == ("sts", "GetCallerIdentity"):
            return []  # AWS allows it to everyone, even against an explicit deny (STS API reference)
        service_permissions = self._by_service.get(call.service)
        permissions = list(service_permissions(call)) if service_permissions else []
        if not permissions:  # also for a call without resources, such as DeleteObjects of no object
            prefix = _PREFIXES.get(call.service, call.service)
            permissions = [Permission(f"{prefix}:{call.operation}", "*", call.account)]
        tags = _request_tags(call)
        return [
            replace(permission, context={**tags, **permission.context})
            for permission in permissions
        ]


def _request_tags(call: Call) -> ContextKeys:
    """``aws:RequestTag/…`` and ``aws:TagKeys`` of a call whose parameters include tags, or keys to remove."""
    raw = call.parameters.get("Tags") or call.parameters.get("tags")
    if not raw:
        keys = call.parameters.get("TagKeys") or call.parameters.get("tagKeys")
        return {"aws:TagKeys": tuple(keys)} if keys else {}
    tags = tag_map(raw)
    return {f"aws:RequestTag/{key}": value for key, value in tags.items()} | {
        "aws:TagKeys": tuple(tags)
    }
