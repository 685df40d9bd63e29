"""Random policies and requests, for tests that compare two readings of the policy language."""

import math

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tools.iam.evaluator import Request, Requester
from tools.iam.policy import Kind, parse_policy


def fuzz(examples):
    """Settings with which every run has the same examples."""
    return settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


# There are few texts, so that many policies match or nearly match a request.
ACCOUNTS = ["111111111111", "222222222222"]
PATHS = ["role/app", "role/app-2", "role/team/app", "user/ann", "root"]
PARTITIONS = ["aws", "aws-cn"]
ROLES = [f"arn:{p}:iam::{a}:{path}" for p in PARTITIONS for a in ACCOUNTS for path in PATHS]
ROLES.append("arn:aws:sts::111111111111:federated-user/ann")
SESSIONS = [f"arn:aws:sts::{a}:assumed-role/app/s" for a in ACCOUNTS]
SERVICES = ["lambda.amazonaws.com", "logs.eu-central-1.amazonaws.com"]
ACTIONS = [
    "s3:GetObject",
    "s3:GetObjectAcl",
    "S3:getobject",
    "bedrock:InvokeModel",
    "sts:AssumeRole",
]
ACTION_PATTERNS = [*ACTIONS, "s3:*", "s3:Get*", "s3:?etObject", "bedrock:*", "s3:*Object*"]
RESOURCES = [
    "arn:aws:s3:::b/k",
    "arn:aws:s3:::b/k/l",
    "arn:aws:s3:::b",
    "arn:aws:logs:eu-central-1:222222222222:log-group:x",
    "arn:aws:logs:eu-central-1:222222222222:log-group:x:log-stream:y",
    "arn:aws:logs:eu:2:x:y",
    "arn:aws:bedrock:::foundation-model/m",
    "arn:aws:bedrock:eu-west-1::foundation-model/m",
    "arn:aws:bedrock:eu-west-1:111111111111:project/default",
    "*",
    "b/k",
]
RESOURCE_PATTERNS = [
    *RESOURCES[:8],
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/*/l",
    "arn:aws:s3:::b/?",
    "arn:aws:logs:*:222222222222:log-group:x",
    "arn:aws:logs:e*:x:y",
    "arn:aws:logs:e*l-1:222222222222:log-group:x:*",
    "arn:aws:logs:e*",
    "arn:aws:logs:eu-centra?-?:222222222222:*",
    "arn:aws:bedrock:*::foundation-model/m",
    "arn:aws:bedrock:*:111111111111:project/*",
    "arn:*:bedrock:??-west-1:*:foundation-model/?",
]
ARNS = ["arn:aws:s3:::b/k", "arn:aws:s3:a:b:c:d", *ROLES[:2]]
TEXTS = ["a", "A", "ab", "a*", "a:b", "", 'x"y', "true", "false", *ARNS]
TEXT_PATTERNS = [*TEXTS, "*", "a*", "?", "*b", "a?", "arn:aws:iam::*:role/app", "a*b*"]
ARN_PATTERNS = [
    *ROLES[:6],
    "arn:aws:iam::*:role/app",
    "arn:aws:*::111111111111:*",
    "arn:aws:iam::222222222222:role/*",
    "arn:*:i?m::222222222222:*",
    "a*:aws:s3:::b/k",
    "arn:aws:s3:*:*:b/?",
    "arn:aws:s*:b:c:d",
    "arn:aws:s3?a:b:c:d",
    "x:aws:s3:::b/k",
    "*:*:*:*:*:*",
]
ADDRESSES = ["203.0.113.7", "203.0.114.7", "10.0.0.1", "2001:db8::1", "2001:db9::1", "::cb00:7107"]
NETWORKS = ["203.0.113.0/24", "203.0.113.7", "10.0.0.0/7", "0.0.0.0/0", "2001:db8::/32", "::/0"]
KEYS = ["sts:ExternalId", "aws:RequestedRegion", "aws:ResourceTag/Team", "AWS:PRINCIPALARN"]
CALLER_KEYS = ["aws:PrincipalArn", "aws:PrincipalAccount"]

TEXT_OPERATORS = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotEquals"]
TEXT_OPERATORS += ["StringNotEqualsIgnoreCase", "StringNotLike"]
ARN_OPERATORS = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"]


def lists_of(values, most=3):
    return st.lists(st.sampled_from(values), min_size=1, max_size=most)


@st.composite
def conditions(draw):
    """A Condition element of one or two tests."""
    element = {}
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["text", "arn", "truth", "address", "many", "null"]))
        quantifier = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
        operator, values = {
            "text": (st.sampled_from(TEXT_OPERATORS), TEXT_PATTERNS),
            "arn": (st.sampled_from(ARN_OPERATORS), ARN_PATTERNS),
            "truth": (st.just("Bool"), ["true", "False"]),
            "address": (st.sampled_from(["IpAddress", "NotIpAddress"]), NETWORKS),
            "many": (st.sampled_from(TEXT_OPERATORS), TEXT_PATTERNS),
            "null": (st.just("Null"), ["true", "false"]),
        }[kind]
        key = draw(
            st.sampled_from(
                {
                    "address": ["aws:SourceIp"],
                    "many": ["aws:TagKeys"],
                    "null": [*KEYS, *CALLER_KEYS, "aws:SourceIp", "aws:TagKeys"],
                }.get(kind, [*KEYS, *CALLER_KEYS])
            )
        )
        name = draw(operator)
        if kind == "many":
            quantifier = quantifier or "ForAnyValue:"
        if kind != "null":
            name = f"{quantifier}{name}{draw(st.sampled_from(['', '', 'IfExists']))}"
        tests = element.setdefault(name, {})
        if key.lower() not in map(str.lower, tests):  # the parser refuses two spellings of one key
            tests[key] = draw(lists_of(values))
    return element


@st.composite
def statements(draw, kind, effect, elements):
    """A statement in which these elements are arbitrary, and all others match everything."""

    def element(name, broadest, strategy):
        if name not in elements:
            return {name: broadest}
        return {draw(st.sampled_from([name, name, f"Not{name}"])): draw(strategy)}

    statement = {"Effect": effect, **element("Action", "*", lists_of(ACTION_PATTERNS))}
    if kind is not Kind.TRUST:
        statement |= element("Resource", "*", lists_of(RESOURCE_PATTERNS))
    if kind is not Kind.IDENTITY:
        statement |= element("Principal", "*", principals())
    if "Condition" in elements:
        statement["Condition"] = draw(conditions())
    return statement


def principals():
    names = [*ACCOUNTS, *(role for role in ROLES if "team" not in role), *SESSIONS]
    return st.one_of(
        st.just("*"),
        st.just({"AWS": "*"}),
        st.fixed_dictionaries(
            {"AWS": lists_of(names, 4)}, optional={"Service": lists_of(SERVICES)}
        ),
        st.fixed_dictionaries({"Service": lists_of(SERVICES)}),
    )


@st.composite
def documents(draw, kinds=tuple(Kind)):
    """A policy document and its kind."""
    kind = draw(st.sampled_from(kinds))
    effects = ["Allow", *draw(st.lists(st.sampled_from(["Allow", "Deny"]), max_size=2))]
    names = ["Condition", "Action", "Resource", "Principal"]
    elements = draw(st.sampled_from([names, *([name] for name in names), ["Condition"]]))
    document = {
        "Version": "2012-10-17",
        "Statement": [draw(statements(kind, effect, elements)) for effect in effects],
    }
    return document, kind


def policies():
    return documents().map(lambda drawn: parse_policy(drawn[0], "policy", drawn[1]))


# The values of each part of a request, of which Hypothesis prefers the first.
CHOICES = [
    ("action", ACTIONS),
    ("resource", RESOURCES),
    ("caller", [*ROLES, *SERVICES]),
    *((key.lower(), [None, *TEXTS]) for key in KEYS[:3]),
    ("aws:sourceip", [None, *ADDRESSES]),
    ("aws:tagkeys", [None, (), ("a",), ("A", "ab"), ("a", "b", "a*"), ("",), ("true", "a:b")]),
]


def requests():
    """Draw one number for each request, which is fast and shrinks to a simple request."""
    count = math.prod(len(values) for _, values in CHOICES)
    return st.integers(0, count - 1).map(request_number)


def request_number(number):
    parts = {}
    for name, values in CHOICES:
        number, index = divmod(number, len(values))
        parts[name] = values[index]
    action, resource, caller = (parts.pop(name) for name in ("action", "resource", "caller"))
    context = {key: content for key, content in parts.items() if content is not None}
    if not caller.startswith("arn:"):
        return Request(action, resource, context, Requester(service=caller))
    _, partition, _, _, account, path = caller.split(":", 5)
    session = f"arn:{partition}:sts::{account}:assumed-role/app/s"
    arn = session if path.startswith("role/") else caller
    context |= {"aws:principalarn": caller, "aws:principalaccount": account}
    return Request(action, resource, context, Requester(account, arn, caller))
