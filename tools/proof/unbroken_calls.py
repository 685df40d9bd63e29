"""Refuses an apply of the operations account that would take away what customers' functions still use.

What they may use is in the last hand-over, and in the settings of their functions where the deployer can
read these: a function that has not been applied for long has the settings of an older hand-over.
"""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tools.cli.function_settings import function_settings
from tools.command_error import CommandError
from tools.proof.lost_calls import lost_calls
from tools.terraform.state import tenant_of_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tools.cli.session import Session
    from tools.terraform.runner import PlanJson

PARALLEL_READS = 8


def refuse_lost_calls(session: Session, plan: PlanJson, confirmed: Collection[str] = ()) -> None:
    """Raise CommandError if the plan takes away what a function still uses.

    The calls of the tenants in ``confirmed`` may fail until their accounts are applied.
    """
    problems = [
        (tenant, problem)
        for tenant, problem in lost_calls_of(session, plan)
        if tenant not in confirmed
    ]
    if problems:
        name = session.environment.name
        tenants = " ".join(dict.fromkeys(tenant for tenant, _ in problems))
        raise CommandError(
            "Nothing was applied, because calls would fail until the customer accounts are applied:\n"
            + "".join(f'  "{tenant}": {problem}\n' for tenant, problem in problems)
            + "Write what was granted before as `previous` in the stanza, which "
            f"`make model ENV={name} TENANT=… NAME=…` does for an alias and `make rotate` for an ExternalId. "
            f"To let these calls fail, write CONFIRM={tenants if ' ' not in tenants else repr(tenants)}."
        )


def lost_calls_of(session: Session, plan: PlanJson) -> list[tuple[str, str]]:
    """Return what the plan takes away from which tenant, and who uses it, as a sentence without its stop."""
    known = session.environment.stanzas.keys()
    losing = [tenant for tenant in tenants_that_lose_grants(plan) if tenant in known]
    stanzas = plan["variables"]["tenants"]["value"]
    removed = _removed_profiles(plan)
    handed_over = session.bucket.tenants_with_handover()

    def problems_of(tenant: str) -> list[str]:
        handover = session.bucket.handover(tenant) if tenant in handed_over else None
        profiles = removed.get(tenant, {})
        return list(_problems(session, tenant, stanzas[tenant], handover, profiles))

    with ThreadPoolExecutor(max_workers=PARALLEL_READS) as pool:
        problems = pool.map(problems_of, losing)
        return [
            (tenant, problem)
            for tenant, found in zip(losing, problems, strict=True)
            for problem in found
        ]


def tenants_that_lose_grants(plan: PlanJson) -> list[str]:
    """Return the tenants that keep their stanza and lose a policy statement or an inference profile.

    A plan that only adds grants takes nothing away, so nobody has to be asked.
    """
    before: defaultdict[str, set[str]] = defaultdict(set)
    after: defaultdict[str, set[str]] = defaultdict(set)
    losing = set(_removed_profiles(plan))
    for item in plan.get("resource_changes", ()):
        if (tenant := tenant_of_address(item["address"])) is None or item["mode"] != "managed":
            continue
        for side, statements in (("before", before), ("after", after)):
            # A role's inline_policy is what AWS has now, on both sides of a change.
            values = {**(item["change"].get(side) or {}), "inline_policy": None}
            statements[tenant] |= set(_statements(values))
    losing |= {tenant for tenant in before if before[tenant] - after[tenant]}
    stanzas = plan["variables"]["tenants"]["value"]
    return sorted(losing & stanzas.keys())


def _statements(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield each statement of the policies that are anywhere in a resource, without its Sid."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _statements(item)
    elif isinstance(value, str) and '"Statement"' in value:
        for statement in json.loads(value)["Statement"]:
            yield json.dumps({**statement, "Sid": ""}, sort_keys=True)


def _removed_profiles(plan: PlanJson) -> dict[str, dict[str, bool]]:
    """Return, by tenant, the ARNs of the inference profiles that the plan deletes, and whether it makes each anew."""
    removed: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for item in plan.get("resource_changes", ()):
        tenant = tenant_of_address(item["address"])
        is_profile = item["type"] == "aws_bedrock_inference_profile"
        actions = item["change"]["actions"]
        if tenant and is_profile and "delete" in actions:
            removed[tenant][item["change"]["before"]["arn"]] = "create" in actions
    return removed


def _problems(
    session: Session,
    tenant: str,
    stanza: Mapping[str, Any],
    handover: Mapping[str, Any] | None,
    removed: Mapping[str, bool],
) -> Iterator[str]:
    """Yield what the stanza takes away; ``removed`` are the profiles that go, by ARN, and whether each is remade."""
    accounts: defaultdict[str, list[str]] = defaultdict(list)
    for label, use in _uses(session, tenant, handover):
        if use is None:
            # Without a hand-over, nothing was given to the account; or the bucket was restored from before.
            if removed:
                yield f"an inference profile goes, and whether account {label} calls it could not be read"
            continue
        for problem in lost_calls(stanza, use, removed):
            accounts[problem].append(label)
    for problem, labels in accounts.items():
        yield f"{problem}; the old one is still in use in account {' and '.join(labels)}"


def _uses(
    session: Session, tenant: str, handover: Mapping[str, Any] | None
) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Yield what each account of the tenant calls with: its function's settings, or else the hand-over.

    That is None if the settings cannot be read and there is no hand-over.
    """
    by_handover = " (by the last hand-over)" if handover else ""
    for account in session.environment.accounts_of(tenant):
        # If the settings cannot be read, what the account has been given is the best that is known.
        label, use = f"{account.account_id}{by_handover}", handover
        with suppress(CommandError):
            settings = function_settings(session.target, account)
            if settings is None:
                continue  # without a function, no calls
            label, use = account.account_id, {**(handover or {}), **settings}
        yield label, use
