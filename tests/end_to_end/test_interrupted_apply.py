"""Applies that fail, are interrupted and are killed, each completed with the command that it names."""

import json
import os
import pty
import re
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from tests.checkout import LOCAL_ENVIRONMENT, TERRAFORM_ITSELF
from tests.load import PATHS, client
from tools.bench.fleet import kill_everything, terraform_of
from tools.localaws.faults import Fault

OPERATIONS, ACME = "111111111111", "222222222222"
SECRETS = ("269170463fdc32af10a91e67a8fd77bd", "90c5a2d5c7a94b5bb3bb0b1f2b8a2f11")

LOCAL = (
    LOCAL_ENVIRONMENT
    + f"""\
tenants = {{
  acme = {{
    accounts = {{
      "{ACME}" = {{ readers = ["arn:aws:iam::{ACME}:user/auditor"] }}
    }}
    deployer     = {{ external_id = "{SECRETS[1]}" }}
    external_ids = {{ current = "{SECRETS[0]}" }}
    models = {{
      nova = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] }}
    }}
    workload = {{ memory_size = 512 }}
  }}
}}
"""
)
APPLY = "make apply ENV=local"


def exists(call, **arguments):
    try:
        return bool(call(**arguments))
    except ClientError:
        return False


@dataclass(frozen=True)
class Cloud:
    """The checkout with one tenant and its local AWS."""

    checkout: object

    def client(self, service, account_id):
        return client(self.checkout.control, account_id, service, config=PATHS)

    def keys(self):
        """The objects of the state bucket."""
        s3 = self.client("s3", OPERATIONS)
        [bucket] = s3.list_buckets()["Buckets"]
        objects = s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ())
        return {item["Key"]: bucket["Name"] for item in objects}

    def locks(self):
        return [key for key in self.keys() if key.endswith(".tflock")]

    def state(self, key):
        body = self.client("s3", OPERATIONS).get_object(Bucket=self.keys()[key], Key=key)["Body"]
        return json.load(body)

    def fault(self, service, operation, account, **parts):
        self.checkout.control.fault(Fault(service, operation, account=account, **parts))

    def start(self, command, **environment):
        """Start a command in a process group of its own, as a shell does."""
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.checkout.root,
            env={**self.checkout.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def change(self):
        """Change the stanza, so that the next apply has something to do."""
        file = self.checkout.root / "environments" / "local" / "terraform.tfvars"
        size = int(re.search(r"memory_size = (\d+)", file.read_text())[1])
        file.write_text(file.read_text().replace(str(size), str(size + 1)))


def wait_until(condition, process):
    """Wait while the command is at work; it must not end before the condition holds."""
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)


@pytest.fixture(scope="module")
def cloud(checkout):
    (checkout.root / "environments" / "local" / "terraform.tfvars").write_text(LOCAL)
    checkout.done("make up")
    return Cloud(checkout)


@pytest.fixture(scope="module")
def interrupted(cloud):
    """Ctrl-C while the role of the tenant exists and its policy is being written."""
    iam = cloud.client("iam", OPERATIONS)
    cloud.fault("iam", "PutRolePolicy", OPERATIONS, delay_seconds=4.0, times=5)
    process = cloud.start(APPLY, **TERRAFORM_ITSELF)  # the signal reaches its provider too
    wait_until(lambda: exists(iam.get_role, RoleName="bedrock-local-acme"), process)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    cloud.checkout.control.clear_faults()
    return process.returncode, output, cloud.locks()


def test_ctrl_c_waits_until_terraform_has_written_its_state_and_says_so(interrupted):
    code, output, locks = interrupted
    assert code != 0
    assert "ends the calls that are under way and writes its state (operations account)" in output
    assert f"`{APPLY}` continues" in output
    assert locks == []


@pytest.fixture(scope="module")
def failed(cloud, interrupted):
    """The account's first seconds: two calls are refused, and the answer to a third is lost."""
    denied = {"code": "AccessDeniedException", "status": 403}
    cloud.fault("logs", "PutRetentionPolicy", ACME, times=2, **denied)
    cloud.fault("iam", "PutRolePolicy", ACME, skip=1, **denied)
    run = cloud.checkout.shell(APPLY)
    cloud.checkout.control.clear_faults()
    return run, cloud.state("customers/acme/222222222222.tfstate")


def test_an_apply_that_fails_keeps_what_it_made(failed):
    run, state = failed
    assert run.returncode != 0
    assert "✓ operations account" in run.stdout
    assert "It is kept, and the next plan completes it." in run.stderr
    instances = [each for item in state["resources"] for each in item["instances"]]
    assert [each for each in instances if each.get("status") == "tainted"] == []
    types = [item["type"] for item in state["resources"] if item["mode"] == "managed"]
    assert types.count("aws_cloudwatch_log_group") == 2


@pytest.fixture(scope="module")
def killed(cloud, failed):
    """Everything is killed after Lambda has made the function, which the state does not know."""
    functions = cloud.client("lambda", ACME)
    cloud.fault("lambda", "GetFunction", ACME, skip=1, delay_seconds=30.0, times=5)
    process = cloud.start(APPLY, **TERRAFORM_ITSELF)  # the signal reaches its provider too
    wait_until(lambda: functions.list_functions()["Functions"], process)
    kill_everything(process)
    process.communicate()
    cloud.checkout.control.clear_faults()
    left = cloud.locks()
    refused = cloud.checkout.shell(f"{APPLY} TENANT=acme")
    unasked = cloud.checkout.shell("make unlock ENV=local TENANT=acme")
    return left, refused, unasked


def test_a_kill_leaves_a_lock_and_the_next_apply_names_the_command_that_continues(killed):
    left, refused, _ = killed
    assert left == ["customers/acme/222222222222.tfstate.tflock"]
    assert refused.returncode != 0
    assert "no make command of yours on this machine uses " in refused.stderr
    assert f"`{APPLY} TENANT=acme UNLOCK=1` removes these locks and continues." in refused.stderr


def test_a_lock_is_removed_only_when_that_is_confirmed(killed):
    _, _, unasked = killed
    assert unasked.returncode != 0
    assert "write CONFIRM=local" in unasked.stderr
    assert "acme 222222222222" in unasked.stdout


@pytest.fixture(scope="module")
def completed(cloud, killed):
    adopted = cloud.checkout.shell(f"{APPLY} UNLOCK=1")
    plan = cloud.checkout.done("make plan ENV=local TENANT=acme")
    return adopted, plan


def test_the_next_apply_adopts_what_the_state_does_not_know(completed):
    adopted, _ = completed
    assert adopted.returncode == 0, adopted.stderr
    assert "acme 222222222222  unlocked; it was locked by " in adopted.stdout
    assert "bedrock-local-acme exists and the state does not know it" in adopted.stderr
    assert (
        "= adopt, change module.customer_workload.aws_lambda_function.this[0]" in adopted.stdout
        or "= adopt module.customer_workload.aws_lambda_function.this[0]" in adopted.stdout
    )


def test_nothing_changes_after_it_and_nothing_is_there_twice_or_left_over(cloud, completed):
    assert completed[1].count("No changes") == 2
    assert cloud.locks() == []
    groups = cloud.client("logs", ACME).describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == [
        "/aws/lambda/bedrock-local-acme",
        "/bedrock/local/acme/records",
    ]
    assert len(cloud.client("kms", ACME).list_keys()["Keys"]) == 1


@pytest.fixture(scope="module")
def killed_again(cloud, completed):
    """The plans before and after everything is killed in an apply of a change that is then put back."""
    file = cloud.checkout.root / "environments" / "local" / "terraform.tfvars"
    text = file.read_text()
    before = cloud.checkout.done("make plan ENV=local")
    cloud.change()
    denied = {"code": "AccessDeniedException", "status": 403}
    cloud.fault(
        "lambda", "UpdateFunctionConfiguration", ACME, delay_seconds=30.0, times=5, **denied
    )
    process = cloud.start(f'{APPLY} PART="acme/{ACME}"')
    wait_until(cloud.locks, process)
    kill_everything(process)
    process.communicate()
    cloud.checkout.control.clear_faults()
    file.write_text(text)
    cloud.checkout.done("make unlock ENV=local TENANT=acme CONFIRM=local")
    return before, cloud.checkout.done("make plan ENV=local")


def test_an_account_whose_apply_was_killed_is_planned_although_its_stanza_is_as_it_was_applied(
    killed_again,
):
    before, after = killed_again
    assert before.endswith("1 account is as it was applied; ALL=1 plans it too.\n")
    assert f"acme {ACME}" not in before
    assert f"acme {ACME}" in after
    assert "as it was applied" not in after


def test_terraform_that_is_killed_alone_leaves_no_provider_and_its_lock_is_removed(
    cloud, completed, tmp_path
):
    cloud.change()
    cloud.fault("lambda", "UpdateFunctionConfiguration", ACME, delay_seconds=30.0, times=5)
    process = cloud.start(f'{APPLY} PART="acme/{ACME}"')
    wait_until(cloud.locks, process)
    os.kill(terraform_of(process), signal.SIGKILL)
    output, _ = process.communicate()
    cloud.checkout.control.clear_faults()
    assert "terraform apply was killed by SIGKILL" in output
    assert f"`{APPLY} UNLOCK=1` removes it and continues." in output
    assert cloud.locks() == [f"customers/acme/{ACME}.tfstate.tflock"]
    cloud.checkout.done(f'{APPLY} PART="acme/{ACME}" UNLOCK=1', TMPDIR=str(tmp_path))
    assert cloud.locks() == []


def test_a_lock_that_a_second_ctrl_c_leaves_is_removed_as_after_a_kill(cloud, completed):
    cloud.change()
    cloud.fault("lambda", "UpdateFunctionConfiguration", ACME, delay_seconds=30.0, times=5)
    process = cloud.start(f'{APPLY} PART="acme/{ACME}"')
    wait_until(cloud.locks, process)
    # Terraform is writing its state when the second signal comes.
    cloud.fault("s3", "PutObject", OPERATIONS, delay_seconds=10.0, times=5)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    cloud.checkout.control.clear_faults()
    assert "Stopping at once" in output
    assert f"`{APPLY} UNLOCK=1` removes it and continues." in output
    assert cloud.locks() == [f"customers/acme/{ACME}.tfstate.tflock"]
    refused = cloud.checkout.shell(f'{APPLY} PART="acme/{ACME}"')
    assert "UNLOCK=1` removes these locks and continues." in refused.stderr
    cloud.checkout.done(f'{APPLY} PART="acme/{ACME}" UNLOCK=1')
    assert cloud.locks() == []


def test_a_lock_of_another_machine_is_removed_by_unlock_alone(cloud, completed):
    key = f"customers/acme/{ACME}.tfstate"
    lock = {"ID": str(uuid.uuid4()), "Who": "runner@build-7", "Created": "2026-11-26T17:01:02.1Z"}
    cloud.client("s3", OPERATIONS).put_object(
        Bucket=cloud.keys()[key], Key=f"{key}.tflock", Body=json.dumps(lock)
    )
    cloud.checkout.done(f"{APPLY} TENANT=acme UNLOCK=1")  # which has nothing to write
    assert cloud.locks() == [f"{key}.tflock"]
    unlocked = cloud.checkout.done("make unlock ENV=local TENANT=acme CONFIRM=local")
    assert "unlocked; it was locked by runner@build-7" in unlocked
    assert "`make apply ENV=local TENANT=acme` continues" in unlocked
    assert cloud.locks() == []


def test_a_terminal_is_asked_and_another_answer_applies_nothing(cloud, completed):
    functions = cloud.client("lambda", ACME)
    name = "bedrock-local-acme"
    before = functions.get_function_configuration(FunctionName=name)["MemorySize"]
    cloud.change()
    terminal, other_end = pty.openpty()
    os.write(terminal, b"no\n")
    run = subprocess.run(
        ["make", "apply", "ENV=local", "PART=acme/222222222222"],
        cwd=cloud.checkout.root,
        env=cloud.checkout.environment,
        stdin=other_end,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(terminal)
    os.close(other_end)
    assert "~ change module.customer_workload.aws_lambda_function.this[0]" in run.stdout
    assert "Type local to continue" in run.stderr
    assert "Nothing was applied." in run.stderr
    assert run.returncode != 0
    assert functions.get_function_configuration(FunctionName=name)["MemorySize"] == before


def test_two_applies_at_once_end_well_or_say_why(cloud, completed):
    part = f'{APPLY} PART="acme/{ACME}"'
    processes = [cloud.start(part), cloud.start(part)]
    plan = cloud.checkout.shell("make plan ENV=local TENANT=acme")
    runs = [(process.communicate()[0], process.returncode) for process in processes]
    assert plan.returncode == 0, plan.stderr
    assert 0 in [code for _, code in runs]
    for output, code in runs:
        assert code == 0 or "because another command applied meanwhile" in output, output
    assert cloud.locks() == []


def test_no_external_id_is_shown(cloud, completed, failed):
    printed = cloud.checkout.done("make output ENV=local JSON=1")
    assert "arn:aws:iam::111111111111:role/bedrock-local-acme" in printed
    texts = [printed, completed[1], completed[0].stdout, completed[0].stderr, failed[0].stderr]
    cloud.change()
    texts.append(cloud.checkout.done("make plan ENV=local TENANT=acme"))
    assert "TENANT_BEDROCK" in texts[-1] or "memory_size" in texts[-1]
    for secret in SECRETS:
        assert [text for text in texts if secret in text] == []
    assert SECRETS[0] in cloud.checkout.done("make handover ENV=local TENANT=acme JSON=1")
