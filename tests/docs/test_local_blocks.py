"""The commands of the group ``local``, run in order as they stand in the documentation."""

import re

import pytest

from tests.docs.pages import commands
from tools.environment.edits import remove_stanza


@pytest.fixture(scope="module")
def outputs(checkout):
    """The output of each command, in order, as one newcomer would run them.

    The tenant that no command names is left out; `make demo` applies all of them.
    """
    tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"
    tfvars.write_text(remove_stanza(tfvars.read_text(), "globex"))
    return {command: checkout.done(command) for command in commands("local")}


def output_of(outputs, words):
    return next(output for command, output in outputs.items() if words in command)


def test_up_prints_what_to_export(outputs):
    assert re.search(
        r"export AWS_ENDPOINT_URL=http://127\.0\.0\.1:\d+", output_of(outputs, "make up")
    )


def test_apply_says_what_became_of_every_account(outputs):
    output = output_of(outputs, "make apply ENV=local")
    for label in (
        "operations account",
        "acme 222222222222",
        "initech 555555555555",
    ):
        assert re.search(
            rf"✓ {label}  Apply complete! Resources: \d+ added, 0 changed, 0 destroyed", output
        )


def test_invoke_prints_answer_usage_and_record_id(outputs):
    output = output_of(outputs, "make invoke ENV=local TENANT=acme")
    assert "What is a confused deputy?" in output
    assert re.search(r"\d+ tokens in, \d+ out · record [0-9a-f-]{36} delivered", output)


def test_logs_shows_the_record_of_that_call(outputs):
    answer = output_of(outputs, "make invoke ENV=local TENANT=acme")
    record_id = re.search(r"record ([0-9a-f-]{36})", answer).group(1)
    output = output_of(outputs, "make logs")
    assert record_id[:13] in output
    assert "What is a confused deputy?" in output


def test_logs_shows_what_is_masked_to_an_unmasker_only(outputs):
    masked = output_of(outputs, "make logs ENV=local TENANT=initech")
    assert "Write to ***************" in masked
    assert "ann@example.com" not in masked
    assert "Write to ann@example.com" in output_of(outputs, "UNMASK=1")


def test_gaps_accounts_for_every_call(outputs):
    output = output_of(outputs, "make gaps")
    assert re.search(r"claude +eu-central-1 +1 +1 +0 +0 +0", output)
    assert "Every call is accounted for." in output


def test_output_names_every_function(outputs):
    assert "bedrock-local-initech" in output_of(outputs, "make output")


def test_plan_after_apply_changes_nothing(outputs):
    assert output_of(outputs, "make plan").count("No changes") == 2


def test_handover_writes_the_root_of_the_workload_module(outputs):
    output = output_of(outputs, "make handover")
    assert re.search(r'tenant += "acme"', output)
    assert "build/handover/local/acme/222222222222 holds this root" in output


def test_tenant_prints_a_stanza_with_an_external_id(outputs):
    output = output_of(outputs, "make tenant")
    assert re.search(r'external_ids = \{ current = "[0-9a-f]{32}" \}', output)


def test_an_added_tenant_is_applied_and_called(outputs):
    assert "umbrella 666666666666" in output_of(outputs, "make apply ENV=local TENANT=umbrella")
    assert "delivered" in output_of(outputs, "make invoke ENV=local TENANT=umbrella")


def test_apply_of_one_tenant_leaves_the_others_alone(outputs):
    assert "acme" not in output_of(outputs, "make apply ENV=local TENANT=umbrella")


def test_destroy_keeps_the_log_groups_and_their_key(outputs):
    assert "Records, their key and their readers remain" in output_of(outputs, "make destroy")


def test_down_stops_the_local_aws(outputs):
    assert "has stopped" in output_of(outputs, "make down")
