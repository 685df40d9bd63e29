"""What a plan changes is said value by value, and a policy's change statement by statement."""

import json

from tools.proof.change_list import SHOWN, change_lines

ROLE = 'module.operations_role["acme"].aws_iam_role_policy.grants'
ALLOW = {"Effect": "Allow", "Action": ["bedrock:InvokeModel"], "Resource": "arn:one"}


def lines(*changes):
    content = {"resource_changes": [{"address": ROLE, "change": change} for change in changes]}
    return change_lines(content)


def update(before, after, **more):
    return {"actions": ["update"], "before": before, "after": after, **more}


def policy(*statements):
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def test_a_created_resource_is_one_line():
    assert lines({"actions": ["create"], "before": None, "after": {"name": "x"}}) == [
        f"+ create {ROLE}"
    ]
    assert lines({"actions": ["no-op"], "before": {"name": "x"}, "after": {"name": "x"}}) == []


def test_a_policys_change_is_the_statements_that_differ():
    claude, nova = (
        {**ALLOW, "Sid": "Claude"},
        {**ALLOW, "Sid": "Nova", "Resource": ["arn:a", "arn:b"]},
    )
    changed = {**nova, "Resource": ["arn:a", "arn:c"]}
    assert lines(update(policy(claude, nova), policy(changed))) == [
        f"~ change {ROLE}",
        (
            '    - policy.Statement.Claude: {"Action": ["bedrock:InvokeModel"], "Effect": "Allow", "Resource": '
            '"arn:one", "Sid": "Claude"}'
        ),
        "    + policy.Statement.Nova.Resource: arn:c",
        "    - policy.Statement.Nova.Resource: arn:b",
    ]
    assert lines(update(policy(claude), policy(nova, claude)))[1].startswith(
        "    + policy.Statement.Nova"
    )


def test_settings_in_a_text_are_compared_as_what_they_hold():
    def function(model):
        settings = json.dumps({"models": {"nova": {"model": model}}})
        return {"environment": [{"variables": {"TENANT_BEDROCK": settings}}], "timeout": 300}

    assert lines(update(function("one"), function("two")))[1:] == [
        "    ~ environment.0.variables.TENANT_BEDROCK.models.nova.model: one → two"
    ]


def test_what_is_sensitive_or_not_known_yet_is_not_shown():
    change = update(
        {"secret": "a", "arn": "b", "days": 1},
        {"secret": "c", "days": 2},
        after_unknown={"arn": True},
        after_sensitive={"secret": True},
    )
    assert lines(change)[1:] == ["    ~ days: 1 → 2", "    secret (sensitive)"]


def test_a_long_list_ends_with_the_number_of_the_rest():
    created = {"actions": ["create"], "before": None, "after": {}}
    assert lines(*[created] * (SHOWN + 3))[-1] == "and 3 more"


def test_a_replacement_of_what_an_apply_left_half_made_says_so():
    change = {"actions": ["delete", "create"], "before": {"name": "x"}, "after": {"name": "x"}}
    replaced = {"address": ROLE, "change": change}
    half_made = {**replaced, "action_reason": "replace_because_tainted"}
    assert change_lines({"resource_changes": [replaced]}) == [f"± replace {ROLE}"]
    assert change_lines({"resource_changes": [half_made]}) == [
        f"± replace {ROLE}, which an apply left half made"
    ]
