"""The evaluator against test vectors from AWS's documentation; each cites its page.

Pages are below https://docs.aws.amazon.com/IAM/latest/UserGuide/.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import document
from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.evaluator import Decision, PrincipalMatch, Request, Requester, evaluate
from tools.iam.policy import Kind, parse_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLE = "arn:aws:iam::222222222222:role/app"
SESSION = Requester("222222222222", "arn:aws:sts::222222222222:assumed-role/app/s", ROLE)
ANYTHING = {"Action": "*", "Resource": "*"}


def decide(
    policy: str | Mapping[str, Any],
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::b/k",
    kind: Kind = Kind.IDENTITY,
    **more: Any,
) -> Decision:
    request = Request(action, resource, more.get("context", {}), more.get("requester", SESSION))
    return evaluate([parse_policy(policy, "policy", kind)], request)


def holds(operator: str, key: str, policy_value: object, context: Mapping[str, Any]) -> bool:
    condition = {operator: {key: policy_value}}
    return decide(document({**ANYTHING, "Condition": condition}), context=context).allowed


@pytest.mark.parametrize(
    ("operator", "policy_value", "value", "expected"),
    [
        # reference_policies_elements_condition_operators.html#Conditions_String
        ("StringEquals", "Abc", "Abc", True),
        ("StringEquals", "Abc", "abc", False),
        ("StringEquals", "a*", "a*", True),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", ["x", "y"], "y", True),
        ("StringNotEquals", "Abc", "abc", True),
        ("StringNotEquals", ["x", "y"], "y", False),
        ("StringEqualsIgnoreCase", "Abc", "aBC", True),
        ("StringEqualsIgnoreCase", "Abc", "abd", False),
        ("StringNotEqualsIgnoreCase", "Abc", "aBC", False),
        ("StringNotEqualsIgnoreCase", "Abc", "abd", True),
        ("StringLike", "a*c?", "a--cd", True),
        ("StringLike", "a*c?", "a--c", False),
        ("StringLike", "A*", "ab", False),
        ("StringLike", "a.c", "abc", False),
        ("StringNotLike", "a*", "ab", False),
        ("StringNotLike", "a*", "ba", True),
        # #Conditions_Numeric
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "11", False),
        ("NumericNotEquals", "10", "11", True),
        ("NumericNotEquals", "10", "10", False),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericLessThanEquals", "10", "10.1", False),
        ("NumericGreaterThan", "9", "10", True),
        ("NumericGreaterThan", "10", "10", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("NumericGreaterThanEquals", "10", "9", False),
        ("NumericEquals", "10", "ten", False),
        # #Conditions_Date
        ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", True),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", True),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", False),
        ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", True),
        ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", False),
        # #Conditions_Boolean
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", "true", "false", False),
        # #Conditions_BinaryEquals
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QUFBQQ==", False),
        # #Conditions_IPAddress
        ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
        ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("IpAddress", "203.0.113.7", "203.0.113.7", True),
        ("NotIpAddress", "203.0.113.0/24", "203.0.114.7", True),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.7", False),
        # #Conditions_ARN: six components, each on its own; Equals and Like are the same
        ("ArnEquals", ROLE, ROLE, True),
        ("ArnEquals", "arn:aws:iam::222222222222:role/*", ROLE, True),
        ("ArnLike", "arn:aws:iam::*:role/app", ROLE, True),
        ("ArnLike", "arn:aws:*:*:*:role/app", ROLE, True),
        ("ArnLike", "arn:aws:i*:222222222222:role/app:x", ROLE, False),
        ("ArnLike", "arn:aws:iam::222222222222:role/ap", ROLE, False),
        ("ArnNotEquals", ROLE, ROLE, False),
        ("ArnNotLike", "arn:aws:iam::333333333333:*", ROLE, True),
        ("ArnLike", "arn:aws:iam::222222222222:role/app", "not an arn", False),
    ],
)
def test_compares_one_value(
    operator: str, policy_value: object, value: str, expected: bool
) -> None:
    assert holds(operator, "k:k", policy_value, {"k:k": value}) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        # reference_policies_elements_condition_operators.html: a missing key matches only negation
        ("StringEquals", False),
        ("StringLike", False),
        ("ArnEquals", False),
        ("NumericLessThan", False),
        ("DateLessThan", False),
        ("Bool", False),
        ("IpAddress", False),
        ("StringNotEquals", True),
        ("StringNotLike", True),
        ("NumericNotEquals", True),
        # #Conditions_IfExists
        ("StringEqualsIfExists", True),
        ("NumericLessThanIfExists", True),
        # reference_policies_condition-single-vs-multi-valued-context-keys.html
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
    ],
)
def test_treats_a_missing_key_as_documented(operator: str, expected: bool) -> None:
    values = {"ArnEquals": ROLE, "Bool": "true", "IpAddress": "10.0.0.0/8"}
    policy_value = values.get(operator, "2026")
    assert holds(operator, "k:k", policy_value, {}) is expected


@pytest.mark.parametrize(
    ("operator", "policy_value", "value", "expected"),
    [
        # reference_policies_condition-single-vs-multi-valued-context-keys.html
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
        ("ForAllValues:StringEquals", ["a"], (), True),
        ("ForAnyValue:StringEquals", ["a", "b"], ("a", "c"), True),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c",), False),
        ("ForAnyValue:StringEquals", ["a"], (), False),
        ("ForAllValues:StringNotLike", ["a*"], ("b", "c"), True),
        ("ForAllValues:StringNotLike", ["a*"], ("b", "ac"), False),
        ("ForAnyValue:StringNotLike", ["a*"], ("ab", "c"), True),
    ],
)
def test_compares_many_values(
    operator: str, policy_value: list[str], value: tuple[str, ...], expected: bool
) -> None:
    assert holds(operator, "k:k", policy_value, {"k:k": value}) is expected


@pytest.mark.parametrize(
    ("policy_value", "context", "expected"),
    [
        # reference_policies_elements_condition_operators.html#Conditions_Null
        ("true", {}, True),
        ("true", {"k:k": "v"}, False),
        ("false", {"k:k": "v"}, True),
        ("false", {}, False),
    ],
)
def test_null_asks_for_presence(policy_value: str, context: dict[str, str], expected: bool) -> None:
    assert holds("Null", "k:k", policy_value, context) is expected


def test_condition_keys_are_case_insensitive() -> None:
    # reference_policies_elements_condition.html: key names are not case-sensitive
    assert holds("StringEquals", "AWS:PrincipalTag/Team", "red", {"aws:principaltag/team": "red"})


def test_all_conditions_of_a_statement_must_hold() -> None:
    # reference_policies_condition-logic-multiple-context-keys-or-values.html
    both = {"StringEquals": {"a:a": "1", "a:b": "2"}, "Bool": {"a:c": "true"}}
    policy = document({**ANYTHING, "Condition": both})
    assert decide(policy, context={"a:a": "1", "a:b": "2", "a:c": "true"}).allowed
    assert not decide(policy, context={"a:a": "1", "a:b": "2", "a:c": "false"}).allowed


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        # reference_policies_elements_resource.html#reference_policies_elements_resource_wildcards
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k/l", True),
        ("arn:aws:s3:::b/*/l", "arn:aws:s3:::b/k/j/l", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/kk", False),
        ("arn:aws:s3:::B/k", "arn:aws:s3:::b/k", False),
        ("arn:aws:logs:*:222222222222:log-group:x", "arn:aws:logs:eu:222222222222:log-group:x", True),
        ("arn:aws:logs:eu:222222222222:log-group:x:*", "arn:aws:logs:eu:222222222222:log-group:x:log-stream:y", True),
        ("arn:aws:logs:eu:222222222222:log-group:x", "arn:aws:logs:eu:222222222222:log-group:x:log-stream:y", False),
        # a * matches within its segment, but at the end of a segment also across the colon
        ("arn:aws:logs:e*u:2:x", "arn:aws:logs:e:2:u:2:x", False),
        ("arn:aws:logs:e*", "arn:aws:logs:eu:222222222222:log-group:x", True),
        ("arn:aws:bedrock:eu-?entral-1::foundation-model/m", "arn:aws:bedrock:eu-central-1::foundation-model/m", True),
        ("arn:aws:bedrock:eu-central-1::foundation-model/m", "arn:aws:bedrock:eu-west-1::foundation-model/m", False),
    ],
)  # fmt: skip
def test_matches_resources_segment_by_segment(pattern: str, resource: str, expected: bool) -> None:
    policy = document({"Action": "*", "Resource": pattern})
    assert decide(policy, resource=resource).allowed is expected


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        # reference_policies_elements_action.html: no case, * and ?
        ("s3:GetObject", "s3:getobject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:?etObject", "s3:GetObject", True),
        ("s3:*", "s3-object-lambda:GetObject", False),
        ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", False),
    ],
)
def test_matches_actions_without_case(pattern: str, action: str, expected: bool) -> None:
    policy = document({"Action": pattern, "Resource": "*"})
    assert decide(policy, action=action).allowed is expected


def test_not_action_and_not_resource_mean_everything_else() -> None:
    # reference_policies_elements_notaction.html, reference_policies_elements_notresource.html
    policy = document({"NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret/*"})
    assert decide(policy).allowed
    assert not decide(policy, action="iam:GetRole").allowed
    assert not decide(policy, resource="arn:aws:s3:::secret/k").allowed


def test_a_deny_overrides_any_allow() -> None:
    # reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html
    deny = {"Sid": "No", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    decision = decide(document(ANYTHING, deny))
    assert decision.effect == "Deny"
    assert decision.reason == "policy: statement No denies s3:GetObject"
    assert decide(document(ANYTHING, deny), action="s3:PutObject").allowed


def test_nothing_is_allowed_by_default() -> None:
    # reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html
    decision = decide(document({"Sid": "Put", "Action": "s3:PutObject", "Resource": "*"}))
    assert decision.effect is None
    assert decision.reason == (
        "policy: statement Put does not match: s3:GetObject is not among its actions"
    )


@pytest.mark.parametrize(
    ("principal", "requester", "match"),
    [
        # reference_policies_elements_principal.html
        ({"AWS": "222222222222"}, SESSION, PrincipalMatch.ACCOUNT),
        ({"AWS": "arn:aws:iam::222222222222:root"}, SESSION, PrincipalMatch.ACCOUNT),
        ({"AWS": "arn:aws:iam::333333333333:root"}, SESSION, PrincipalMatch.NONE),
        ({"AWS": ROLE}, SESSION, PrincipalMatch.ROLE),
        ({"AWS": ROLE + "-2"}, SESSION, PrincipalMatch.NONE),
        ({"AWS": "arn:aws:iam::222222222222:role/ap"}, SESSION, PrincipalMatch.NONE),
        ({"AWS": "arn:aws:sts::222222222222:assumed-role/app/s"}, SESSION, PrincipalMatch.EXACT),
        ({"AWS": "arn:aws:sts::222222222222:assumed-role/app/t"}, SESSION, PrincipalMatch.NONE),
        ("*", SESSION, PrincipalMatch.ROLE),
        ({"AWS": "*"}, SESSION, PrincipalMatch.ROLE),
        ({"Service": "lambda.amazonaws.com"}, SESSION, PrincipalMatch.NONE),
        ({"Service": "lambda.amazonaws.com"}, Requester(service="lambda.amazonaws.com"), PrincipalMatch.EXACT),
        ({"Service": "ec2.amazonaws.com"}, Requester(service="lambda.amazonaws.com"), PrincipalMatch.NONE),
        ({"AWS": "222222222222"}, Requester(service="lambda.amazonaws.com"), PrincipalMatch.NONE),
    ],
)  # fmt: skip
def test_matches_principals_in_all_their_forms(
    principal: object, requester: Requester, match: PrincipalMatch
) -> None:
    policy = document({"Principal": principal, "Action": "sts:AssumeRole"})
    decision = decide(policy, "sts:AssumeRole", "role", Kind.TRUST, requester=requester)
    assert decision.principal_match is match


def test_a_denying_not_principal_exempts_only_a_requester_listed_in_full() -> None:
    # reference_policies_elements_notprincipal.html
    everyone = {"Principal": "*", **ANYTHING}
    in_full = [ROLE, SESSION.arn, "arn:aws:iam::222222222222:root"]
    deny = {"Effect": "Deny", **ANYTHING}
    exempt = document(everyone, {**deny, "NotPrincipal": {"AWS": in_full}})
    not_exempt = document(everyone, {**deny, "NotPrincipal": {"AWS": ROLE}})
    assert decide(exempt, kind=Kind.RESOURCE).allowed
    assert decide(not_exempt, kind=Kind.RESOURCE).effect == "Deny"


@pytest.mark.parametrize(
    ("resource", "context", "expected"),
    [
        # reference_policies_variables.html
        ("arn:aws:s3:::b/${aws:username}/*", {"aws:username": "ann"}, True),
        ("arn:aws:s3:::b/${aws:username}/*", {"aws:username": "bob"}, False),
        ("arn:aws:s3:::b/${aws:username}/*", {"aws:username": "*"}, False),
        ("arn:aws:s3:::b/${aws:username}/*", {}, False),
        ("arn:aws:s3:::b/${aws:PrincipalTag/team, 'ann'}/*", {}, True),
        ("arn:aws:s3:::b/${aws:PrincipalTag/team, 'ann'}/*", {"aws:PrincipalTag/team": "x"}, False),
        ("arn:aws:s3:::b/${*}/*", {}, False),
    ],
)
def test_fills_in_policy_variables(resource: str, context: dict[str, str], expected: bool) -> None:
    policy = document({"Action": "*", "Resource": resource})
    assert decide(policy, resource="arn:aws:s3:::b/ann/k", context=context).allowed is expected


def test_escaped_characters_in_conditions_are_literal() -> None:
    # reference_policies_variables.html#policy-vars-specialchars
    like = {"StringLike": {"s3:prefix": "${*}${aws:username}*"}}
    policy = document({**ANYTHING, "Condition": like})
    context = {"aws:username": "ann", "s3:prefix": "*ann/x"}
    assert decide(policy, context=context).allowed
    assert not decide(policy, context={**context, "s3:prefix": "xann/x"}).allowed


def test_the_policy_version_of_2008_has_no_variables() -> None:
    # reference_policies_elements_version.html
    old = {**document({"Action": "*", "Resource": "arn:aws:s3:::b/${aws:username}"})}
    old["Version"] = "2008-10-17"
    context = {"aws:username": "ann"}
    assert not decide(old, resource="arn:aws:s3:::b/ann", context=context).allowed
    assert decide(old, resource="arn:aws:s3:::b/${aws:username}", context=context).allowed


def statement(**changes: object) -> dict[str, Any]:
    return document({**ANYTHING, **changes})


@pytest.mark.parametrize(
    "policy",
    [
        {**statement(), "Version": "2020-01-01"},
        {**statement(), "Statements": []},
        {"Version": "2012-10-17"},
        statement(Effect="allow"),
        statement(Actions="s3:*"),
        statement(Principal="*"),
        statement(NotAction="s3:*"),
        statement(Action="GetObject"),
        statement(Action=[]),
        statement(Resource="bucket"),
        statement(Resource="arn:aws:*:::b"),
        statement(Condition={"StringEqual": {"a:a": "b"}}),
        statement(Condition={"StringEqualsIfExist": {"a:a": "b"}}),
        statement(Condition={"ForSomeValues:StringEquals": {"a:a": "b"}}),
        statement(Condition={"NullIfExists": {"a:a": "true"}}),
        statement(Condition={"Null": {"a:a": "yes"}}),
        statement(Condition={"Bool": {"a:a": "yes"}}),
        statement(Condition={"NumericEquals": {"a:a": "ten"}}),
        statement(Condition={"DateEquals": {"a:a": "99999999999999"}}),
        statement(Condition={"BinaryEquals": {"a:a": "é"}}),
        statement(Condition={"DateEquals": {"a:a": "yesterday"}}),
        statement(Condition={"IpAddress": {"a:a": "10.0.0.0/33"}}),
        statement(Condition={"BinaryEquals": {"a:a": "%"}}),
        statement(Condition={"ArnEquals": {"a:a": "*"}}),
        statement(Condition={"ArnLike": {"a:a": "arn:aws:iam:*:role/app"}}),
        statement(Condition={"NumericEquals": {"a:a": "${aws:x}"}}),
        statement(Condition={"StringEquals": {"a:a": []}}),
        statement(Condition={"StringEquals": {"a:a": None}}),
        statement(Condition={"StringEquals": "a"}),
        statement(Condition={"StringEquals": {}}),
        statement(Condition={"Unknown": {}}),
        statement(Sid={"a": "b"}),
        {**statement(), "Id": ["a"]},
    ],
)
def test_refuses_unsupported_elements(policy: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedPolicyError):
        decide(policy)


def test_refuses_a_statement_with_a_repeated_element() -> None:
    text = json.dumps(statement()).replace('"Action"', '"Action": "s3:*", "Action"')
    with pytest.raises(UnsupportedPolicyError, match="twice"):
        decide(text)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::222222222222:role/*"},
        {"AWS": "arn:aws:s3:::b"},
        {"AWS": "bob"},
        {"Aws": "*"},
        {"AWS": ROLE, "Federated": "accounts.google.com"},
        {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
        "bob",
        {},
    ],
)
def test_refuses_invalid_principals(principal: object) -> None:
    policy = document({"Principal": principal, "Action": "sts:AssumeRole"})
    with pytest.raises(UnsupportedPolicyError):
        decide(policy, kind=Kind.TRUST)


def test_refuses_to_guess_about_many_values_without_a_quantifier() -> None:
    with pytest.raises(UnsupportedPolicyError, match="ForAllValues"):
        holds("StringEquals", "aws:TagKeys", "a", {"aws:TagKeys": ("a", "b")})


def test_a_reason_never_contains_an_external_id() -> None:
    condition = {"StringEquals": {"sts:ExternalId": "the-policys-secret"}}
    policy = document({"Principal": "*", "Action": "sts:AssumeRole", "Condition": condition})
    context = {"sts:ExternalId": "the-callers-secret"}
    decision = decide(policy, "sts:AssumeRole", "role", Kind.TRUST, context=context)
    assert "sts:ExternalId does not have the value that the policy requires" in decision.reason
    assert "secret" not in repr(decision.misses)
