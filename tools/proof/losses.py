"""What an apply would take away: found in the plans as JSON, and refused unless CONFIRM= names the tenant.

A stanza that is lost in a merge, a renamed tenant or a lowered retention is valid Terraform, so nothing else
asks about it. Everything here is a function of plans, in the form that `terraform show -json` prints:
https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.terraform.healing import REPLACED_WHEN_HALF_MADE, TAINTED
from tools.terraform.state import tenant_of_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tools.proof.saved_plan import SavedPlan
    from tools.terraform.runner import PlanJson

SHOWN = 20  # losses that one refusal lists

_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root")

# Destroying these ends a check of Terraform's and changes nothing in AWS:
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role_policies_exclusive
_WITHOUT_CONSEQUENCE = {
    "aws_iam_role_policies_exclusive",
    "aws_iam_role_policy_attachments_exclusive",
    "terraform_data",
}

# What each type is called, and what its end means.
_CONSEQUENCES = {
    "aws_bedrock_inference_profile": (
        "the inference profile",
        "calls that still name it fail, and its counts of tokens and costs end",
    ),
    "aws_cloudwatch_log_data_protection_policy": (
        "the data protection policy of the log group",
        "what it masks is written unmasked from then on, and readers see it",
    ),
    "aws_cloudwatch_log_group": ("the log group", "every record in it is deleted"),
    "aws_kms_alias": ("the alias of the records' key", "nothing finds the key by its name"),
    "aws_kms_key": (
        "the records' key",
        "AWS schedules its deletion, after which nobody can read the records",
    ),
    "aws_lambda_alias": ("the function's alias", "callers that invoke it fail"),
    "aws_lambda_function": ("the function", "callers that invoke it fail"),
    "aws_iam_role_policy": ("the policy", "what it allows is refused"),
    "aws_vpc_endpoint": ("the VPC endpoint", "calls that go through it fail"),
}

# The statement with which a suspended tenant's role denies everything, without its Sid.
DENIAL_OF_EVERYTHING = {"Effect": "Deny", "Action": "*", "Resource": "*"}

_LIFTED = (
    "the suspension of {tenant} is lifted: its role denies everything now, and would allow again what the stanza "
    'grants. If `make suspend` was run meanwhile, put state = "suspended" into the stanza that is applied; '
    "`make resume` is the way to lift a suspension."
)


@dataclass(frozen=True)
class Loss:
    """One thing that an apply would take away from a tenant; ``sentence`` says what follows from it."""

    tenant: str  # the word that CONFIRM= has to contain
    sentence: str


def losses_of(plan: PlanJson) -> list[Loss]:
    """Return what an apply of this plan would destroy, replace, delete earlier or cease to manage."""
    changes = [item for item in plan.get("resource_changes", ()) if item.get("mode") != "data"]
    removed = {
        tenant: item["change"]["before"]
        for item in changes
        if item["change"]["actions"] == ["delete"] and (tenant := _tenant_with_role(item))
    }
    # A role's policies go with it, and a tenant's inference profiles with its role.
    roles = {
        (item["change"]["before"] or {}).get("name")
        for item in changes
        if item["type"] == "aws_iam_role" and item["change"]["actions"] == ["delete"]
    }
    losses = [*_lost_tenants(plan, changes, removed)]
    for item in changes:
        tenant = _tenant_of(plan, item)
        if _is_destroyed(item):
            if _was_never_complete(item):
                continue
            if _is_of_operations(item) and (tenant in removed or _is_checked_by_use(item)):
                continue
            if (item["change"]["before"] or {}).get("role") in roles and "policy" in item["type"]:
                continue
            losses += [Loss(tenant, sentence) for sentence in _destroyed(item)]
        elif item["change"]["actions"] == ["update"]:
            losses += [Loss(tenant, sentence) for sentence in _reduced(item, tenant)]
            if _lifts_suspension(plan, item, tenant):
                losses.append(Loss(tenant, _LIFTED.format(tenant=tenant)))
    return [*losses, *_changed_region(plan)]


def refusals(plans: Collection[SavedPlan], confirmed: Collection[str]) -> dict[str, str]:
    """Return why plans are not applied, by the labels of their states.

    ``confirmed`` are the names in CONFIRM=. A plan with losses is applied only if each of its tenants is
    among them, so one confirmation never covers another tenant.
    """
    losses_by_state = {plan.state.label: losses_of(plan.content) for plan in plans}
    unconfirmed = {
        label: losses
        for label, losses in losses_by_state.items()
        if {loss.tenant for loss in losses} - set(confirmed)
    }
    names = {loss.tenant for losses in unconfirmed.values() for loss in losses}
    return {label: _refusal(losses, names) for label, losses in unconfirmed.items()}


def confirmation(names: Collection[str]) -> str:
    """Return CONFIRM= with these names, as it is written on a command line."""
    words = " ".join(sorted(names))
    return f'CONFIRM="{words}"' if " " in words else f"CONFIRM={words}"


def _refusal(losses: list[Loss], names: Collection[str]) -> str:
    sentences = [f"  - {loss.tenant}: {loss.sentence}" for loss in losses[:SHOWN]]
    if len(losses) > SHOWN:
        sentences.append(f"  - and {len(losses) - SHOWN} more")
    return "\n".join(
        [
            "An apply of this plan takes something away, so it is refused without a confirmation:",
            *sentences,
            f"If all of this is meant, add {confirmation(names)} to `make apply`.",
        ]
    )


def _lost_tenants(
    plan: PlanJson, changes: list[dict[str, Any]], removed: Mapping[str, Mapping[str, Any]]
) -> Iterator[Loss]:
    """Yield the tenants whose roles would be destroyed, and name the one that has taken the place of each."""
    stanzas = _variable(plan, "tenants") or {}
    new_tenants: dict[str, list[str]] = defaultdict(list)
    for item in changes:
        if item["change"]["actions"] == ["create"] and (tenant := _tenant_with_role(item)):
            for account in _accounts(item["change"]["after"]):
                new_tenants[account].append(tenant)
    for tenant, role in removed.items():
        accounts = _accounts(role)
        place = _joined(accounts, "account")
        new_name = next((new for account in accounts for new in new_tenants[account]), None)
        end = f"The role {role.get('name')} and its inference profiles are destroyed, so every call of {tenant} fails"
        if new_name is not None:
            sentence = (
                f"{tenant} is gone and {new_name} is new with the same {place}, which looks like a change of name. "
                f"A name is part of every resource: {end}, {new_name} begins with new log groups and a new key, and "
                f"the function and the records of {tenant} are no longer managed. To keep the records within reach, "
                f"keep the name; or add {new_name} beside {tenant}, and offboard {tenant} once nobody calls it."
            )
        elif tenant in stanzas:
            sentence = f"{end}, although the tenant has a stanza."
        else:
            sentence = (
                f"{tenant} has no stanza. {end}, and its function and records in {place} are no longer managed. If "
                "the stanza was lost in a merge, put it back; `make offboard` is the way to end a tenant."
            )
        yield Loss(tenant, sentence)


def _is_checked_by_use(item: Mapping[str, Any]) -> bool:
    """Return whether tools/proof/unbroken_calls.py decides: it asks each function whether it calls the profile.

    A profile that is adopted is always made anew, because Bedrock does not say what it was copied from:
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html
    """
    change = item["change"]
    is_deleted = change["actions"] == ["delete"] and "deposed" not in item
    is_adopted = "delete" in change["actions"] and bool(change.get("importing"))
    return item["type"] == "aws_bedrock_inference_profile" and (is_deleted or is_adopted)


def _destroyed(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield what follows from the end of one resource, unless nothing does."""
    kind, before = item["type"], item["change"].get("before") or {}
    if kind in _WITHOUT_CONSEQUENCE:
        return
    name = before.get("name") or before.get("function_name") or before.get("log_group_name")
    if kind == "aws_iam_role":
        what, consequence = "the role", _end_of_role(str(name))
    else:
        what, consequence = _CONSEQUENCES.get(kind, (f"the {kind}", "what it did ends"))
    if kind == "aws_cloudwatch_log_group" and before.get("skip_destroy"):
        consequence = "it stays with its records, but is no longer managed"
    if kind == "aws_lambda_alias":
        name = f"{before.get('function_name')}:{before.get('name')}"
    end = "is destroyed"
    if "deposed" in item:
        end = "has an older copy, left over from an earlier apply, which is destroyed"
    elif "create" in item["change"]["actions"]:
        end = "is destroyed and made anew"
    named = name or before.get("id") or item["address"]
    yield f"{what} {named} {end}: {consequence}."


def _end_of_role(name: str) -> str:
    if name.endswith("-execution"):
        return "the function can neither call models nor write records"
    if name.endswith(("-reader", "-unmasker")):
        return "nobody can read the records as this role"
    return "every call that assumes it fails"


def _reduced(item: Mapping[str, Any], tenant: str) -> Iterator[str]:
    """Yield what a change in place takes away: days of records, masks, or an account."""
    before, after = item["change"].get("before") or {}, item["change"].get("after") or {}
    if item["type"] == "aws_cloudwatch_log_group":
        yield from _lowered_retention(before, after)
    elif item["type"] == "aws_cloudwatch_log_data_protection_policy":
        lost = sorted(_masked(before) - _masked(after))
        if lost:
            yield (
                f"the log group {before.get('log_group_name')} no longer masks {', '.join(lost)} in new records, "
                "and readers see it."
            )
    elif item["type"] == "aws_iam_role" and _is_of_operations(item):
        lost = [account for account in _accounts(before) if account not in _accounts(after)]
        new = [account for account in _accounts(after) if account not in _accounts(before)]
        if lost and "assume_role_policy" in after:
            begin = f"{tenant} loses {_joined(lost, 'account')}"
            if new:
                begin = (
                    f"{tenant} moves from {_joined(lost, 'account')} to {_joined(new, 'account')}"
                )
            yield (
                f"{begin}. Calls from the old one fail, and its function, log groups and roles are no longer managed. "
                "To keep its records within reach, leave the old account in the stanza beside the new one."
            )


def _lifts_suspension(plan: PlanJson, item: Mapping[str, Any], tenant: str) -> bool:
    """Return whether a change ends the denial of everything in a tenant's role.

    `make suspend` puts the denial there through IAM, so the stanza that is applied may not know of it yet.
    """
    if item["type"] != "aws_iam_role_policy" or not _is_of_operations(item):
        return False
    before, after = item["change"].get("before") or {}, item["change"].get("after") or {}
    if not _denies_everything(before.get("policy")):
        return False
    if "policy" in after:
        return not _denies_everything(after["policy"])
    # The policy is known only after the apply, because it names a profile that is not there yet.
    stanza = (_variable(plan, "tenants") or {}).get(tenant) or {}
    return (stanza.get("state") or "active") == "active"


def _denies_everything(policy: str | None) -> bool:
    """Return whether a policy has a statement like SuspendedTenantsMayDoNothing, whatever its Sid is."""
    statements = json.loads(policy or "{}").get("Statement", ())
    return any(
        {name: value for name, value in statement.items() if name != "Sid"} == DENIAL_OF_EVERYTHING
        for statement in statements
    )


def _lowered_retention(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a shorter retention deletes; 0 days means for ever, as in the provider.

    CloudWatch deletes what is older than the retention:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html#SettingLogRetention
    """
    old, new = before.get("retention_in_days") or 0, after.get("retention_in_days") or 0
    if new == 0 or (old != 0 and new >= old):
        return
    kept = f"{old:,} days" if old else "for ever"
    deleted = (
        f"the records of up to {old - new:,} days"
        if old
        else f"every record older than {new:,} days"
    )
    yield (
        f"the log group {before.get('name')} keeps records for {new:,} days instead of {kept}: CloudWatch deletes "
        f"{deleted} for good."
    )


def _changed_region(plan: PlanJson) -> Iterator[Loss]:
    """Yield the move of a customer account's workload to another Region, which the provider makes anew there."""
    change = (plan.get("output_changes") or {}).get("region") or {}
    old, new = change.get("before"), change.get("after")
    tenant, account = _variable(plan, "tenant"), _variable(plan, "account_id")
    if tenant and old and new and old != new:
        yield Loss(
            tenant,
            f"account {account} moves from {old} to {new}. Terraform makes the function and the log groups anew there "
            f"and forgets those in {old}, and `make logs` no longer finds the records in {old}. To keep them within "
            f"reach, leave the Region as it is.",
        )


def _tenant_of(plan: PlanJson, item: Mapping[str, Any]) -> str:
    """Return the tenant of a resource: the key of its module, or the one that a customer's plan is about."""
    return tenant_of_address(item["address"]) or str(_variable(plan, "tenant") or "operations")


def _tenant_with_role(item: Mapping[str, Any]) -> str | None:
    """Return the tenant whose operations role this resource is; None for any other resource."""
    is_role = item["type"] == "aws_iam_role" and "deposed" not in item
    return tenant_of_address(item["address"]) if is_role else None


def _is_of_operations(item: Mapping[str, Any]) -> bool:
    return tenant_of_address(item["address"]) is not None


def _is_destroyed(item: Mapping[str, Any]) -> bool:
    return "delete" in item["change"]["actions"]


def _was_never_complete(item: Mapping[str, Any]) -> bool:
    """Return whether Terraform makes a resource anew because an apply failed while it made the first one.

    tools/terraform/healing.py completes in place what may hold records or give access, so to replace one of those
    is a loss. The reason is from https://developer.hashicorp.com/terraform/internals/json-format#change-representation.
    """
    return item.get("action_reason") == TAINTED and item["type"] in REPLACED_WHEN_HALF_MADE


def _accounts(role: Mapping[str, Any]) -> list[str]:
    """Return the accounts that a role's trust policy names; none while the policy is unknown."""
    return sorted(set(_ACCOUNT.findall(role.get("assume_role_policy") or "")))


def _masked(policy: Mapping[str, Any]) -> set[str]:
    """Return the short names of the data identifiers that a data protection policy masks."""
    try:
        statements = json.loads(policy.get("policy_document") or "{}").get("Statement", ())
    except ValueError:
        return set()
    return {
        str(identifier).rpartition("/")[2]
        for statement in statements
        for identifier in statement.get("DataIdentifier", ())
    }


def _variable(plan: PlanJson, name: str) -> Any:  # noqa: ANN401 - any JSON value
    return ((plan.get("variables") or {}).get(name) or {}).get("value")


def _joined(names: Collection[str], noun: str) -> str:
    words = " and ".join(names) or "an unknown account"
    if not names:
        return words
    return f"{noun}{'s' if len(names) > 1 else ''} {words}"
