"""The evaluator against what AWS's pages say; see documented.py."""

import pytest

from tests.tools.iam.documented import EVERY
from tools.iam.evaluator import evaluate
from tools.iam.policy import parse_policy


@pytest.mark.parametrize("documented", EVERY, ids=lambda one: one.rule)
def test_decides_as_documented(documented):
    policy = parse_policy(documented.document, "policy", documented.kind)
    assert [r for r in documented.allowed if not evaluate([policy], r).allowed] == []
    assert [r for r in documented.refused if evaluate([policy], r).allowed] == []
