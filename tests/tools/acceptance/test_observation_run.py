"""A run costs little, leaves nothing behind however it ends, and says what it saw in a file for its owner."""

import json
import stat
from dataclasses import replace

import pytest

from tests.tools.acceptance.aws import (
    EXTERNAL_ID,
    Facts,
    FakeClock,
    Role,
    Wire,
    environment,
    sandbox_on,
)
from tools.acceptance.budget import (
    MOST_CALLS,
    MOST_TOKENS,
    Budget,
    estimate,
    highest_price,
)
from tools.acceptance.catalogue import all_checks
from tools.acceptance.evidence import as_data, write_evidence
from tools.acceptance.observation import Check, compared
from tools.acceptance.observation_run import make_checks
from tools.acceptance.waiting import wait_for
from tools.command_error import CommandError

NEVER = 10_000.0


@pytest.fixture(scope="module")
def wire():
    return Wire(environment())


def check(observe):
    return Check("group", "a fact", "It is so.", "https://docs.aws.amazon.com/", observe)


def existing(aws):
    """What the run has made and not removed."""
    return [*aws.roles, *([aws.profile] if aws.profile else []), *aws.groups, *aws.functions]


def made(wire, facts, checks=None):
    sandbox = sandbox_on(wire, facts)
    return make_checks(sandbox, all_checks() if checks is None else checks, lambda _: None)


# --- what is left ---


def test_a_run_makes_roles_a_profile_and_a_log_group_and_removes_all_of_them(wire):
    report = made(wire, Facts())
    assert sorted(name.split("-")[3] for name in wire.aws.deleted) == ["tag", "with", "without"]
    assert existing(wire.aws) == []
    assert report.left == ()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_run_removes_what_it_has_made(wire, failure):
    def fail(_):
        assert existing(wire.aws)
        raise failure

    sandbox = sandbox_on(wire, Facts())
    with pytest.raises(failure):
        make_checks(sandbox, [*all_checks(), check(fail)], lambda _: None)
    assert existing(wire.aws) == []


def test_a_run_begins_by_removing_what_a_killed_one_has_left(wire):
    sandbox = sandbox_on(wire, Facts())
    for item in all_checks()[:30]:
        item.observe(sandbox)
    left = existing(wire.aws)
    assert left
    seen = []
    again = replace(sandbox, _outcomes={})
    make_checks(
        again, [check(lambda _: seen.append(existing(wire.aws)) or compared(True, ""))], print
    )
    assert seen == [[]]


@pytest.mark.parametrize(
    ("undeletable", "kind"), [("role", "role"), ("profile", "inference profile")]
)
def test_what_cannot_be_removed_is_named_and_the_next_run_does_not_begin(wire, undeletable, kind):
    sandbox = sandbox_on(wire, Facts(undeletable=undeletable))
    report = make_checks(sandbox, all_checks(), lambda _: None)
    assert report.left
    assert all(sentence.startswith(f"The {kind} bedrock-acceptance-") for sentence in report.left)
    with pytest.raises(CommandError, match=f"no new one begins. The {kind} "):
        make_checks(replace(sandbox, _outcomes={}), all_checks(), lambda _: None)


def test_roles_of_other_tenants_are_left_alone(wire):
    sandbox = sandbox_on(wire, Facts())
    wire.aws.roles["bedrock-acceptance-00000000-with-1"] = Role(0.0)
    sandbox.cleanup().remove_all()
    assert existing(wire.aws) == ["bedrock-acceptance-00000000-with-1"]


# --- cost ---


def test_the_estimate_is_what_a_run_can_use_at_most(wire):
    assert f"{MOST_TOKENS:,} tokens" in estimate(None)
    assert f"less than {highest_price():.0f} dollars" in estimate(None)
    assert "at most 0.08 dollars" in estimate(5.0)
    report = made(wire, Facts())
    assert 10 < report.calls < MOST_CALLS


def test_a_run_that_may_cost_a_dollar_does_not_begin():
    assert estimate(highest_price() - 0.01)
    with pytest.raises(CommandError, match="cheaper model"):
        estimate(highest_price())


def test_the_calls_of_a_run_end_at_the_estimate(wire):
    budget = Budget()
    for _ in range(MOST_CALLS):
        budget.check()
        budget.add({"inputTokens": 12, "outputTokens": 4})
    with pytest.raises(CommandError, match=f"answered {MOST_CALLS} calls"):
        budget.check()


def test_calls_with_longer_prompts_than_estimated_end_earlier():
    budget = Budget()
    budget.add({"inputTokens": MOST_TOKENS - 1, "outputTokens": 0})
    budget.check()
    budget.add({"inputTokens": 1, "outputTokens": 0})
    with pytest.raises(CommandError, match="the most of one run"):
        budget.check()


def test_what_takes_longest_stays_within_the_estimate(wire):
    report = made(wire, Facts(denial_delay=170.0, end_of_tag_delay=170.0))
    assert report.count("ok") == len(all_checks())
    assert report.calls <= MOST_CALLS


# --- evidence ---


def test_the_evidence_names_every_fact_and_only_its_owner_may_read_it(wire, tmp_path):
    report = made(wire, Facts(retention="inherit"))
    file = write_evidence(report, tmp_path / "evidence")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.name == f"dev-acme-{report.started:%Y-%m-%dT%H%M%SZ}.md"
    text = file.read_text()
    for item in all_checks():
        assert f"| {item.name} |" in text
        assert f"- {item.name}: {item.expected} {item.page}" in text
    assert "| Bedrock's data retention | differs |" in text
    data = json.loads(text.partition("```json\n")[2].partition("```")[0])
    assert data == json.loads(json.dumps(as_data(report)))
    assert "no operation" not in text
    with pytest.raises(CommandError, match="exists already"):
        write_evidence(report, tmp_path / "evidence")


def test_the_evidence_holds_no_external_id_and_no_key(wire, tmp_path):
    def leak(sandbox):
        raise CommandError(f"STS says {EXTERNAL_ID} is wrong")

    report = made(wire, Facts(), [*all_checks(), check(leak)])
    text = write_evidence(report, tmp_path).read_text()
    assert EXTERNAL_ID not in text
    assert "(an ExternalId of acme) is wrong" in text
    assert not {"secret", "token"} & set(text.replace('"', " ").split())


def test_a_sentence_of_aws_stays_in_its_cell(wire, tmp_path):
    bad = check(lambda _: compared(True, "a | b\n| c"))
    text = write_evidence(made(wire, Facts(), [bad]), tmp_path).read_text()
    assert "| a \\| b \\| c |" in text


# --- waiting ---


def test_a_delay_counts_from_the_change_and_ends_in_time():
    clock = FakeClock()
    began = clock.now()
    found = wait_for(
        lambda: True if clock.now() >= began + 7 else None, clock, longest=100, pause=2, since=began
    )
    assert (found.value, found.seconds, found.attempts) == (True, 8, 5)
    never = wait_for(lambda: None, clock, longest=5, pause=2)
    assert (never.value, never.seconds, never.attempts) == (None, 5, 4)
