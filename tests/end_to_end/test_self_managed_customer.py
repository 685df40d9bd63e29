"""The life of a customer that manages its account itself, by the commands of both sides."""

import json
import re
import shutil
from dataclasses import dataclass, field

import boto3
import pytest

from tests.checkout import LOCAL_ENVIRONMENT
from tools.localaws.control import Control
from tools.release import release_version

ACCOUNT = "777777777777"
ENVIRONMENT = (
    LOCAL_ENVIRONMENT
    + """\
tenants = {
}
"""
)


@dataclass
class Life:
    """The operator's checkout, the customer's copy of what was handed over, and what commands printed."""

    checkout: object
    control: Control
    printed: dict[str, str] = field(default_factory=dict)

    def operator(self, words):
        """Run a command of the operator, and keep what it printed on both streams."""
        run = self.checkout.shell(words)
        self.printed[words] = run.stdout + run.stderr
        assert run.returncode == 0, self.printed[words]
        return run.stdout

    @property
    def root(self):
        return self.checkout.root / "customers-copy"

    def receive(self):
        """Replace everything but main.tf by what the operator sent, as its README.md says."""
        sent = self.checkout.root / "build" / "handover" / "local" / "hooli" / ACCOUNT
        main = self.root / "main.tf"
        text = main.read_text() if main.is_file() else (sent / "main.tf").read_text()
        shutil.copytree(sent, self.root, dirs_exist_ok=True)
        main.write_text(text)

    def customer(self, words):
        """Run a command in the customer's root, as the administrator of its account."""
        exports = f'eval "$(make up ACCOUNT={ACCOUNT})" && cd customers-copy'
        return self.checkout.done(f"{exports} && {words}")

    def client(self, service):
        keys = self.control.account(ACCOUNT, user="owner")
        return boto3.client(
            service,
            endpoint_url=self.control.endpoint,
            region_name="eu-central-1",
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
        )

    def call(self, prompt):
        """What the customer's function answers."""
        result = self.client("lambda").invoke(
            FunctionName="bedrock-local-hooli", Payload=json.dumps({"prompt": prompt})
        )
        return json.load(result["Payload"])

    def hand_over(self):
        """The operator applies and writes the hand-over, and the customer applies it."""
        self.operator("make apply ENV=local")
        self.operator("make handover ENV=local TENANT=hooli")
        self.receive()
        return self.customer("terraform init -no-color && terraform apply -auto-approve -no-color")


@pytest.fixture(scope="module")
def life(checkout):
    tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"
    tfvars.write_text(ENVIRONMENT)
    checkout.done("make up")
    life = Life(checkout, checkout.control)
    life.operator(f"make tenant ENV=local NAME=hooli ACCOUNT={ACCOUNT} MANAGER=customer")
    return life


@pytest.fixture(scope="module")
def applied(life):
    return life.hand_over()


def test_the_root_that_is_handed_over_applies_as_it_is(life, applied):
    assert re.search(r"Apply complete! Resources: \d+ added, 0 changed, 0 destroyed", applied)
    assert life.customer("sha256sum --quiet --check SHA256SUMS && echo intact") == "intact\n"
    answer = life.call("Who manages this account?")
    assert answer["record"]["delivery"] == "delivered"


def test_the_handover_prints_the_module_call_with_its_version_and_the_hash_of_the_zip(
    life, applied
):
    printed = life.printed["make handover ENV=local TENANT=hooli"]
    assert 'source = "./modules/customer-workload"' in printed
    assert f"version {release_version()}" in printed
    assert re.search(r"[0-9a-f]{64}  tenant-bedrock-host-py3\.\d+\.zip", printed)


def test_its_resources_have_the_tags_that_the_operator_would_give_them(life, applied):
    function = life.client("lambda").get_function(FunctionName="bedrock-local-hooli")
    assert function["Tags"] == {
        "environment": "local",
        "managed-by": "terraform",
        "tenant": "hooli",
    }


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("make plan ENV=local", f"hooli {ACCOUNT} is managed by its customer and is left out"),
        ("make prove ENV=local", f"hooli {ACCOUNT} (managed by its customer) is not planned"),
        ("make accounts ENV=local", "customer"),
        ("make output ENV=local", "managed by its customer"),
        ("make doctor ENV=local", "the customer applies the module itself"),
    ],
)
def test_the_operators_commands_leave_it_out_with_a_word(life, applied, command, words):
    life.operator(command)
    assert words in life.printed[command]


@pytest.mark.parametrize(
    "command",
    [
        "make deployer ENV=local TENANT=hooli",
        "make inspector ENV=local TENANT=hooli",
        "make invoke ENV=local TENANT=hooli PROMPT=hello",
    ],
)
def test_a_command_that_needs_a_deployer_says_who_manages_the_account(life, applied, command):
    run = life.checkout.shell(command)
    assert run.returncode != 0
    assert f"hooli {ACCOUNT} is managed by its customer" in run.stderr


@pytest.fixture(scope="module")
def rotation(life, applied):
    """What the second step says before the customer has confirmed, and the answer after the last one."""
    life.operator("make rotate ENV=local TENANT=hooli")
    life.hand_over()
    refusal = life.checkout.shell("make rotate ENV=local TENANT=hooli").stderr
    life.operator(f"make rotate ENV=local TENANT=hooli CONFIRM={ACCOUNT}")
    life.operator("make apply ENV=local")
    life.client("lambda").update_function_configuration(
        FunctionName="bedrock-local-hooli", Timeout=100
    )  # a new process assumes the role itself
    return refusal, life.call("And now?")


def test_its_external_id_is_rotated_once_the_customer_has_confirmed(rotation):
    refusal, answer = rotation
    assert f"account {ACCOUNT} is managed by its customer" in refusal
    assert "answer" in answer


NAMES = f"ENV=local TENANT=hooli ACCOUNT={ACCOUNT}"


def identity(life):
    """What would change if the function, a role or the records were made anew."""
    role = life.client("iam").get_role(RoleName="bedrock-local-hooli-execution")["Role"]
    groups = life.client("logs").describe_log_groups()["logGroups"]
    return role["RoleId"], {group["logGroupName"]: group["creationTime"] for group in groups}


@pytest.fixture(scope="module")
def handed_back(life, rotation):
    """The customer hands its account to the operator, as docs/how-to/self-managed-customers.md describes it."""
    before = identity(life)
    tfvars = life.checkout.root / "environments" / "local" / "terraform.tfvars"
    text = re.sub(r'managed_by *= "customer"', 'managed_by = "operator"', tfvars.read_text())
    deployer = 'deployer = { external_id = "7dab91d9b7b3e1d4a3b55ebc5cd9ad1b" }'
    tfvars.write_text(text.replace("hooli = {", f"hooli = {{\n    {deployer}"))
    life.operator("make accounts ENV=local")
    life.operator(
        "make plan ENV=local"
    )  # prepares the account as the customer does with `make deployer`
    key = life.client("kms").describe_key(KeyId="alias/bedrock-local-hooli")["KeyMetadata"]["Arn"]
    life.customer(
        "terraform state rm 'module.customer_workload.aws_kms_key.records[0]' "
        "'module.customer_workload.aws_kms_alias.records[0]'"
    )
    main = life.root / "main.tf"
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-local-hooli-boundary"
    arguments = f'key_arn = "{key}"\n  permissions_boundary = "{boundary}"\n  account_id'
    main.write_text(re.sub(r"(?m)^  account_id\b", f"  {arguments}", main.read_text(), count=1))
    life.customer("terraform apply -auto-approve -no-color")
    life.operator("make apply ENV=local")
    return before, life.call("And the operator?")


def test_the_operator_adopts_what_the_customer_made(life, handed_back):
    before, answer = handed_back
    assert identity(life) == before
    assert "answer" in answer
    plan = life.operator("make plan ENV=local ALL=1")
    assert f"hooli {ACCOUNT}  No changes" in plan


@pytest.fixture(scope="module")
def taken_over(life, handed_back):
    """The customer manages its account again, and begins with the folder alone."""
    before = identity(life)
    tfvars = life.checkout.root / "environments" / "local" / "terraform.tfvars"
    tfvars.write_text(tfvars.read_text().replace('"operator"', '"customer"'))
    shutil.rmtree(life.root)
    orphans = life.operator("make orphans ENV=local")
    applied = life.hand_over()
    life.operator(f"make forget {NAMES} CONFIRM={ACCOUNT}")
    (life.root / "imports.tf").unlink()
    return before, orphans, applied


def test_the_customer_takes_over_what_the_operator_made(life, taken_over):
    before, orphans, applied = taken_over
    assert f"make forget {NAMES}" in orphans
    assert re.search(r"Resources: \d imported, \d+ added, \d+ changed, 0 destroyed", applied)
    assert identity(life) == before
    assert "answer" in life.call("And now me?")


def test_nothing_is_left_of_the_operators_state(life, taken_over):
    left = life.operator("make orphans ENV=local")
    assert left == "Every state, hand-over and role has a stanza.\n"
    life.operator(f"make handover {NAMES}")
    sent = life.checkout.root / "build" / "handover" / "local" / "hooli" / ACCOUNT
    assert not (sent / "imports.tf").exists()
    assert "No changes" in life.customer("terraform plan -no-color")


@pytest.fixture(scope="module")
def offboarded(life, taken_over):
    tfvars = life.checkout.root / "environments" / "local" / "terraform.tfvars"
    tfvars.write_text(
        tfvars.read_text().replace("hooli = {", 'hooli = {\n    state = "offboarding"')
    )
    return life.hand_over()


def test_offboarding_removes_its_function_and_keeps_its_records(life, offboarded):
    functions = life.client("lambda").list_functions()["Functions"]
    assert functions == []
    groups = life.client("logs").describe_log_groups()["logGroups"]
    assert "/bedrock/local/hooli/records" in {group["logGroupName"] for group in groups}
