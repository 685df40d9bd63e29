"""AssumeRole: each refused call differs from the allowed call in one parameter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import ACME, GLOBEX, OPERATIONS, assume, document, make_role, refusal
from tools.localaws.sts.sessions import Credentials

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

TENANT_ROLE = "arn:aws:iam::111111111111:role/bedrock-local-acme"
EXTERNAL_ID = "acme-external-id"
WORKLOAD = "bedrock-local-acme-execution"
TRUST = {
    "Sid": "CustomerWorkload",
    "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
    "Condition": {
        "StringEquals": {"sts:ExternalId": EXTERNAL_ID, "sts:RoleSessionName": "acme"},
        "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::222222222222:role/{WORKLOAD}"},
    },
}
MAY_ASSUME = {"Action": "sts:AssumeRole", "Resource": TENANT_ROLE}


@pytest.fixture
def operations(local_aws: LocalAws, connect: Connect) -> Any:
    """IAM of the operations account, with the tenant's role in it."""
    iam = connect("iam", local_aws.control.account(OPERATIONS))
    make_role(iam, "bedrock-local-acme", TRUST)
    return iam


def workload(
    local_aws: LocalAws,
    connect: Connect,
    account: str = ACME,
    name: str = WORKLOAD,
    permission: dict[str, Any] | None = None,
) -> Any:
    """STS as a workload role in a customer account."""
    keys = local_aws.control.account(account)
    role = make_role(
        connect("iam", keys), name, {"Principal": {"AWS": account}}, permission or MAY_ASSUME
    )
    return connect("sts", assume(connect("sts", keys), role))


def test_the_tenants_workload_assumes_its_role(
    local_aws: LocalAws, connect: Connect, operations: Any
) -> None:
    keys = assume(workload(local_aws, connect), TENANT_ROLE, ExternalId=EXTERNAL_ID)
    identity = connect("sts", keys).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::111111111111:assumed-role/bedrock-local-acme/acme"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "sts:ExternalId is missing"),
        (
            {"ExternalId": "another"},
            "sts:ExternalId does not have the value that the policy requires",
        ),
        (
            {"ExternalId": EXTERNAL_ID, "RoleSessionName": "globex"},
            'sts:RoleSessionName is "globex", but the policy requires another value',
        ),
    ],
)
def test_refuses_parameters_that_the_trust_policy_does_not_allow(
    local_aws: LocalAws, connect: Connect, operations: Any, changes: dict[str, str], reason: str
) -> None:
    sts = workload(local_aws, connect)
    parameters = {"RoleArn": TENANT_ROLE, "RoleSessionName": "acme", **changes}
    assert refusal(sts.assume_role, **parameters) == (
        "AccessDenied",
        (
            "User: arn:aws:sts::222222222222:assumed-role/bedrock-local-acme-execution/acme is "
            "not authorized to perform: sts:AssumeRole on resource: "
            "arn:aws:iam::111111111111:role/bedrock-local-acme because no resource-based policy "
            "allows the sts:AssumeRole action"
        ),
    )
    (entry,) = local_aws.control.calls(allowed=False)
    assert entry.refused_by == "trust policy of bedrock-local-acme"
    assert entry.reason == (
        f"trust policy of bedrock-local-acme: statement CustomerWorkload does not match: {reason}"
    )


def test_refuses_another_role_of_the_right_account(
    local_aws: LocalAws, connect: Connect, operations: Any
) -> None:
    sts = workload(local_aws, connect, name="other")
    parameters = {"RoleSessionName": "acme", "ExternalId": EXTERNAL_ID}
    assert refusal(sts.assume_role, RoleArn=TENANT_ROLE, **parameters)[0] == "AccessDenied"


def test_refuses_a_role_of_that_name_in_another_account(
    local_aws: LocalAws, connect: Connect, operations: Any
) -> None:
    sts = workload(local_aws, connect, account=GLOBEX)
    parameters = {"RoleSessionName": "acme", "ExternalId": EXTERNAL_ID}
    assert refusal(sts.assume_role, RoleArn=TENANT_ROLE, **parameters)[0] == "AccessDenied"


def test_refuses_a_caller_whose_identity_policy_does_not_allow_it(
    local_aws: LocalAws, connect: Connect, operations: Any
) -> None:
    elsewhere = {"Action": "sts:AssumeRole", "Resource": TENANT_ROLE + "-2"}
    sts = workload(local_aws, connect, permission=elsewhere)
    parameters = {"RoleSessionName": "acme", "ExternalId": EXTERNAL_ID}
    _, message = refusal(sts.assume_role, RoleArn=TENANT_ROLE, **parameters)
    assert message.endswith("because no identity-based policy allows the sts:AssumeRole action")


def test_a_role_that_does_not_exist_is_refused_like_one_that_does(
    local_aws: LocalAws, connect: Connect
) -> None:
    sts = workload(local_aws, connect)
    parameters = {"RoleSessionName": "acme", "ExternalId": EXTERNAL_ID}
    assert refusal(sts.assume_role, RoleArn=TENANT_ROLE, **parameters)[0] == "AccessDenied"


def test_a_chained_session_lasts_an_hour_at_most(
    local_aws: LocalAws, connect: Connect, operations: Any
) -> None:
    operations.update_role(RoleName="bedrock-local-acme", MaxSessionDuration=43_200)
    sts = workload(local_aws, connect)
    assume(sts, TENANT_ROLE, ExternalId=EXTERNAL_ID, DurationSeconds=3600)
    code, message = refusal(
        sts.assume_role,
        RoleArn=TENANT_ROLE,
        RoleSessionName="acme",
        ExternalId=EXTERNAL_ID,
        DurationSeconds=3601,
    )
    assert code == "ValidationError"
    assert message.endswith("1 hour session limit for roles assumed by role chaining")


def test_a_users_session_lasts_as_long_as_the_role_says(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = local_aws.control.account(ACME)
    role = make_role(
        connect("iam", keys), "long", {"Principal": {"AWS": ACME}}, MaxSessionDuration=7200
    )
    sts = connect("sts", keys)
    assume(sts, role, DurationSeconds=7200)
    code, message = refusal(
        sts.assume_role, RoleArn=role, RoleSessionName="acme", DurationSeconds=7201
    )
    assert (code, "MaxSessionDuration" in message) == ("ValidationError", True)


def test_session_tags_need_a_trust_policy_that_allows_tagging(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = local_aws.control.account(ACME)
    iam, sts = connect("iam", keys), connect("sts", keys)
    principal = {"Principal": {"AWS": ACME}}
    pinned = {"StringEquals": {"aws:RequestTag/tenant": "acme"}}
    make_role(iam, "untagged", principal)
    make_role(
        iam,
        "tagged",
        {**principal, "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": pinned},
    )
    tags = [{"Key": "tenant", "Value": "acme"}]
    tagged, untagged = (f"arn:aws:iam::{ACME}:role/{name}" for name in ("tagged", "untagged"))
    assume(sts, untagged)
    assume(sts, tagged, Tags=tags)
    parameters = {"RoleSessionName": "acme", "Tags": tags}
    assert "sts:TagSession" in refusal(sts.assume_role, RoleArn=untagged, **parameters)[1]
    other = [{"Key": "tenant", "Value": "globex"}]
    assert (
        refusal(sts.assume_role, RoleArn=tagged, **{**parameters, "Tags": other})[0]
        == "AccessDenied"
    )


def test_the_sessions_of_a_deleted_role_have_no_rights_in_a_new_one(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = local_aws.control.account(ACME)
    iam, trust = connect("iam", keys), {"Principal": {"AWS": ACME}}
    allow_all = {"Action": "*", "Resource": "*"}
    role = make_role(iam, "app", trust, allow_all)
    old = connect("logs", assume(connect("sts", keys), role))
    old.describe_log_groups()
    iam.delete_role_policy(RoleName="app", PolicyName="inline")
    iam.delete_role(RoleName="app")
    make_role(iam, "app", trust, allow_all)
    assert refusal(old.describe_log_groups)[0] == "AccessDeniedException"


def test_a_trust_policy_that_cannot_be_evaluated_is_a_refusal(
    local_aws: LocalAws, connect: Connect, operations: Any
) -> None:
    sts = workload(local_aws, connect)
    parameters = {"RoleArn": TENANT_ROLE, "RoleSessionName": "acme", "ExternalId": EXTERNAL_ID}
    sts.assume_role(**parameters)
    unknown = {
        **TRUST,
        "Action": "sts:AssumeRole",
        "Condition": {"ArnLike": {"aws:PrincipalArn": "*"}},
    }
    operations.update_assume_role_policy(
        RoleName="bedrock-local-acme", PolicyDocument=json.dumps(document(unknown))
    )
    assert refusal(sts.assume_role, **parameters)[0] == "AccessDenied"
    assert local_aws.control.calls(allowed=False)[-1].refused_by == "evaluator"


def test_a_session_policy_narrows_the_session(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(ACME)
    role = make_role(
        connect("iam", keys),
        "app",
        {"Principal": {"AWS": ACME}},
        {"Action": "logs:*", "Resource": "*"},
    )
    only_reading = json.dumps(document({"Action": "logs:Describe*", "Resource": "*"}))
    narrowed = connect("logs", assume(connect("sts", keys), role, Policy=only_reading))
    narrowed.describe_log_groups()
    code, message = refusal(narrowed.create_log_group, logGroupName="g")
    assert code == "AccessDeniedException"
    assert "because no session policy allows" in message


def test_other_operations_that_issue_sessions_are_refused(
    local_aws: LocalAws, connect: Connect
) -> None:
    sts = connect("sts", local_aws.control.account(ACME))
    sts.get_caller_identity()
    assert refusal(sts.get_session_token)[0] == "AccessDenied"


def test_issues_temporary_keys(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(ACME)
    role = make_role(connect("iam", keys), "app", {"Principal": {"AWS": ACME}})
    issued = assume(connect("sts", keys), role, DurationSeconds=900)
    assert isinstance(issued, Credentials)
    assert issued.access_key_id.startswith("ASIA")
