"""The evaluator against the rules in AWS's documentation; see documented.py."""

import pytest

from tests.tools.iam.documented import DOCUMENTED_RULES
from tools.iam.evaluator import evaluate
from tools.iam.policy import parse_policy


@pytest.mark.parametrize("documented", DOCUMENTED_RULES, ids=lambda documented: documented.rule)
def test_decides_as_documented(documented):
    policy = parse_policy(documented.document, "policy", documented.kind)
    assert [r for r in documented.allowed if not evaluate([policy], r).allowed] == []
    assert [r for r in documented.refused if evaluate([policy], r).allowed] == []
