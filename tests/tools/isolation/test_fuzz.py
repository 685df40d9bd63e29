"""The encoding against the evaluator of the local cloud: random policies, random requests, one verdict.

Each example is a policy with many requests. The formula is asked about every one of them at once, its
variables replaced by the request's values; a solver that finds a request on which formula and
evaluator differ fails the test, and Hypothesis shrinks what it shows.
"""

import ipaddress
import math
from dataclasses import replace

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
MANY = 3  # values at most of a key that has many


def fuzz(examples):
    """The same examples in every run."""
    return settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


# Few texts, so that policies and requests often meet, and often nearly.
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
OWN_KEYS = ["aws:PrincipalArn", "aws:PrincipalAccount"]

OF_TEXTS = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotEquals"]
OF_TEXTS += ["StringNotEqualsIgnoreCase", "StringNotLike"]
OF_ARNS = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"]


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
            "text": (st.sampled_from(OF_TEXTS), TEXT_PATTERNS),
            "arn": (st.sampled_from(OF_ARNS), ARN_PATTERNS),
            "truth": (st.just("Bool"), ["true", "False"]),
            "address": (st.sampled_from(["IpAddress", "NotIpAddress"]), NETWORKS),
            "many": (st.sampled_from(OF_TEXTS), TEXT_PATTERNS),
            "null": (st.just("Null"), ["true", "false"]),
        }[kind]
        key = draw(
            st.sampled_from(
                {
                    "address": ["aws:SourceIp"],
                    "many": ["aws:TagKeys"],
                    "null": [*KEYS, *OWN_KEYS, "aws:SourceIp", "aws:TagKeys"],
                }.get(kind, [*KEYS, *OWN_KEYS])
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
def statements(draw, kind, effect, varied):
    """A statement of which only the elements that are ``varied`` are not the broadest there are."""

    def element(name, broadest, strategy):
        if name not in varied:
            return {name: broadest}
        return {draw(st.sampled_from([name, name, f"Not{name}"])): draw(strategy)}

    made = {"Effect": effect, **element("Action", "*", lists_of(ACTION_PATTERNS))}
    if kind is not Kind.TRUST:
        made |= element("Resource", "*", lists_of(RESOURCE_PATTERNS))
    if kind is not Kind.IDENTITY:
        made |= element("Principal", "*", principals())
    if "Condition" in varied:
        made["Condition"] = draw(conditions())
    return made


def principals():
    named = [*ACCOUNTS, *(role for role in ROLES if "team" not in role), *SESSIONS]
    return st.one_of(
        st.just("*"),
        st.just({"AWS": "*"}),
        st.fixed_dictionaries(
            {"AWS": lists_of(named, 4)}, optional={"Service": lists_of(SERVICES)}
        ),
        st.fixed_dictionaries({"Service": lists_of(SERVICES)}),
    )


@st.composite
def policies(draw):
    kind = draw(st.sampled_from(list(Kind)))
    effects = ["Allow", *draw(st.lists(st.sampled_from(["Allow", "Deny"]), max_size=2))]
    elements = ["Condition", "Action", "Resource", "Principal"]
    varied = draw(st.sampled_from([elements, *([name] for name in elements), ["Condition"]]))
    said = [draw(statements(kind, effect, varied)) for effect in effects]
    return parse_policy({"Version": "2012-10-17", "Statement": said}, "policy", kind)


# What a request can be: each choice, the plainest first.
CHOICES = [
    ("action", ACTIONS),
    ("resource", RESOURCES),
    ("caller", [*ROLES, *SERVICES]),
    *((key.lower(), [None, *TEXTS]) for key in KEYS[:3]),
    ("aws:sourceip", [None, *ADDRESSES]),
    ("aws:tagkeys", [None, (), ("a",), ("A", "ab"), ("a", "b", "a*"), ("",), ("true", "a:b")]),
]


def requests():
    """One number for a whole request: quick to draw, and it shrinks to what is plain."""
    every = math.prod(len(values) for _, values in CHOICES)
    return st.integers(0, every - 1).map(numbered)


def numbered(number):
    chosen = {}
    for name, values in CHOICES:
        number, index = divmod(number, len(values))
        chosen[name] = values[index]
    action, resource, caller = (chosen.pop(name) for name in ("action", "resource", "caller"))
    context = {key: given for key, given in chosen.items() if given is not None}
    if not caller.startswith("arn:"):
        return Request(action, resource, context, Requester(service=caller))
    _, partition, _, _, account, path = caller.split(":", 5)
    session = f"arn:{partition}:sts::{account}:assumed-role/app/s"
    own = session if path.startswith("role/") else caller
    context |= {"aws:principalarn": caller, "aws:principalaccount": account}
    return Request(action, resource, context, Requester(account, own, caller))


def pinned(world, request):
    """What each of the world's variables is in this request."""
    who = request.requester
    _, partition, issuer, _, _, path = (who.policy_arn or ":::::").split(":", 5)
    session = who.arn != who.policy_arn
    values = {
        ACTION: text(request.action.lower()),
        RESOURCE: text(request.resource),
        IS_SERVICE: truth(who.service is not None),
        SERVICE: text(who.service or ""),
        PARTITION: text(partition),
        ISSUER: text(issuer),
        ACCOUNT: text(who.account),
        PATH: text(path),
        IS_SESSION: truth(session),
        SESSION_PATH: text(who.arn.split(":", 5)[5] if session else ""),
    }
    for key, slots in world.slots.items():
        given = request.context.get(key)
        values[presence(key)] = truth(given is not None)
        if key_type(key) is KeyType.STRINGS:
            for slot in range(1, slots + 1):
                has = slot <= len(given or ())
                values[slot_presence(key, slot)] = truth(has)
                values[value(key, slot)] = text(given[slot - 1] if has else "")
        elif key_type(key) is KeyType.ADDRESS:
            address = ipaddress.ip_address(given or "::")
            values[value(key)] = f"(_ bv{int(address)} 128)"
            values[is_v6(key)] = truth(address.version == 6)
        else:
            values[value(key)] = text(given or "")
    return [values[name] for name in world.variables()]


def truth(said):
    return "true" if said else "false"


def agree(formula, world, verdicts):
    """Whether both solvers see the formula true of exactly the requests that have the verdict True."""
    roomy = SymbolicRequest({key: max(MANY, slots) for key, slots in world.slots.items()})
    variables = " ".join(f"({name} {sort})" for name, sort in roomy.variables().items())
    same = (
        f"(= (decided {' '.join(pinned(roomy, request))}) {truth(verdict)})"
        for request, verdict in verdicts
    )
    question = (
        f"(define-fun decided ({variables}) Bool {formula(roomy)})\n"
        f"(assert (not (and true {' '.join(same)})))"
    )
    return {solver: solvers.solve(solver, question).verdict.value for solver in solvers.SOLVERS}


BOTH = {"cvc5": "unsat", "z3": "unsat"}  # no request on which they differ


@fuzz(POLICIES)
@given(policies(), st.lists(requests(), min_size=REQUESTS, max_size=REQUESTS))
def test_the_encoding_and_the_evaluator_agree_on_every_policy_and_request(policy, asked):
    verdicts = [(request, evaluate([policy], request).allowed) for request in asked]
    event(f"allowed: {5 * round(sum(verdict for _, verdict in verdicts) / 5)} of {REQUESTS}")
    world = encode.symbolic_request([policy], predicate.NO_REQUEST)
    assert agree(lambda roomy: encode.allows([policy], roomy), world, verdicts) == BOTH


@pytest.mark.parametrize("documented", DOCUMENTED_RULES, ids=lambda one: one.rule)
def test_the_encoding_decides_as_aws_documents(documented):
    policy = parse_policy(documented.document, "policy", documented.kind)
    verdicts = [(lowered(request), True) for request in documented.allowed]
    verdicts += [(lowered(request), False) for request in documented.refused]
    world = encode.symbolic_request([policy], predicate.NO_REQUEST)
    assert agree(lambda roomy: encode.allows([policy], roomy), world, verdicts) == BOTH


def lowered(request):
    """The request with its condition keys as the variables are named."""
    context = {key.lower(): given for key, given in request.context.items()}
    return replace(request, context=context)


def test_one_request_that_differs_is_seen():
    policy = parse_policy(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        },
        "policy",
        Kind.IDENTITY,
    )
    world = encode.symbolic_request([policy], predicate.NO_REQUEST)
    verdicts = [(numbered(number), number != 7) for number in range(REQUESTS)]
    seen = agree(lambda roomy: encode.allows([policy], roomy), world, verdicts)
    assert seen == {"cvc5": "sat", "z3": "sat"}


def meanings():
    fields = ["sts:externalid", "aws:principalarn", "aws:requestedregion"]
    leaves = st.one_of(
        st.builds(OneOf, st.just("action"), lists_of(ACTIONS).map(tuple)),
        st.builds(OneOf, st.just("resource"), lists_of(RESOURCES).map(tuple)),
        st.builds(OneOf, st.just("caller.service"), lists_of(SERVICES).map(tuple)),
        st.builds(OneOf, st.sampled_from(fields), lists_of([*TEXTS, *ROLES]).map(tuple)),
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
            st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


@fuzz(150)
@given(meanings(), st.lists(requests(), min_size=REQUESTS, max_size=REQUESTS))
def test_a_meaning_is_the_same_to_the_solvers_and_to_python(meaning, asked):
    verdicts = [(request, predicate.holds(meaning, request)) for request in asked]
    world = encode.symbolic_request([], meaning)
    assert agree(lambda _: predicate.formula(meaning), world, verdicts) == BOTH


@fuzz(200)
@given(policies(), requests(), st.lists(st.sampled_from(TEXTS), max_size=6))
def test_no_more_values_of_a_key_are_needed_than_there_are_tests_of_it(policy, request, keys):
    """The premise of SymbolicRequest.slots: some of the values, as many as there are slots, decide as all do."""
    slots = encode.symbolic_request([policy], predicate.NO_REQUEST).slots.get("aws:tagkeys", 0)
    wanted = evaluate([policy], with_keys(request, keys)).allowed
    assert any(
        evaluate([policy], with_keys(request, few)).allowed == wanted
        for few in subsets(keys, slots)
    )


def with_keys(request, keys):
    context = {**request.context, "aws:tagkeys": tuple(keys)}
    return Request(request.action, request.resource, context, request.requester)


def subsets(keys, most):
    found = [()]
    for key in keys:
        found += [(*few, key) for few in found if len(few) < most]
    return found
