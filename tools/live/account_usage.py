"""Read how much of its quotas the operations account uses, as AWS counts it and not as the stanzas say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operations_guard.aws_reader import AwsReader, NotReadError
from tools.live.answers import AccountReader, clients_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.cli.targets import Target

PROFILES_QUOTA = "L-40EC9882"  # https://docs.aws.amazon.com/general/latest/gr/bedrock.html

_UNSUPPORTED = ("NoSuchResourceException",)


@dataclass(frozen=True)
class AccountUsage:
    """What an account has and may have; None for what could not be read, which ``unread`` explains."""

    roles: int | None = None
    roles_limit: int | None = None
    policies: int | None = None  # managed policies of the customer's own, which IAM counts together
    policies_limit: int | None = None
    trust_policy_limit: int | None = None  # characters
    profiles: int | None = None  # application inference profiles in the operations Region
    profiles_limit: int | None = None
    unread: tuple[str, ...] = field(default=())


def read_account_usage(target: Target) -> AccountUsage:
    """Return what IAM, Bedrock and Service Quotas say of the operations account.

    A part that cannot be read does not stop the others.
    """
    environment = target.environment
    subject = f"operations account {environment.operations_account_id}"
    reader = AccountReader(
        subject,
        AwsReader(target.operations(), environment.operations_region, clients_of(target)),
    )
    counts: dict[str, int] = {}
    unread: list[str] = []
    for part, read in _PARTS.items():
        try:
            counts |= read(reader)
        except NotReadError as error:
            unread.append(
                f"{part} of {subject} could not be counted: {error}. Allow the action to these credentials, "
                "or count the stanzas alone with OFFLINE=1."
            )
    return AccountUsage(**counts, unread=tuple(unread))


def _iam(reader: AccountReader) -> dict[str, int]:
    """Return what IAM counts; its quotas are those that hold for the account.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
    """
    summary = (reader.ask("iam", "GetAccountSummary") or {}).get("SummaryMap", {})
    return {
        "roles": _number(summary, "Roles"),
        "roles_limit": _number(summary, "RolesQuota"),
        "policies": _number(summary, "Policies"),
        "policies_limit": _number(summary, "PoliciesQuota"),
        "trust_policy_limit": _number(summary, "AssumeRolePolicySizeQuota"),
    }


def _profiles(reader: AccountReader) -> dict[str, int]:
    """Return the number of application inference profiles, which Bedrock can only list.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html
    """
    answer = reader.ask("bedrock", "ListInferenceProfiles", typeEquals="APPLICATION") or {}
    return {"profiles": len(answer.get("inferenceProfileSummaries", ()))}


def _profiles_limit(reader: AccountReader) -> dict[str, int]:
    """Return the quota that holds, or AWS's default if Service Quotas has no other for the account.

    https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
    """
    quota = {"ServiceCode": "bedrock", "QuotaCode": PROFILES_QUOTA}
    answer = reader.ask("service-quotas", "GetServiceQuota", missing=_UNSUPPORTED, **quota)
    if answer is None:
        answer = reader.ask("service-quotas", "GetAWSDefaultServiceQuota", **quota) or {}
    return {"profiles_limit": _number(answer.get("Quota", {}), "Value")}


_PARTS: Mapping[str, Callable[[AccountReader], dict[str, int]]] = {
    "roles and policies": _iam,
    "inference profiles": _profiles,
    "the quota of inference profiles": _profiles_limit,
}


def _number(answer: Mapping[str, Any], name: str) -> int:
    if name not in answer:
        raise NotReadError(f"the answer has no {name}")
    return int(answer[name])
