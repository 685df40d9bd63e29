"""`make bench ONLY=plan`: that it measures the same roles both ways, and what it says of them.

No test waits for a time: how fast this machine is today is not what they are about.
"""

import json

import pytest

from tools.bench import plan_time as bench
from tools.bench.plan_time import GOAL_GROWTH, GOAL_SECONDS, Measured, Root, generated, judge


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Both variants' policies for three tenants, by tenant and resource type."""
    folder = tmp_path_factory.mktemp("bench")
    roots = {"ours": bench.ours(folder / "ours"), "reference": bench.reference(folder / "usual")}
    return {name: policies(Root(path).show(3)) for name, path in roots.items()}


def policies(shown):
    found = {}
    for change in shown["resource_changes"]:
        after = change["change"]["after"]
        if change["type"] == "aws_iam_role":
            found[after["name"], "trust"] = statements(after["assume_role_policy"])
            for inline in after.get("inline_policy", ()):
                found[after["name"], "permissions"] = statements(inline["policy"])
        if change["type"] == "aws_iam_role_policy":
            found[after["role"], "permissions"] = statements(after["policy"])
    return found


def statements(policy):
    """What a policy says, whether its lists of one are written as lists and whatever it calls itself."""
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
    assert planned["ours"] == planned["reference"]


def test_the_generated_tenants_differ_in_everything_that_must():
    tenants = generated(100)["tenants"].values()
    accounts = [account for tenant in tenants for account in tenant["accounts"]]
    assert len(set(accounts)) == len(accounts) == 125
    assert len({tenant["external_ids"]["current"] for tenant in tenants}) == 100


def measured(at_1000, at_3000):
    return [
        Measured("ours", tenants, (seconds,))
        for tenants, seconds in ((300, 6.0), (1000, at_1000), (3000, at_3000))
    ]


@pytest.mark.parametrize(
    ("at_1000", "at_3000", "met"),
    [
        (GOAL_SECONDS, 60 * GOAL_GROWTH, [True, True]),
        (GOAL_SECONDS + 0.1, 60.0, [False, True]),
        (20.0, 60 * GOAL_GROWTH + 0.1, [True, False]),
    ],
)
def test_says_which_goals_are_met(at_1000, at_3000, met):
    assert [goal.met for goal in judge(measured(at_1000, at_3000))] == met


def test_a_goal_that_the_sizes_do_not_show_is_neither_met_nor_missed():
    assert [goal.met for goal in judge([Measured("ours", 3, (2.0,))])] == [None, None]


@pytest.fixture(scope="module")
def small(run_small):
    return run_small("plan", "SIZES=3,6", "REFERENCE=3")


def test_the_table_has_both_variants_and_says_what_was_left_out(small):
    rows = {line.split()[0]: line for line in small[0].splitlines() if line[:1] in ("3", "6")}
    assert rows["3"].count(" s ") == 2
    assert "not run" in rows["6"]
    assert "not measured: 1,000 tenants plan in at most 25 s" in small[0]


def test_the_figures_are_written_with_the_machine_they_were_taken_on(small):
    figures = small[1]
    assert figures["machine"]["cores"] >= 1
    assert figures["machine"]["cpu"]
    assert len(figures["machine"]["load"]) == 3
    assert figures["machine"]["terraform"].startswith("Terraform v1.")
    assert [(one["variant"], one["tenants"]) for one in figures["measured"]] == [
        ("ours", 3),
        ("reference", 3),
        ("ours", 6),
    ]
