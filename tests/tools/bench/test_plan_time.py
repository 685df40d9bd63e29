"""`make bench ONLY=plan` plans the same roles in both ways, judges the goals and writes the figures.

No test depends on how fast this machine is.
"""

import json

import pytest

from tools.bench import plan_time as bench
from tools.bench.plan_time import GOAL_GROWTH, GOAL_SECONDS, section, variables


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The policies that both variants plan for three tenants, by role and kind."""
    folder = tmp_path_factory.mktemp("bench")
    roots = {"ours": bench.ours(folder / "ours"), "usual": bench.usual(folder / "usual")}
    return {name: policies(root.plan_json(variables(3))) for name, root in roots.items()}


def policies(plan):
    statements_by_role = {}
    for change in plan["resource_changes"]:
        after = change["change"]["after"]
        if change["type"] == "aws_iam_role":
            statements_by_role[after["name"], "trust"] = statements(after["assume_role_policy"])
        if change["type"] == "aws_iam_role_policy":
            statements_by_role[after["role"], "permissions"] = statements(after["policy"])
    return statements_by_role


def statements(policy):
    """A policy's statements in one form: without Sid, sorted, and single values as lists."""
    return sorted(
        json.dumps(
            {key: sets(value) for key, value in statement.items() if key != "Sid"}, sort_keys=True
        )
        for statement in json.loads(policy)["Statement"]
    )


def sets(value):
    if isinstance(value, dict):
        return {key: sets(item) for key, item in value.items()}
    return sorted(value) if isinstance(value, list) else [value]


def test_both_variants_make_the_same_roles(planned):
    assert len(planned["ours"]) == 6
    assert planned["ours"] == planned["usual"]


def test_the_tenants_differ_in_everything_that_must():
    tenants = variables(100)["tenants"].values()
    accounts = [account for tenant in tenants for account in tenant["accounts"]]
    assert len(set(accounts)) == len(accounts) == 125
    assert len({tenant["external_ids"]["current"] for tenant in tenants}) == 100


@pytest.mark.parametrize(
    ("at_1000", "at_3000", "met"),
    [
        (GOAL_SECONDS, 60 * GOAL_GROWTH, [True, True]),
        (GOAL_SECONDS + 0.1, 60.0, [False, True]),
        (20.0, 60 * GOAL_GROWTH + 0.1, [True, False]),
    ],
)
def test_judges_which_goals_are_met(at_1000, at_3000, met):
    samples = {300: {"ours": [6.0]}, 1000: {"ours": [at_1000]}, 3000: {"ours": [at_3000]}}
    assert [goal.is_met for goal in section(samples, GOAL_SECONDS).goals] == met


def test_a_goal_that_was_not_measured_is_left_out():
    assert section({3: {"ours": [2.0]}}, GOAL_SECONDS).goals == []


@pytest.fixture(scope="module")
def small(run_small):
    return run_small("plan", "SIZES=3,6", "REFERENCE=3")


def test_the_table_has_both_variants_and_shows_what_was_not_run(small):
    rows = {line.split()[0]: line for line in small[0].splitlines() if line[:1] in ("3", "6")}
    assert rows["3"].count(" s ") == 2
    assert rows["6"].split() == ["6", "tenants", "-", *rows["6"].split()[3:]]
    assert rows["6"].count(" s ") + rows["6"].endswith(" s") == 1


def test_the_figures_are_written_with_the_machine_they_were_taken_on(small):
    figures = small[1]
    assert figures["machine"]["cores"] >= 1
    assert figures["machine"]["cpu"]
    assert len(figures["machine"]["load"]) == 3
    assert [(figure["name"], sorted(figure["samples"])) for figure in figures["figures"]] == [
        ("3 tenants", ["ours", "usual"]),
        ("6 tenants", ["ours"]),
    ]
