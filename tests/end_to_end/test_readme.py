"""README's commands, run as they stand there, in a copy of the project."""

import re

import pytest

from tools.paths import ROOT

README = (ROOT / "README.md").read_text()


def commands(heading):
    """The commands in the ``sh`` blocks of one section of README."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def by_hand(checkout):
    """What each command of "Try it by hand" printed, in order, as one newcomer would run them."""
    return {command: checkout.done(command) for command in commands("Try it by hand")}


def said(by_hand, start):
    return next(printed for command, printed in by_hand.items() if start in command)


def test_up_prints_what_to_export(by_hand):
    assert re.search(r"export AWS_ENDPOINT_URL=http://127\.0\.0\.1:\d+", said(by_hand, "make up"))


def test_apply_says_what_became_of_every_account(by_hand):
    printed = said(by_hand, "make apply ENV=local")
    for label in (
        "operations account",
        "acme 222222222222",
        "globex 333333333333",
        "globex 444444444444",
        "initech 555555555555",
    ):
        assert re.search(
            rf"✓ {label}  Apply complete! Resources: \d+ added, 0 changed, 0 destroyed", printed
        )


def test_invoke_prints_answer_usage_and_record_id(by_hand):
    printed = said(by_hand, "make invoke ENV=local TENANT=acme")
    assert "What is a confused deputy?" in printed
    assert re.search(r"\d+ tokens in, \d+ out · record [0-9a-f-]{36} delivered", printed)


def test_logs_shows_the_record_of_that_call(by_hand):
    record_id = re.search(
        r"record ([0-9a-f-]{36})", said(by_hand, "make invoke ENV=local TENANT=acme")
    ).group(1)
    printed = said(by_hand, "make logs")
    assert record_id[:13] in printed
    assert "What is a confused deputy?" in printed


def test_logs_shows_what_is_masked_to_an_unmasker_only(by_hand):
    masked = said(by_hand, "make logs ENV=local TENANT=initech")
    assert "Write to ***************" in masked
    assert "ann@example.com" not in masked
    assert "Write to ann@example.com" in said(by_hand, "UNMASK=1")


def test_gaps_accounts_for_every_call(by_hand):
    printed = said(by_hand, "make gaps")
    assert re.search(r"claude +eu-central-1 +1 +1 +0 +0 +0", printed)
    assert "Nothing is unaccounted for." in printed


def test_output_names_every_function(by_hand):
    assert "bedrock-local-initech" in said(by_hand, "make output")


def test_plan_after_apply_changes_nothing(by_hand):
    printed = said(by_hand, "make plan")
    assert printed.count("No changes") == 2


def test_handover_prints_the_inputs_of_the_workload_module(by_hand):
    printed = said(by_hand, "make handover")
    assert 'arn = "arn:aws:iam::111111111111:role/bedrock-local-acme"' in printed
    assert 'tenant = "acme"' in printed


def test_tenant_prints_a_stanza_with_an_external_id(by_hand):
    assert re.search(r'external_ids = \{ current = "[0-9a-f]{32}" \}', said(by_hand, "make tenant"))


def test_an_added_tenant_is_applied_and_called(by_hand):
    assert "umbrella 666666666666" in said(by_hand, "make apply ENV=local TENANT=umbrella")
    assert "delivered" in said(by_hand, "make invoke ENV=local TENANT=umbrella")


def test_apply_of_one_tenant_leaves_the_others_alone(by_hand):
    assert "acme" not in said(by_hand, "make apply ENV=local TENANT=umbrella")


def test_destroy_keeps_the_log_groups_and_their_key(by_hand):
    assert "Records, their key and their readers stay" in said(by_hand, "make destroy")


def test_down_stops_the_local_cloud(by_hand):
    assert "has stopped" in said(by_hand, "make down")


def test_every_make_command_in_readme_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^\s*|`|&& |\| )make ([a-z]+)\b", README, re.MULTILINE))
    assert named <= targets
    assert targets - named <= {"setup", "help", "check", "lock", "init", "bench"}
