"""Compare the evaluator with one that is not ours and runs in a process of its own.

It is @cloud-copilot/iam-simulate, which npm installs from the lock file beside evaluate.mjs. Its licence
is AGPL-3.0-or-later, so only these tests run it, and nothing of it is imported or shipped.
"""

import json
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.iam.documented import APP, DOCUMENTED_RULES
from tests.tools.iam.documented_tables import DOCUMENTED_TABLES
from tests.tools.iam.random_policies import documents, fuzz, requests
from tools.iam.evaluator import Request, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.paths import BUILD

SOURCE = Path(__file__).parent / "second_opinion"
REQUESTS = 15  # for each policy
POLICIES = 500
BUCKET = "arn:aws:s3:::bucket/key"


@pytest.fixture(scope="module")
def simulator():
    """Ask the other evaluator about many policies and requests at once."""
    assert shutil.which("npm"), (
        "Install Node.js 20 or newer, with npm, to run the second evaluator."
    )
    lock = sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = BUILD / "second-opinion" / lock
    if not (folder / "node_modules" / ".package-lock.json").is_file():  # npm writes it last
        shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, timeout=300)
    shutil.copy(SOURCE / "evaluate.mjs", folder)

    def ask(pairs):
        answer = subprocess.run(
            ["node", "evaluate.mjs"],
            input=json.dumps([question(*pair) for pair in pairs]),
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=300,
        )
        return json.loads(answer.stdout)

    return ask


def question(document, request):
    context = request.context.items()
    return {
        "document": document,
        "action": request.action,
        "resource": request.resource,
        "context": {k: list(v) if isinstance(v, tuple) else v for k, v in context},
        "principal": request.requester.arn,
        "account": request.requester.account,
    }


def is_allowed(document, request):
    return evaluate([parse_policy(document, "policy", Kind.IDENTITY)], request).allowed


def test_both_evaluators_decide_as_aws_documents(simulator):
    cases = [
        (rule.document, request, allowed)
        for rule in (*DOCUMENTED_RULES, *DOCUMENTED_TABLES)
        if rule.kind is Kind.IDENTITY
        for allowed, examples in ((True, rule.allowed), (False, rule.refused))
        for request in examples
        if not is_known_difference(rule.document, request)
    ]
    answers = simulator([case[:2] for case in cases])
    assert len(cases) > 90
    assert [case for case, answer in zip(cases, answers, strict=True) if case[2] != answer] == []


def test_both_evaluators_decide_the_same_about_random_policies(simulator):
    pairs = []

    @fuzz(POLICIES)
    @given(documents((Kind.IDENTITY,)), st.lists(requests(), min_size=REQUESTS, max_size=REQUESTS))
    def collect(drawn, examples):
        document, _ = drawn
        pairs.extend(
            (document, request)
            for request in examples
            if request.requester.service is None and not is_known_difference(document, request)
        )

    collect()
    verdicts = [is_allowed(*pair) for pair in pairs]
    assert len(pairs) > 3_000
    assert len(pairs) // 20 < sum(verdicts) < len(pairs) * 19 // 20
    answers = simulator(pairs)
    comparison = zip(pairs, verdicts, answers, strict=True)
    assert [pair for pair, verdict, answer in comparison if verdict != answer] == []


def with_condition(condition):
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}],
    }


def with_resource(resource):
    statement = {"Effect": "Allow", "Action": "*", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


# Where the two differ, with our verdict and the sentence of AWS's documentation that it follows.
OPERATORS = "reference_policies_elements_condition_operators.html"
KNOWN_DIFFERENCES = {
    f"{OPERATORS}#Conditions_Date: in epoch (UNIX) time": (
        with_condition({"DateEquals": {"aws:CurrentTime": "1767225600"}}),
        {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
        True,
    ),
    f"{OPERATORS}#Conditions_IPAddress: an IPv4 or IPv6 address or range": (
        with_condition({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
        {"aws:SourceIp": "203.0.113.7"},
        True,
    ),
    f"{OPERATORS}: ForAllValues returns true if the value resolves to an empty string": (
        with_condition({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}),
        {"aws:TagKeys": ("",)},
        True,
    ),
    f"{OPERATORS}: ForAnyValue returns false if the value resolves to an empty string": (
        with_condition({"ForAnyValue:StringLike": {"aws:TagKeys": ["a", ""]}}),
        {"aws:TagKeys": ("",)},
        False,
    ),
    f"{OPERATORS}: Null tells a key with empty values from one that exists": (
        with_condition({"Null": {"aws:TagKeys": "true"}}),
        {"aws:TagKeys": ()},
        True,
    ),
    f"{OPERATORS}#Conditions_ARN: negated matching for ARN": (
        with_condition({"ArnNotLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}),
        {"aws:SourceArn": "not an ARN"},
        True,
    ),
    "reference_policies_variables.html: StringNotEquals does match a variable with no value": (
        with_condition({"StringNotEquals": {"s3:prefix": "${aws:PrincipalTag/team}"}}),
        {"s3:prefix": "a"},
        True,
    ),
    "reference_policies_elements_resource.html: a * that ends a segment can match colons": (
        with_resource("arn:aws:s3:*:bucket/key"),
        {},
        True,
    ),
}


def test_each_known_difference_is_decided_as_its_page_says(simulator):
    pairs = {
        page: (document, Request("s3:GetObject", BUCKET, context, APP))
        for page, (document, context, _) in KNOWN_DIFFERENCES.items()
    }
    verdicts = {page: verdict for page, (_, _, verdict) in KNOWN_DIFFERENCES.items()}
    assert {page: is_allowed(*pair) for page, pair in pairs.items()} == verdicts
    # If the simulator agrees one day, the difference need no longer be left out of the comparison.
    answers = dict(zip(pairs, simulator(list(pairs.values())), strict=True))
    assert [page for page in pairs if answers[page] == verdicts[page]] == []


def is_known_difference(document, request):
    """Whether the pair is of a kind in KNOWN_DIFFERENCES, or its resource is not an ARN."""
    if not request.resource.startswith("arn:"):
        return True  # the simulator takes * for every resource
    return any(
        any(map(has_wildcard_before_colon, entries(statement, "Resource")))
        or any(
            differs(operator, key, as_list(values), request)
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        )
        for statement in document["Statement"]
    )


def differs(operator, key, policy_values, request):
    values = request.values().get(key.lower())
    if operator.startswith("Date"):
        return any(value.isdigit() for value in policy_values)
    if "IpAddress" in operator:
        # The simulator decides some negated lists of one family for an address of the other differently.
        families = {":" in text for text in [*policy_values, *(values or ())]}
        return len(families) > 1 or bool({"0.0.0.0/0", "::/0"} & set(policy_values))
    if values is None:
        return False
    if any(is_unresolved(value, request) for value in policy_values):
        return "Not" in operator
    is_null = not any(values)
    if is_null and (operator == "Null" or operator.startswith("For")):
        return True
    return "ArnNot" in operator and any(value.count(":") < 5 for value in values)


def is_unresolved(policy_value, request):
    context = request.values()
    keys = re.findall(r"\$\{([\w:/-]+)\}", policy_value)
    return any(key.lower() not in context for key in keys)


def has_wildcard_before_colon(resource):
    """Whether a * ends one of the first five segments and stands for more than the whole of it."""
    return resource != "*" and any(
        re.search(r".\*$", segment) or (segment == "*" and number < 3)
        for number, segment in enumerate(resource.split(":")[:5])
    )


def entries(statement, element):
    return [*as_list(statement.get(element, [])), *as_list(statement.get(f"Not{element}", []))]


def as_list(value):
    return value if isinstance(value, list) else [value]
