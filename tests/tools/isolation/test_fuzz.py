"""Compare the encoding with the evaluator on random policies and requests.

Each example is a policy with many requests. One question replaces the formula's variables by the
values of each request. If a solver finds a request on which the formula and the evaluator differ, the
test fails, and Hypothesis shrinks the example.
"""

import ipaddress
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.tools.iam.condition_table import cells
from tests.tools.iam.documented import DOCUMENTED_RULES
from tests.tools.iam.documented_tables import DOCUMENTED_TABLES
from tests.tools.iam.random_policies import (
    ACTIONS,
    NETWORKS,
    RESOURCES,
    ROLES,
    SERVICES,
    TEXTS,
    fuzz,
    lists_of,
    policies,
    request_number,
    requests,
)
from tools.iam.evaluator import Request, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.isolation import encode, predicate, solvers
from tools.isolation.predicate import Absent, AllOf, AnyOf, EachOf, InNetwork, OneOf, StartsWith
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
    NotModelledError,
    SymbolicRequest,
    is_v6,
    key_type,
    presence,
    slot_presence,
    value,
)

REQUESTS = 25  # for each policy
# 7,000 pairs, so that every run of the tests can afford them; the table of conditions has each case of an
# operator by itself. After a change of the encoder, run once with 850 policies, which takes three times as long.
POLICIES = 280
MAX_VALUES = 3  # values of a multivalued key, at most


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


# A key or an operator without a formula, and a policy variable.
NOT_MODELLED = {
    "BinaryEquals byte for byte",
    "DateGreaterThan of temporary credentials",
    "ForAllValues of ARNs",
    "IfExists of an instance type",
    "Null false requires temporary credentials",
    "NumericLessThanEquals of s3:max-keys",
    "StringLike with a policy variable",
    "${*} is an asterisk",
    "a Deny of StringNotEquals matches a variable without a value",
    "a boundary of organizational units",
    "a date in epoch (UNIX) time",
    "a default value of a variable in Resource",
    "a resource whose variable has no value matches nothing, and the others still match",
}


@pytest.mark.parametrize(
    "documented", [*DOCUMENTED_RULES, *DOCUMENTED_TABLES], ids=lambda documented: documented.rule
)
def test_the_encoding_decides_as_aws_documents_or_refuses(documented):
    policy = parse_policy(documented.document, "policy", documented.kind)
    if documented.rule in NOT_MODELLED:
        with pytest.raises(NotModelledError):
            encode.allows([policy], encode.symbolic_request([policy], AnyOf()))
        return
    verdicts = [(with_lower_case_keys(request), True) for request in documented.allowed]
    verdicts += [(with_lower_case_keys(request), False) for request in documented.refused]
    assert policy_differences(policy, verdicts) == NO_DIFFERENCE


# One operator of each kind that has a formula; the others have none, so they need no table.
MODELLED = {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "Bool", "ArnEquals", "ArnLike"}
MODELLED |= {
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
    "ArnNotEquals",
    "ArnNotLike",
}


def modelled_cells():
    """The cells of the operators over texts, by condition, without those that are refused."""
    by_condition = {}
    for cell in cells():
        quantifier, _, operator = cell.operator.rpartition(":")
        if operator.removesuffix("IfExists") in MODELLED and cell.holds is not None:
            key = "aws:tagkeys" if quantifier else "aws:requestedregion"
            by_condition.setdefault((cell.operator, key, cell.policy_value), []).append(cell)
    return by_condition


def test_the_encoding_decides_every_cell_of_the_table_of_conditions():
    table = modelled_cells()
    assert sum(map(len, table.values())) > 300
    wrong = [
        condition
        for condition, row in table.items()
        if cell_differences(*condition, row) != NO_DIFFERENCE
    ]
    assert wrong == []


def cell_differences(operator, key, policy_value, row):
    condition = {operator: {key: policy_value}}
    document = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    policy = parse_policy(
        {"Version": "2012-10-17", "Statement": [document]}, "policy", Kind.IDENTITY
    )
    verdicts = []
    for cell in row:
        values = cell.values if key == "aws:tagkeys" or cell.values is None else cell.values[0]
        context = {} if values is None else {key: values}
        verdicts.append((replace(request_number(0), context=context), cell.holds))
    return policy_differences(policy, verdicts)


def test_the_encoding_refuses_several_values_without_a_quantifier():
    policy = parse_policy(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEqualsIfExists": {"aws:TagKeys": "a"}},
            },
        },
        "policy",
        Kind.IDENTITY,
    )
    with pytest.raises(NotModelledError, match="needs ForAllValues or ForAnyValue"):
        encode.allows([policy], encode.symbolic_request([policy], AnyOf()))


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
        st.builds(lambda texts: EachOf("aws:tagkeys", *texts), lists_of(["", *TEXTS])),
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
        differences(lambda symbolic: predicate.formula(specification, symbolic), request, verdicts)
        == NO_DIFFERENCE
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
