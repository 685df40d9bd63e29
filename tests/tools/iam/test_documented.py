"""The evaluator against the rules in AWS's documentation; see documented.py and documented_tables.py."""

import pytest

from tests.tools.iam.documented import DOCUMENTED_RULES
from tests.tools.iam.documented_tables import DOCUMENTED_TABLES
from tools.iam.evaluator import evaluate
from tools.iam.policy import parse_policy


@pytest.mark.parametrize(
    "documented", [*DOCUMENTED_RULES, *DOCUMENTED_TABLES], ids=lambda documented: documented.rule
)
def test_decides_as_documented(documented):
    policy = parse_policy(documented.document, "policy", documented.kind)
    assert [r for r in documented.allowed if not evaluate([policy], r).allowed] == []
    assert [r for r in documented.refused if evaluate([policy], r).allowed] == []
