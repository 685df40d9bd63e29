"""Compare the encoding with the evaluator on random policies and requests.

Each example is a policy with many requests. One question replaces the formula's variables by the
values of each request. If a solver finds a request on which the formula and the evaluator differ, the
test fails, and Hypothesis shrinks the example.
"""

import ipaddress
import math
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.tools.iam.documented import DOCUMENTED_RULES
from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.isolation import encode, predicate, solvers
from tools.isolation.predicate import Absent, AllOf, AnyOf, InNetwork, OneOf, StartsWith
from tools.isolation.smt import text
from tools.isolation.symbolic_request import (
    ACCOUNT,
    ACTION,
    IS_SERVICE,
    IS_SESSION,
    ISSUER,
    PARTITION,
    PATH,
    RESOURCE,
    SERVICE,
    SESSION_PATH,
    KeyType,
    SymbolicRequest,
    is_v6,
    key_type,
    presence,
    slot_presence,
    value,
)

REQUESTS = 25  # for each policy
POLICIES = 850  # 21,250 pairs
MAX_VALUES = 3  # values of a multivalued key, at most


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
ACTION_PATTERNS = [*ACTIONS, "s3:*", "s3:Get*", "s3:?etObject", "*:InvokeModel", "s3:*Object*"]
RESOURCES = [
    "arn:aws:s3:::b/k",
    "arn:aws:s3:::b/k/l",
    "arn:aws:s3:::b",
    "arn:aws:logs:eu-central-1:222222222222:log-group:x",
    "arn:aws:logs:eu-central-1:222222222222:log-group:x:log-stream:y",
    "arn:aws:logs:eu:2:x:y",
    "arn:aws:bedrock:::foundation-model/m",
    "arn:aws:bedrock:eu-west-1::foundation-model/m",
    "*",
    "b/k",
]
RESOURCE_PATTERNS = [
    *RESOURCES[:7],
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/*/l",
    "arn:aws:s3:::b/?",
    "arn:aws:logs:*:222222222222:log-group:x",
    "arn:aws:logs:e*:x:y",
    "arn:aws:logs:e*l-1:222222222222:log-group:x:*",
    "arn:aws:logs:e*",
    "arn:aws:logs:eu-centra?-?:222222222222:*",
    "arn:aws:bedrock:*::foundation-model/m",
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
        element.setdefault(name, {})[key] = draw(lists_of(values))
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
def policies(draw):
    kind = draw(st.sampled_from(list(Kind)))
    effects = ["Allow", *draw(st.lists(st.sampled_from(["Allow", "Deny"]), max_size=2))]
    names = ["Condition", "Action", "Resource", "Principal"]
    elements = draw(st.sampled_from([names, *([name] for name in names), ["Condition"]]))
    document = {
        "Version": "2012-10-17",
        "Statement": [draw(statements(kind, effect, elements)) for effect in effects],
    }
    return parse_policy(document, "policy", kind)


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


def values_in(request, variables):
    """The value of each variable of a symbolic request in a concrete request."""
    requester = request.requester
    _, partition, issuer, _, _, path = (requester.policy_arn or ":::::").split(":", 5)
    is_session = requester.arn != requester.policy_arn
    values = {
        ACTION: text(request.action.lower()),
        RESOURCE: text(request.resource),
        IS_SERVICE: boolean(requester.service is not None),
        SERVICE: text(requester.service or ""),
        PARTITION: text(partition),
        ISSUER: text(issuer),
        ACCOUNT: text(requester.account),
        PATH: text(path),
        IS_SESSION: boolean(is_session),
        SESSION_PATH: text(requester.arn.split(":", 5)[5] if is_session else ""),
    }
    for key, slots in variables.slots.items():
        content = request.context.get(key)
        values[presence(key)] = boolean(content is not None)
        if key_type(key) is KeyType.STRINGS:
            for slot in range(1, slots + 1):
                has_value = slot <= len(content or ())
                values[slot_presence(key, slot)] = boolean(has_value)
                values[value(key, slot)] = text(content[slot - 1] if has_value else "")
        elif key_type(key) is KeyType.ADDRESS:
            address = ipaddress.ip_address(content or "::")
            values[value(key)] = f"(_ bv{int(address)} 128)"
            values[is_v6(key)] = boolean(address.version == 6)
        else:
            values[value(key)] = text(content or "")
    return [values[name] for name in variables.variables()]


def boolean(condition):
    return "true" if condition else "false"


def differences(formula, request, verdicts):
    """Each solver's answer to: does the formula differ from any of the verdicts?

    ``formula`` takes the symbolic request; ``verdicts`` are pairs of a concrete request and a Boolean.
    """
    slots = {key: max(MAX_VALUES, count) for key, count in request.slots.items()}
    symbolic = SymbolicRequest(slots)
    variables = " ".join(f"({name} {sort})" for name, sort in symbolic.variables().items())
    equalities = (
        f"(= (decided {' '.join(values_in(concrete, symbolic))}) {boolean(verdict)})"
        for concrete, verdict in verdicts
    )
    question = (
        f"(define-fun decided ({variables}) Bool {formula(symbolic)})\n"
        f"(assert (not (and true {' '.join(equalities)})))"
    )
    return {solver: solvers.solve(solver, question).verdict.value for solver in solvers.SOLVERS}


def policy_differences(policy, verdicts):
    request = encode.symbolic_request([policy], AnyOf())
    return differences(lambda symbolic: encode.allows([policy], symbolic), request, verdicts)


NO_DIFFERENCE = {"cvc5": "unsat", "z3": "unsat"}


@fuzz(POLICIES)
@given(policies(), st.lists(requests(), min_size=REQUESTS, max_size=REQUESTS))
def test_the_encoding_agrees_with_the_evaluator(policy, examples):
    verdicts = [(request, evaluate([policy], request).allowed) for request in examples]
    event(f"allowed: {5 * round(sum(verdict for _, verdict in verdicts) / 5)} of {REQUESTS}")
    assert policy_differences(policy, verdicts) == NO_DIFFERENCE


@pytest.mark.parametrize("documented", DOCUMENTED_RULES, ids=lambda documented: documented.rule)
def test_the_encoding_decides_as_aws_documents(documented):
    policy = parse_policy(documented.document, "policy", documented.kind)
    verdicts = [(with_lower_case_keys(request), True) for request in documented.allowed]
    verdicts += [(with_lower_case_keys(request), False) for request in documented.refused]
    assert policy_differences(policy, verdicts) == NO_DIFFERENCE


def with_lower_case_keys(request):
    """The request with its condition keys in lower case, as in the variables' names."""
    context = {key.lower(): content for key, content in request.context.items()}
    return replace(request, context=context)


def test_a_single_difference_is_detected():
    policy = parse_policy(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        },
        "policy",
        Kind.IDENTITY,
    )
    verdicts = [(request_number(number), number != 7) for number in range(REQUESTS)]
    assert policy_differences(policy, verdicts) == {"cvc5": "sat", "z3": "sat"}


def one_of(field, texts):
    return st.builds(lambda name, values: OneOf(name, *values), field, texts)


def specifications():
    fields = ["sts:externalid", "aws:principalarn", "aws:requestedregion"]
    leaves = st.one_of(
        one_of(st.just("action"), lists_of(ACTIONS)),
        one_of(st.just("resource"), lists_of(RESOURCES)),
        one_of(st.just("caller.service"), lists_of(SERVICES)),
        one_of(st.sampled_from(fields), lists_of([*TEXTS, *ROLES])),
        st.builds(
            StartsWith, st.sampled_from(["resource", *fields]), st.sampled_from(["a", *ROLES])
        ),
        st.builds(StartsWith, st.just("action"), st.sampled_from(["s3:Get", "bedrock:"])),
        st.builds(InNetwork, st.just("aws:sourceip"), lists_of(NETWORKS).map(tuple)),
        st.builds(Absent, st.sampled_from(["aws:sourceip", *fields])),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: AllOf(*parts)),
            st.lists(inner, max_size=3).map(lambda parts: AnyOf(*parts)),
        ),
        max_leaves=6,
    )


@fuzz(150)
@given(specifications(), st.lists(requests(), min_size=REQUESTS, max_size=REQUESTS))
def test_the_formula_of_a_predicate_agrees_with_its_evaluation(specification, examples):
    verdicts = [(request, predicate.holds(specification, request)) for request in examples]
    request = encode.symbolic_request([], specification)
    assert (
        differences(lambda _: predicate.formula(specification), request, verdicts) == NO_DIFFERENCE
    )


@fuzz(200)
@given(policies(), requests(), st.lists(st.sampled_from(TEXTS), max_size=6))
def test_a_multivalued_key_needs_one_value_for_each_test(policy, request, keys):
    """The premise of ``slots``: that many of the values give the same outcome as all of them."""
    slots = encode.symbolic_request([policy], AnyOf()).slots.get("aws:tagkeys", 0)
    verdict = evaluate([policy], with_keys(request, keys)).allowed
    assert any(
        evaluate([policy], with_keys(request, subset)).allowed == verdict
        for subset in subsets(keys, slots)
    )


def with_keys(request, keys):
    context = {**request.context, "aws:tagkeys": tuple(keys)}
    return Request(request.action, request.resource, context, request.requester)


def subsets(keys, size):
    """All subsets of at most this size."""
    return [subset for length in range(size + 1) for subset in combinations(keys, length)]
