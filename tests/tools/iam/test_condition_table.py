"""The evaluator against every cell of the table of conditions."""

import pytest

from tests.tools.iam.condition_table import cells
from tests.tools.localaws.aws import document
from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.evaluator import Request, evaluate
from tools.iam.policy import Kind, parse_policy


def decide(condition, context):
    statement = {"Action": "*", "Resource": "*", "Condition": condition}
    policy = parse_policy(document(statement), "policy", Kind.IDENTITY)
    try:
        return evaluate([policy], Request("s3:GetObject", "arn:aws:s3:::b/k", context)).allowed
    except UnsupportedPolicyError:
        return None


def verdict(cell):
    context = {} if cell.values is None else {"k:k": cell.values}
    return decide({cell.operator: {"k:k": cell.policy_value}}, context)


def test_every_condition_is_decided_as_its_page_says_or_refused():
    table = list(cells())
    assert len(table) > 1000
    assert [(cell, verdict(cell)) for cell in table if verdict(cell) is not cell.holds] == []


# "True: the key doesn't exist; false: the key exists and its value is not null":
# reference_policies_elements_condition_operators.html#Conditions_Null


@pytest.mark.parametrize(
    ("policy_value", "values", "expected"),
    [
        ("true", None, True),
        ("false", None, False),
        ("true", ("a",), False),
        ("false", ("a",), True),
        ("false", ("a", "b"), True),
        # A key with empty values is null, because Null must tell it from a present one for ForAllValues.
        ("true", (), True),
        ("false", (), False),
        ("false", ("",), False),
        ("true", ("",), True),
        ("false", ("", "a"), True),
    ],
)
def test_null_asks_for_a_value(policy_value, values, expected):
    context = {} if values is None else {"k:k": values}
    assert decide({"Null": {"k:k": policy_value}}, context) is expected


TEAM = {"StringEquals": {"k:k": ["${aws:PrincipalTag/team}", "b"]}}
NOT_TEAM = {"StringNotEquals": {"k:k": ["${aws:PrincipalTag/team}", "b"]}}


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        # "There is no equal or like value" on reference_policies_variables.html#policy-vars-no-value
        (TEAM, {"k:k": "a", "aws:PrincipalTag/team": "a"}, True),
        (TEAM, {"k:k": "a"}, False),
        (TEAM, {"aws:PrincipalTag/team": "a"}, False),
        (NOT_TEAM, {"k:k": "a"}, True),
        (NOT_TEAM, {"k:k": "a", "aws:PrincipalTag/team": "a"}, False),
        # No page says whether the rest of the list still counts, nor what IfExists adds.
        (TEAM, {"k:k": "b"}, None),
        (NOT_TEAM, {"k:k": "b"}, None),
        ({"StringEqualsIfExists": TEAM["StringEquals"]}, {"k:k": "a"}, None),
        ({"StringEqualsIfExists": TEAM["StringEquals"]}, {}, True),
        # "You can't use a multivalued condition key as a variable."
        (TEAM, {"k:k": "a", "aws:PrincipalTag/team": ("a", "b")}, None),
        # A caller's value must not become a wildcard.
        ({"StringLike": TEAM["StringEquals"]}, {"k:k": "a", "aws:PrincipalTag/team": "\ue000"}, None),
        ({"StringLike": TEAM["StringEquals"]}, {"k:k": "a", "aws:PrincipalTag/team": "*"}, False),
    ],
)  # fmt: skip
def test_a_variable_without_a_value_matches_nothing(condition, context, expected):
    assert decide(condition, context) is expected


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericNotEquals", "ten"),
        ("DateNotEquals", "yesterday"),
        ("NotIpAddress", "here"),
    ],
)
def test_a_negated_operator_does_not_compare_a_value_of_another_type(operator, value):
    policy_values = {
        "NumericNotEquals": "10",
        "DateNotEquals": "2026-01-01",
        "NotIpAddress": "::1/128",
    }
    assert decide({operator: {"k:k": policy_values[operator]}}, {"k:k": value}) is None


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericEquals", "1_000"),
        ("NumericEquals", " 10"),
        ("NumericEquals", "1e3"),
        ("NumericEquals", "\u0661"),  # a digit, but not an ASCII one
        ("DateEquals", "2026-W01-1"),
        ("DateEquals", "2026-01-01T00:00:00"),  # no time zone
        ("IpAddress", "2001:db8::1"),  # the default prefix of 32 would be a large network
        ("IpAddress", "203.0.113.0/255.255.255.0"),
        ("ForAllValues:StringEquals", "${aws:username}"),
        ("ForAnyValue:StringNotEquals", "${aws:username}"),
    ],
)
def test_refuses_a_value_that_no_page_describes(operator, value):
    with pytest.raises(UnsupportedPolicyError):
        decide_strictly({operator: {"k:k": value}})


def test_refuses_one_condition_key_in_two_spellings():
    with pytest.raises(UnsupportedPolicyError, match="has a condition key twice"):
        decide_strictly({"StringEquals": {"aws:RequestedRegion": "a", "AWS:requestedregion": "b"}})


def decide_strictly(condition):
    statement = {"Action": "*", "Resource": "*", "Condition": condition}
    parse_policy(document(statement), "policy", Kind.IDENTITY)


RESOURCE = "arn:aws:s3:::b/${aws:username}"


@pytest.mark.parametrize(
    ("effect", "element", "entries", "allowed"),
    [
        # "The resource that includes a policy variable with no value will not match any resource" on
        # reference_policies_variables.html#policy-vars-no-value
        ("Allow", "Resource", [RESOURCE, "arn:aws:s3:::b/k"], True),
        ("Allow", "Resource", [RESOURCE], False),
        ("Allow", "NotResource", [RESOURCE], True),
        ("Allow", "NotResource", [RESOURCE, "arn:aws:s3:::b/k"], False),
        ("Deny", "Resource", [RESOURCE, "arn:aws:s3:::b/k"], False),
        ("Deny", "Resource", [RESOURCE], True),
        ("Deny", "NotResource", [RESOURCE], False),
    ],
)
def test_a_resource_with_an_unset_variable_drops_that_arn_only(effect, element, entries, allowed):
    statements = [{"Effect": effect, "Action": "*", element: entries}]
    if effect == "Deny":
        statements.append({"Action": "*", "Resource": "*"})
    policy = parse_policy(document(*statements), "policy", Kind.IDENTITY)
    request = Request("s3:GetObject", "arn:aws:s3:::b/k")
    assert evaluate([policy], request).allowed is allowed


@pytest.mark.parametrize("resource", ["arn:aws:${aws:x}:::b", "arn:aws:s3::${aws:x}:b/k"])
def test_refuses_a_variable_before_the_fifth_colon(resource):
    with pytest.raises(UnsupportedPolicyError, match="before the fifth colon"):
        parse_policy(document({"Action": "*", "Resource": resource}), "policy", Kind.IDENTITY)
