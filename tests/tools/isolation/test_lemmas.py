"""The lemmas that spare z3 a search: each is true of every text, and z3 needs them."""

import itertools

import pytest

from tools.iam.policy import Kind, parse_policy
from tools.isolation import smt, solvers
from tools.isolation.claims import Claim
from tools.isolation.predicate import AllOf, AnyOf, Not, OneOf, StartsWith
from tools.isolation.prover import decide, question_for
from tools.isolation.solvers import Verdict

TEXTS = ("", "a", "ab", "abc", "b", 'a"', "a\\", "a\n")
GROUPS = (
    "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/lambda/bedrock-local-acme",
    "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/local/acme/records",
)
ROLE = "arn:aws:iam::111111111111:role/bedrock-local-acme"
WRITE = ["logs:CreateLogStream", "logs:PutLogEvents"]


@pytest.mark.parametrize("solver", solvers.SOLVERS)
def test_a_lemma_is_true_of_every_text(solver):
    patterns = [p for text in TEXTS for p in ((text,), (text, smt.Wildcard.ANY))]
    comparisons = [smt.matches("|x|", pattern) for pattern in patterns]
    lemmas = list(smt.lemmas(" ".join(comparisons)))
    assert len(lemmas) > 50
    question = f"(declare-const |x| String)(assert {smt.not_(smt.and_(lemmas))})"
    assert solvers.solve(solver, question).verdict is Verdict.UNSAT


def test_every_two_comparisons_of_a_variable_have_a_lemma():
    whole, start, longer, other = (
        smt.matches("|x|", pattern)
        for pattern in (("ab",), ("a", smt.Wildcard.ANY), ("abc", smt.Wildcard.ANY), ("b",))
    )
    elsewhere = smt.matches("|y|", ("ab",))
    assert set(smt.lemmas(f"{whole} {start} {longer} {other} {elsewhere}")) == {
        f"(=> {whole} {start})",
        f"(=> {longer} {start})",
        *(
            f"(not (and {' '.join(sorted(pair))}))"
            for pair in itertools.combinations((whole, start, longer, other), 2)
            if set(pair) not in ({whole, start}, {longer, start})
        ),
    }


def execution(**changes):
    """The claim of an execution role that may only write on two log groups, by NotAction and NotResource."""
    both = [*GROUPS, *(f"{group}:*" for group in GROUPS)]
    streams = [f"{group}:log-stream:*" for group in GROUPS]
    statements = [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE},
        {"Effect": "Allow", "Action": WRITE, "Resource": streams} | changes,
        {"Effect": "Deny", "NotAction": WRITE, "Resource": both},
        {"Effect": "Deny", "Action": "logs:*", "NotResource": both},
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    policy = parse_policy(document, "execution", Kind.IDENTITY)
    starts = (StartsWith("resource", f"{group}:log-stream:") for group in GROUPS)
    specification = AnyOf(
        AllOf(OneOf("action", "sts:AssumeRole"), OneOf("resource", ROLE)),
        AllOf(OneOf("action", *WRITE), AnyOf(*starts)),
    )
    return Claim("acme", "permissions", (policy,), specification)


def test_a_policy_with_both_negated_lists_is_decided():
    assert [outcome.problem for outcome in decide([execution()])] == [None]


def test_a_wider_policy_with_both_negated_lists_is_refuted():
    (outcome,) = decide([execution(Action=["*"], Resource=["*"])])
    assert outcome.problem == "the policies allow a request that the stanza does not grant"


def reader(specification):
    """The claim of a role that may read two lists."""
    statement = {"Effect": "Allow", "Action": ["iam:ListRoles", "sns:ListTopics"], "Resource": "*"}
    policy = parse_policy(
        {"Version": "2012-10-17", "Statement": [statement]}, "reader", Kind.IDENTITY
    )
    return Claim("acme", "reach", (policy,), specification, exact=False)


def test_a_list_of_what_is_never_allowed_has_its_lemmas():
    verbs = AnyOf(StartsWith("action", "iam:put"), StartsWith("action", "iam:delete"))
    excluded = '(assert (not (and (= |action| "iam:listroles") (str.prefixof "iam:put" |action|))))'
    denied, granted = question_for([reader(Not(verbs))])[0], question_for([reader(verbs)])[0]
    assert excluded in denied
    assert excluded not in granted
    assert [outcome.problem for outcome in decide([reader(Not(verbs))])] == [None]
