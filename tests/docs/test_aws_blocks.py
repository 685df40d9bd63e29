"""The commands of the group ``aws``, run against the local AWS through AWS_ENDPOINT_URL."""

import json
import re

import boto3
import pytest

from tests.checkout import create_deployer
from tests.docs.pages import commands
from tools.packaging.variant import Variant
from tools.paths import ROOT


@pytest.fixture(scope="module")
def aws(checkout):
    """What a person exports to reach AWS as an administrator of the operations account."""
    # The example names a role that deploys; the person here is a user.
    example = checkout.root / "environments" / "dev" / "terraform.tfvars"
    example.write_text(example.read_text().replace(":role/deployment", ":user/deployer"))
    exports = dict(re.findall(r"export (AWS_\w+)=(\S+)", checkout.done("make up")))
    # The zip for Lambda needs a package index to build; the local AWS runs the one for this machine.
    return {**exports, "TF_VAR_package_path": str(ROOT / "build" / f"{Variant('host').name}.zip")}


def customer_client(checkout, aws, service):
    """A service as the owner of the customer account uses it."""
    owner = checkout.control.account("666666666666", user="owner")
    return boto3.client(
        service,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id=owner.access_key_id,
        aws_secret_access_key=owner.secret_access_key,
    )


@pytest.fixture(scope="module")
def runs(checkout, aws):
    """Each command with its result; the customer creates the deployer once it is printed."""
    results = {}
    for command in commands("aws"):
        results[command] = checkout.shell(command, **aws)
        if command.startswith("make deployer"):
            template = results[command].stdout.partition("alone):\n")[2]
            iam, kms = (customer_client(checkout, aws, service) for service in ("iam", "kms"))
            create_deployer(iam, kms, json.loads(template))
    return results


@pytest.fixture(scope="module")
def applied(runs):
    """The first apply: umbrella's account is ready for it, the example's is not."""
    return next(run for command, run in runs.items() if command.startswith("make apply"))


def test_every_command_but_the_apply_succeeds(runs, applied):
    for command, run in runs.items():
        assert run is applied or run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"


def test_apply_goes_on_past_a_failing_account_and_names_it(applied):
    assert applied.returncode != 0
    assert re.search(r"✓ umbrella 666666666666  Apply complete!", applied.stdout)
    assert "Failed: 1 of 2: example 222222222222" in applied.stderr


def test_commands_print_the_terraform_commands_they_run(runs, applied):
    assert (
        "terraform -chdir=environments/customer init -reconfigure -backend-config=../dev/backend.hcl "
        "-backend-config=key=customers/umbrella/666666666666.tfstate"
    ) in runs["make plan ENV=dev"].stderr
    assert "terraform -chdir=environments/customer apply" in applied.stderr


def test_the_first_plan_shows_a_new_account_and_says_which_one_cannot_be_planned(runs):
    printed = runs["make plan ENV=dev"].stdout
    assert re.search(r"✓ umbrella 666666666666  Plan: \d+ to add, 0 to change", printed)
    assert "… example 222222222222  not planned; its tenant has no role yet" in printed
    assert "example 222222222222 (without a role yet, and it could not be planned)" in " ".join(
        runs["make prove ENV=dev"].stderr.split()
    )


def test_bootstrap_a_second_time_finds_the_bucket(checkout, aws, applied):
    assert "exists already" in checkout.done("make bootstrap ENV=dev", **aws)


def test_the_function_answers(runs):
    (answer,) = (run for command, run in runs.items() if command.startswith("make invoke"))
    assert "Hello from dev" in answer.stdout


def test_an_unknown_alias_is_refused_by_name(checkout, aws, applied):
    run = checkout.shell("make invoke ENV=dev TENANT=umbrella MODEL=opus PROMPT=Hello", **aws)
    assert run.returncode != 0
    assert (
        "ModelNotGrantedError: The requested model is not granted to tenant umbrella" in run.stderr
    )


def test_nobody_may_read_the_records_while_the_stanza_names_no_reader(checkout, aws, applied):
    run = checkout.shell("make logs ENV=dev TENANT=umbrella", **aws)
    assert run.returncode != 0
    assert "bedrock-dev-umbrella-reader cannot be assumed" in run.stderr


def test_plan_after_apply_changes_nothing(checkout, aws, applied):
    output = checkout.done("make plan ENV=dev TENANT=umbrella", **aws)
    assert output.count("No changes") == 2


def test_the_customer_alone_can_apply_the_module_with_the_hand_over(checkout, aws, applied):
    inputs = json.loads(checkout.done("make handover ENV=dev TENANT=umbrella JSON=1", **aws))
    module = ROOT / "modules" / "customer-workload"
    declared = "".join(file.read_text() for file in module.glob("variables*.tf"))
    assert len(inputs) > 8
    for name in inputs:
        assert f'variable "{name}"' in declared


def test_init_runs_again_only_once_what_it_reads_has_changed(checkout, aws, applied):
    def progress(**changes):
        environment = {**aws, **changes}
        return checkout.shell("make plan ENV=dev TENANT=umbrella", **environment).stderr

    assert " init " not in progress()
    backend = checkout.root / "environments" / "dev" / "backend.hcl"
    backend.write_text(backend.read_text() + "# changed\n")
    assert " init " in progress()
    assert " init " not in progress()
    assert "-nonsense" in progress(TF_CLI_ARGS_plan="-nonsense")  # a run that fails
    assert " init " in progress()


def test_destroy_asks_first(checkout, aws, applied):
    run = checkout.shell("make destroy ENV=dev TENANT=umbrella < /dev/null", **aws)
    assert run.returncode != 0
    assert "write CONFIRM=umbrella" in run.stderr


def test_an_applied_tenant_survives_destroy_and_apply_with_its_log(checkout, aws, applied):
    checkout.done("make destroy ENV=dev TENANT=umbrella CONFIRM=umbrella", **aws)
    handover = checkout.shell("make handover ENV=dev TENANT=umbrella", **aws)
    assert 'Tenant "umbrella" has no hand-over yet' in handover.stderr
    gone = checkout.shell("make invoke ENV=dev TENANT=umbrella PROMPT=Hello", **aws)
    assert "has no function bedrock-dev-umbrella yet" in gone.stderr
    checkout.done("make tenant ENV=dev NAME=late ACCOUNT=999999999999", **aws)
    again = checkout.done("make apply ENV=dev TENANT=umbrella", **aws)
    assert re.search(r"✓ umbrella 666666666666  Apply complete! Resources: [1-9] added", again)
    assert "Hello again" in checkout.done(
        'make invoke ENV=dev TENANT=umbrella PROMPT="Hello again"', **aws
    )
    # An apply of one tenant computes the outputs of all; late's role does not exist.
    late = checkout.shell("make handover ENV=dev TENANT=late", **aws)
    assert 'Tenant "late" has no hand-over yet' in late.stderr
