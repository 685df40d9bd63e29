"""What each call acts on: IAM's name of the action, the resource's ARN, and condition keys of it.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
A service that is not here is authorized with Resource ``*``: only an Allow on ``*`` passes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.cloud.iam.checks.asked import Asked, Check, Values, tags_of
from tests.cloud.iam.checks.bedrock import bedrock, bedrock_runtime
from tests.cloud.iam.checks.functions import functions
from tests.cloud.iam.checks.iam import iam
from tests.cloud.iam.checks.kms import kms
from tests.cloud.iam.checks.logs import logs
from tests.cloud.iam.checks.s3 import s3
from tests.cloud.iam.checks.sts import sts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.cloud.bedrock.inference_profiles import InferenceProfiles
    from tests.cloud.call import Call
    from tests.cloud.iam.sessions import RoleSession

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
