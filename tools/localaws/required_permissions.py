"""What each call acts on: IAM's name of the action, the resource's ARN, and condition keys of it.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
A service that is not here is authorized with Resource ``*``: only an Allow on ``*`` passes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tools.localaws.aws_lambda.authorization import functions
from tools.localaws.bedrock.authorization import bedrock, bedrock_runtime
from tools.localaws.iam.authorization import iam
from tools.localaws.kms.authorization import kms
from tools.localaws.logs.authorization import logs
from tools.localaws.permission import Asked, Check, Values, tags_of
from tools.localaws.s3.authorization import s3
from tools.localaws.sts.authorization import sts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.localaws.bedrock.inference_profiles import InferenceProfiles
    from tools.localaws.call import Call
    from tools.localaws.sts.sessions import RoleSession

__all__ = ["Check", "checks", "tags_of"]

_BY_SERVICE: Mapping[str, Callable[[Asked], Iterator[Check]]] = {
    "bedrock": bedrock,
    "bedrock-runtime": bedrock_runtime,
    "iam": iam,
    "kms": kms,
    "lambda": functions,
    "logs": logs,
    "s3": s3,
    "sts": sts,
}

# Services whose prefix in a policy is not botocore's name.
_PREFIXES = {
    "bedrock-agent": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "resourcegroupstaggingapi": "tag",
}


def checks(
    call: Call,
    partition: str,
    profiles: InferenceProfiles,
    session: RoleSession | None = None,
) -> list[Check]:
    """Everything ``call`` needs, in the order in which AWS asks; ``session`` is the caller's."""
    if (call.service, call.operation) == ("sts", "GetCallerIdentity"):
        return []  # always allowed, even by an explicit deny (STS API reference)
    find = _BY_SERVICE.get(call.service)
    found = list(find(Asked(call, partition, profiles, session))) if find else []
    if not found:  # also a call that names nothing, such as a DeleteObjects of no object
        prefix = _PREFIXES.get(call.service, call.service)
        found = [Check(f"{prefix}:{call.operation}", "*", call.account)]
    tags = _tag_context(call)
    return [replace(check, context={**tags, **check.context}) for check in found]


def _tag_context(call: Call) -> Values:
    """``aws:RequestTag/…`` and ``aws:TagKeys`` of a call that brings tags, however spelled."""
    raw = next((call.parameters[n] for n in ("Tags", "tags") if call.parameters.get(n)), None)
    if raw is None:
        return {}
    tags = tags_of(raw)
    return {f"aws:RequestTag/{key}": value for key, value in tags.items()} | {
        "aws:TagKeys": tuple(tags)
    }
