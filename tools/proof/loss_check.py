"""Refuses plans before an apply: what they would take away unasked, and what AWS would refuse halfway."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.cli.console import warn
from tools.command_error import CommandError
from tools.proof.losses import refusals

if TYPE_CHECKING:
    from collections.abc import Collection

    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount
    from tools.proof.saved_plan import SavedPlan
    from tools.terraform.runner import PlanJson

# Lambda keeps this many of an account's concurrent executions for functions without reserved ones:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED_MINIMUM = 100


def refused_plans(
    session: Session, plans: Collection[SavedPlan], confirmed: Collection[str]
) -> dict[str, str]:
    """Return why plans are not applied, by the labels of their states."""
    return {
        **refusals([_without_new_groups(session, plan) for plan in plans], confirmed),
        **{
            plan.state.label: sentence
            for plan in plans
            if (sentence := _concurrency_problem(session, plan)) is not None
        },
    }


def _without_new_groups(session: Session, plan: SavedPlan) -> SavedPlan:
    """Return the plan without the first retention of log groups that have no record as old as that yet.

    CloudWatch makes a group without a retention and sets it by a second call, so an apply that was stopped
    between the two leaves such a group.
    """
    changes = plan.content.get("resource_changes", ())
    first = {
        item["change"]["before"]["name"]: item["change"]["after"]["retention_in_days"]
        for item in changes
        if item["type"] == "aws_cloudwatch_log_group"
        and item["change"]["actions"] == ["update"]
        and not item["change"]["before"].get("retention_in_days")
        and item["change"]["after"].get("retention_in_days")
    }
    account = _account_of(session, plan)
    if not first or account is None:
        return plan
    new = set()
    try:
        client = session.target.client(session.target.deployer(account), "logs", account.region)
        for name, days in first.items():
            groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            oldest = (datetime.now(UTC) - timedelta(days=days)).timestamp() * 1000
            new |= {
                group["logGroupName"]
                for group in groups
                if group["logGroupName"] == name and group["creationTime"] > oldest
            }
    except (BotoCoreError, ClientError, CommandError):
        return plan  # the retention then counts as a loss, which somebody may confirm
    remaining = [
        item
        for item in changes
        if item["type"] != "aws_cloudwatch_log_group"
        or (item["change"].get("before") or {}).get("name") not in new
    ]
    return replace(plan, content={**plan.content, "resource_changes": remaining})


def added_reservation(plan: PlanJson) -> int:
    """Return how many more concurrent executions the functions of a plan reserve; 0 if no more."""
    return sum(
        max(0, _reserved(item["change"].get("after")) - _reserved(item["change"].get("before")))
        for item in plan.get("resource_changes", ())
        if item["type"] == "aws_lambda_function"
    )


def reservation_problem(added: int, unreserved: int, account_id: str) -> str | None:
    """Return why an account cannot reserve ``added`` more of its ``unreserved`` executions; None if it can."""
    available = max(0, unreserved - UNRESERVED_MINIMUM)
    if added <= available:
        return None
    return (
        f"The plan is not applied, because Lambda would refuse it halfway: it reserves {added:,} more concurrent "
        f"executions, and account {account_id} can reserve {available:,} more, since Lambda keeps {UNRESERVED_MINIMUM} "
        "for functions without a reservation. Lower workload.reserved_concurrency, or have AWS raise the account's "
        "limit of concurrent executions."
    )


def _concurrency_problem(session: Session, plan: SavedPlan) -> str | None:
    """Return why the plan's reservation cannot be made; warn where the account's limit cannot be read."""
    added, account = added_reservation(plan.content), _account_of(session, plan)
    if not added or account is None:
        return None
    try:
        client = session.target.client(session.target.deployer(account), "lambda", account.region)
        limits = client.get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError, CommandError):
        # GetAccountSettings has no resource in IAM, so the deployer's policy does not allow it.
        warn(
            f"{plan.state.label} reserves {added:,} more concurrent executions. The account's limit cannot be read; "
            f"if fewer than {added + UNRESERVED_MINIMUM:,} are unreserved there, Lambda refuses them and the apply "
            "stops halfway."
        )
        return None
    return reservation_problem(added, limits["UnreservedConcurrentExecutions"], account.account_id)


def _account_of(session: Session, plan: SavedPlan) -> CustomerAccount | None:
    """Return the customer account of a plan; None for a plan of the operations account."""
    account_id = plan.state.variables.get("account_id", "")
    if not account_id or plan.state.tenant is None:
        return None
    return session.environment.only_account(plan.state.tenant, account_id)


def _reserved(function: Any) -> int:  # noqa: ANN401 - any JSON value
    """Return what a function reserves; -1 and null are no reservation."""
    return max(0, (function or {}).get("reserved_concurrent_executions") or 0)
