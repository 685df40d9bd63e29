"""Mutants of the guard's policies: each is proved to fail, by the topic that it has here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.tools.isolation.plan_mutants import GUARD, Json, after

if TYPE_CHECKING:
    from collections.abc import Callable

ROLE = f'{GUARD}.aws_iam_role.this["guard"]'
SCHEDULER_ROLE = f'{GUARD}.aws_iam_role.this["scheduler"]'
PERMISSIONS = f'{GUARD}.aws_iam_role_policy.this["guard"]'
LEASE_PERMISSIONS = f'{GUARD}.aws_iam_role_policy.this["lease"]'
VERIFICATION_PERMISSIONS = f'{GUARD}.aws_iam_role_policy.this["verification"]'
SCHEDULER_PERMISSIONS = f'{GUARD}.aws_iam_role_policy.this["scheduler"]'
FORWARDER_ROLE = f'{GUARD}.aws_iam_role.this["forwarder"]'
FORWARDER_PERMISSIONS = f'{GUARD}.aws_iam_role_policy.this["forwarder"]'
TOPIC_POLICY = f"{GUARD}.aws_sns_topic_policy.this"
QUOTA_DENIAL = f'{GUARD}.aws_iam_policy.denial["quota"]'
ALIAS_DENIAL = f'{GUARD}.aws_iam_policy.denial["alias"]'


@dataclass(frozen=True)
class PolicyMutant:
    """A change of one policy of the guard, and the topic of a claim that then fails."""

    address: str
    topic: str
    edit: Callable[[Json], None]

    def change(self, plan: Json) -> None:
        """Edit the policy in a plan of the operations account."""
        values = after(plan, self.address)
        attribute = "policy" if "policy" in values else "assume_role_policy"
        document = json.loads(values[attribute])
        self.edit({each["Sid"]: each for each in document["Statement"]})
        values[attribute] = json.dumps(document)


def with_elements(sid: str, **elements: Any) -> Callable[[Json], None]:  # noqa: ANN401 - any JSON value
    """Replace elements of a statement; None removes one."""

    def edit(statements: Json) -> None:
        statement = statements[sid]
        statement.update(elements)
        for name, value in elements.items():
            if value is None:
                del statement[name]

    return edit


def with_action(sid: str, action: str) -> Callable[[Json], None]:
    """Add an action to a statement."""

    def edit(statements: Json) -> None:
        statements[sid]["Action"] = [*statements[sid]["Action"], action]

    return edit


def _guard(topic: str, edit: Callable[[Json], None]) -> PolicyMutant:
    return PolicyMutant(PERMISSIONS, f"guard {topic}", edit)


_COUNTS = "ReadCountsAndListProfiles"
_ATTACH = "AttachAndDetachTheDenials"
_TAGS = {"aws:TagKeys": ["quota-reached", "tenant"]}
_ALL_OF_NO_TAG = {
    "ForAllValues:StringEquals": {"aws:TagKeys": "quota-reached"},
    "StringEquals": {"aws:ResourceTag/environment": "local"},
}

GUARD_MUTANTS: dict[str, PolicyMutant] = {
    "the guard may call models": _guard("reach", with_action(_COUNTS, "bedrock:InvokeModel")),
    "the guard may read records": _guard("reach", with_action(_COUNTS, "logs:GetLogEvents")),
    "the guard may act as somebody else": _guard("reach", with_action(_COUNTS, "sts:AssumeRole")),
    "the guard may write a policy": _guard("reach", with_action(_ATTACH, "iam:PutRolePolicy")),
    "the guard may write a version of a denial": _guard(
        "reach", with_action("ListWhereTheDenialsAreAttached", "iam:CreatePolicyVersion")
    ),
    "the guard may attach any policy": _guard(
        "permissions", with_elements(_ATTACH, Condition=None)
    ),
    "the guard may attach a denial to any role": _guard(
        "permissions", with_elements(_ATTACH, Resource="arn:aws:iam::111111111111:role/*")
    ),
    "the guard may attach a denial to its own role": _guard(
        "permissions",
        with_elements(_ATTACH, Resource="arn:aws:iam::111111111111:role/bedrock-local*"),
    ),
    "the guard may set another tag": _guard(
        "permissions",
        with_elements(
            "MarkProfilesWithoutQuotaLeft",
            Condition={**_ALL_OF_NO_TAG, "ForAllValues:StringEquals": _TAGS},
        ),
    ),
    "the guard may tag without a key": _guard(
        "permissions", with_elements("MarkProfilesWithoutQuotaLeft", Condition=_ALL_OF_NO_TAG)
    ),
    "the guard may write other parameters": _guard(
        "permissions",
        with_elements(
            "KeepTheCountsOfEachTenant",
            Resource="arn:aws:ssm:eu-central-1:111111111111:parameter/bedrock/*",
        ),
    ),
    "the guard may pass its role to Lambda": _guard(
        "permissions",
        with_elements(
            "LetSchedulerInvokeTheEndOfTheLease",
            Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        ),
    ),
    "the verification may turn invocation logging on": PolicyMutant(
        VERIFICATION_PERMISSIONS,
        "guard reach",
        with_action("ReadWhatMayKeepContent", "bedrock:PutModelInvocationLoggingConfiguration"),
    ),
    "the verification may write any metric": PolicyMutant(
        VERIFICATION_PERMISSIONS,
        "guard permissions",
        with_elements("WriteItsOwnMetrics", Condition=None),
    ),
    "the end of a lease may detach": PolicyMutant(
        LEASE_PERMISSIONS,
        "guard permissions",
        with_action("AttachTheDenial", "iam:DetachRolePolicy"),
    ),
    "Scheduler may invoke any function": PolicyMutant(
        SCHEDULER_PERMISSIONS, "guard permissions", with_elements("InvokeTheGuard", Resource="*")
    ),
    "events may be forwarded to any bus": PolicyMutant(
        FORWARDER_PERMISSIONS,
        "guard permissions",
        with_elements("ForwardEvents", Resource="arn:aws:events:*:*:event-bus/default"),
    ),
    "another account's rule may forward events": PolicyMutant(
        FORWARDER_ROLE, "guard trust", with_elements("OnlyTheServiceUsesTheRole", Condition=None)
    ),
    "any rule may publish to the topic": PolicyMutant(
        TOPIC_POLICY, "guard topic", with_elements("OnlyTheAccessRulesPublish", Condition=None)
    ),
    "anybody may publish to the topic": PolicyMutant(
        TOPIC_POLICY,
        "guard topic",
        with_elements("OnlyTheAccessRulesPublish", Principal="*"),
    ),
    "the topic may be subscribed to by a service": PolicyMutant(
        TOPIC_POLICY, "guard topic", with_elements("OnlyTheGuardsAlarmsPublish", Action="sns:*")
    ),
    "a customer may act as the guard": PolicyMutant(
        ROLE,
        "guard trust",
        with_elements(
            "OnlyTheServiceUsesTheRole", Principal={"AWS": "arn:aws:iam::222222222222:root"}
        ),
    ),
    "another account's schedule may act as Scheduler's role": PolicyMutant(
        SCHEDULER_ROLE, "guard trust", with_elements("OnlyTheServiceUsesTheRole", Condition=None)
    ),
    "a denial allows instead": PolicyMutant(
        QUOTA_DENIAL,
        "guard denial",
        with_elements("NoModelIsCalledBeforeTheQuotaIsRenewed", Effect="Allow"),
    ),
    "a denial lets streams pass": PolicyMutant(
        QUOTA_DENIAL,
        "guard denial",
        with_elements("NoModelIsCalledBeforeTheQuotaIsRenewed", Action=["bedrock:InvokeModel"]),
    ),
    "a denial takes everything away": PolicyMutant(
        QUOTA_DENIAL,
        "guard denial",
        with_elements("NoModelIsCalledBeforeTheQuotaIsRenewed", Action="*"),
    ),
    "the denial of an alias denies every alias": PolicyMutant(
        ALIAS_DENIAL,
        "guard denial",
        with_elements("AliasesWithoutQuotaLeftAreNotCalled", Condition=None),
    ),
}
