"""README's "On AWS", with the local cloud in AWS's place: ENV=dev knows nothing of it."""

import json
import re

import boto3
import pytest

from tools.localaws.control import Control
from tools.packaging.variant import Variant
from tools.paths import ROOT


@pytest.fixture(scope="module")
def aws(checkout):
    """What a person exports to reach AWS as an administrator of the operations account."""
    exports = dict(re.findall(r"export (AWS_\w+)=(\S+)", checkout.done("make up")))
    # The zip for Lambda needs a package index to build; the local cloud runs the one for this machine.
    return {**exports, "TF_VAR_package_path": str(ROOT / "build" / f"{Variant('host').name}.zip")}


@pytest.fixture(scope="module")
def deployer_role(checkout, aws):
    """What the customer is given, and makes with its own administrator's keys."""
    checkout.done("make tenant ENV=dev NAME=umbrella ACCOUNT=666666666666")
    role = json.loads(checkout.done("make deployer ENV=dev TENANT=umbrella"))
    owner = Control(aws["AWS_ENDPOINT_URL"]).account(role["account"], user="owner")
    iam = boto3.client(
        "iam",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id=owner.access_key_id,
        aws_secret_access_key=owner.secret_access_key,
    )
    iam.create_role(
        RoleName=role["role_name"], AssumeRolePolicyDocument=json.dumps(role["trust_policy"])
    )
    policy = json.dumps(role["permissions_policy"])
    iam.put_role_policy(RoleName=role["role_name"], PolicyName="deployer", PolicyDocument=policy)
    return role


@pytest.fixture(scope="module")
def applied(checkout, aws, deployer_role):
    """The first apply: umbrella's account is ready for it, the example's is not."""
    checkout.done("make bootstrap ENV=dev", **aws)
    return checkout.shell("make apply ENV=dev JOBS=8", **aws)


def test_apply_goes_on_past_a_failing_account_and_names_it(applied):
    assert applied.returncode != 0
    assert re.search(r"✓ umbrella 666666666666  Apply complete!", applied.stdout)
    assert "Failed: 1 of 2: example 222222222222" in applied.stderr


def test_apply_prints_the_terraform_commands_it_runs(applied):
    assert (
        "terraform -chdir=environments/customer init -reconfigure -backend-config=../dev/backend.hcl "
        "-backend-config=key=customers/umbrella/666666666666.tfstate"
    ) in applied.stderr


def test_bootstrap_a_second_time_finds_the_bucket(checkout, aws, applied):
    assert "is there" in checkout.done("make bootstrap ENV=dev", **aws)


def test_the_function_answers(checkout, aws, applied):
    printed = checkout.done('make invoke ENV=dev TENANT=umbrella PROMPT="Hello from dev"', **aws)
    assert "Hello from dev" in printed


def test_an_unknown_alias_is_refused_by_name(checkout, aws, applied):
    run = checkout.shell("make invoke ENV=dev TENANT=umbrella MODEL=opus PROMPT=Hello", **aws)
    assert run.returncode != 0
    assert (
        "ModelNotGrantedError: The model asked for is not granted to tenant umbrella" in run.stderr
    )


def test_nobody_may_read_the_records_while_the_stanza_names_no_reader(checkout, aws, applied):
    run = checkout.shell("make logs ENV=dev TENANT=umbrella", **aws)
    assert run.returncode != 0
    assert "bedrock-dev-umbrella-reader cannot be assumed" in run.stderr


def test_plan_after_apply_changes_nothing(checkout, aws, applied):
    printed = checkout.done("make plan ENV=dev TENANT=umbrella", **aws)
    assert printed.count("No changes") == 2


def test_the_customer_alone_can_apply_the_module_with_the_hand_over(checkout, aws, applied):
    inputs = checkout.done("make handover ENV=dev TENANT=umbrella", **aws)
    declared = (ROOT / "modules/customer-workload/variables.tf").read_text()
    for name in re.findall(r"^(\w+) = ", inputs, re.MULTILINE):
        assert f'variable "{name}"' in declared


def test_init_runs_again_only_once_what_it_reads_has_changed(checkout, aws, applied):
    def printed(**more):
        return checkout.shell("make handover ENV=dev TENANT=umbrella", **{**aws, **more}).stderr

    assert " init " not in printed()
    backend = checkout.root / "environments" / "dev" / "backend.hcl"
    backend.write_text(backend.read_text() + "# changed\n")
    assert " init " in printed()
    assert " init " not in printed()
    assert "Error" in printed(AWS_ACCESS_KEY_ID="nobody")
    assert " init " in printed()


def test_destroy_asks_first(checkout, aws, applied):
    run = checkout.shell("make destroy ENV=dev TENANT=umbrella < /dev/null", **aws)
    assert run.returncode != 0
    assert "write CONFIRM=dev" in run.stderr


def test_an_applied_tenant_survives_destroy_and_apply_with_its_log(checkout, aws, applied):
    checkout.done("make destroy ENV=dev TENANT=umbrella CONFIRM=dev", **aws)
    gone = checkout.shell("make invoke ENV=dev TENANT=umbrella PROMPT=Hello", **aws)
    assert "has no function bedrock-dev-umbrella yet" in gone.stderr
    again = checkout.done("make apply ENV=dev TENANT=umbrella", **aws)
    assert re.search(r"✓ umbrella 666666666666  Apply complete! Resources: [1-6] added", again)
    assert "Hello again" in checkout.done(
        'make invoke ENV=dev TENANT=umbrella PROMPT="Hello again"', **aws
    )
