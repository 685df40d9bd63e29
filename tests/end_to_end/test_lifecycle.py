"""A tenant's life on the local AWS: a new ExternalId under load, suspension, offboarding."""

import hashlib
import json
import re
from dataclasses import dataclass

import pytest

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import Caller, Load, client
from tools.localaws.control import Control
from tools.tenants.stanza_state import DENIAL

OLD = "269170463fdc32af10a91e67a8fd77bd"

LOCAL = (
    LOCAL_ENVIRONMENT
    + f"""\
tenants = {{
  acme = {{
    accounts = {{
      "222222222222" = {{ readers = ["arn:aws:iam::222222222222:user/auditor"] }}
    }}
    deployer     = {{ external_id = "90c5a2d5c7a94b5bb3bb0b1f2b8a2f11" }}
    external_ids = {{ current = "{OLD}" }} # minted in March
    models = {{
      nova = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] }}
    }}
  }}
}}
"""
)


@dataclass(frozen=True)
class Life:
    """The checkout with one tenant, its local AWS and its caller."""

    checkout: object
    control: Control
    caller: Caller

    @property
    def tfvars(self):
        return self.checkout.root / "environments" / "local" / "terraform.tfvars"

    def state(self, word):
        """Change one word of the stanza."""
        text = re.sub(r'\n    state = "\w+"', "", self.tfvars.read_text())
        self.tfvars.write_text(text.replace("acme = {", f'acme = {{\n    state = "{word}"'))

    def assumed(self):
        """Every time the tenant's role was assumed."""
        role = "arn:aws:iam::111111111111:role/bedrock-local-acme"
        return self.control.calls(action="sts:AssumeRole", resource=role)


@pytest.fixture(scope="module")
def life(checkout):
    (checkout.root / "environments" / "local" / "terraform.tfvars").write_text(LOCAL)
    checkout.done("make up")
    checkout.done("make apply ENV=local")
    control = checkout.control
    return Life(checkout, control, Caller(control, "222222222222", "bedrock-local-acme"))


@pytest.fixture(scope="module")
def examinations(life):
    """What `make doctor` says of an intact environment, and after five changes that somebody makes by hand."""
    command = "make doctor ENV=local JSON=1"
    intact = json.loads(life.checkout.done(command))
    table = life.checkout.done("make doctor ENV=local TENANT=acme")
    s3 = client(life.control, "111111111111", "s3")
    [bucket] = [item["Name"] for item in s3.list_buckets()["Buckets"]]
    handover = {"Bucket": bucket, "Key": "handovers/acme.json"}
    body = s3.get_object(**handover)["Body"].read()
    lock = {"Bucket": bucket, "Key": "customers/acme/222222222222.tfstate.tflock"}
    details = {
        "ID": "1",
        "Operation": "OperationTypeApply",
        "Who": "ci",
        "Created": "2026-01-01T00:00:00Z",
    }
    deployer = client(life.control, "222222222222", "iam")
    role = {"RoleName": "terraform-deployer"}
    tags = deployer.list_role_tags(**role)["Tags"]

    s3.delete_object(**handover)
    s3.put_object(**lock, Body=json.dumps(details))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    earlier = {"deployer-release": "0.1.0", "deployer-version": "1"}
    deployer.tag_role(**role, Tags=[{"Key": key, "Value": text} for key, text in earlier.items()])
    inspector = {"RoleName": "bedrock-local-acme-inspector"}
    trust = deployer.get_role(**inspector)["Role"]["AssumeRolePolicyDocument"]
    nobody = json.dumps({**trust, "Statement": [{**trust["Statement"][0], "Effect": "Deny"}]})
    deployer.update_assume_role_policy(**inspector, PolicyDocument=nobody)
    run = life.checkout.shell(command)
    deployer.update_assume_role_policy(**inspector, PolicyDocument=json.dumps(trust))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(**handover, Body=body)
    s3.delete_object(**lock)
    deployer.tag_role(**role, Tags=tags)
    assert run.returncode == 2, run.stderr  # of make
    again = life.checkout.shell(command)
    return intact, table, json.loads(run.stdout), again


WHO = "import boto3; sts = boto3.client('sts'); print(sts.meta.region_name, sts.get_caller_identity()['Arn'])"


@pytest.mark.parametrize(
    ("command", "arn"),
    [
        ("make up", "arn:aws:iam::111111111111:user/deployer"),
        ("make up AS=acme", "arn:aws:iam::222222222222:user/administrator"),
        ("make up AS=acme/auditor ACCOUNT=222222222222", "arn:aws:iam::222222222222:user/auditor"),
        ("make up ACCOUNT=222222222222", "arn:aws:iam::222222222222:user/administrator"),
    ],
)
def test_boto3_needs_nothing_but_the_exports_of_up(life, command, arn):
    python = f'eval "$({command})" && env -u AWS_EC2_METADATA_DISABLED .venv/bin/python -c "{WHO}"'
    assert life.checkout.done(python) == f"eu-central-1 {arn}\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("AS=acme/owner", "write AS=acme for the administrator"),
        ("AS=acm", "it has acme"),
        ("AS=acme ACCOUNT=333333333333", "333333333333"),
        ("ACCOUNT=999999999999", "write ACCOUNT= with one of"),
    ],
)
def test_up_refuses_a_user_that_does_not_exist(life, options, sentence):
    run = life.checkout.shell(f"make up {options}")
    assert run.returncode == 2
    assert run.stdout == ""
    assert sentence in run.stderr


def test_the_doctor_shows_what_it_can_check_without_credentials(life):
    credentials = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "none",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",  # nobody listens there
    }
    run = life.checkout.shell("make doctor ENV=dev JSON=1", **credentials)
    assert run.returncode == 2
    toolchain, missing, *others = json.loads(run.stdout)
    assert toolchain["status"] == "ok"
    assert (missing["status"], missing["state"]) == ("to do", "not usable")
    assert (
        "Unable to locate credentials. Credentials of AWS come from the role" in missing["advice"]
    )
    assert "It needs credentials of the operations account" in missing["advice"]
    assert {check["subject"].split()[0] for check in others} == {"network"}


def test_the_doctor_has_no_advice_for_an_environment_that_is_applied(examinations):
    intact, table, _, again = examinations
    assert [check["subject"] for check in intact] == [
        "Terraform and its provider",
        "credentials",
        "clock",
        "network",
        "state bucket",
        "acme hand-over",
        "amazon.nova-lite-v1:0 in eu-central-1",
        "data retention in eu-central-1",
        "invocation logging in eu-central-1",
        "roles",
        "managed policies",
        "inference profiles",
        "acme/222222222222 deployer",
        "acme/222222222222 inspector",
    ]
    assert {(check["status"], check["advice"]) for check in intact} == {("ok", "")}
    assert "is protected" in table
    assert again.returncode == 0


def test_the_doctor_names_what_somebody_changed_and_what_to_do(examinations):
    changed = {check["subject"]: check for check in examinations[2] if check["advice"]}
    assert set(changed) == {
        "state bucket",
        "lock on customers/acme/222222222222.tfstate",
        "acme hand-over",
        "acme/222222222222 deployer",
        "acme/222222222222 inspector",
    }
    assert {check["status"] for check in changed.values()} == {"to do"}
    advice = {subject: check["advice"] for subject, check in changed.items()}
    assert "Versioning is not enabled" in changed["state bucket"]["state"]
    assert "`make bootstrap ENV=local`" in advice["state bucket"]
    assert "`make unlock ENV=local`" in advice["lock on customers/acme/222222222222.tfstate"]
    assert "missing, although the tenant has a role" in changed["acme hand-over"]["state"]
    deployer = changed["acme/222222222222 deployer"]["state"]
    assert "version 1 of release 0.1.0. It is not version 2." in deployer
    assert (
        "`make deployer ENV=local TENANT=acme ACCOUNT=222222222222`"
        in advice["acme/222222222222 deployer"]
    )


@dataclass(frozen=True)
class Rotation:
    """What each step printed, the file after it, and the calls that were made meanwhile."""

    load: Load
    first: str
    planned: str  # before the first apply
    proof_text: str  # what `make plan PROOF=` prints
    too_early: str  # the customer's plan, before the operations plan is applied
    as_proved: str
    both: str
    refused: str
    last: str
    tfvars: str
    new_process: dict
    sessions: list


@pytest.fixture(scope="module")
def rotation(life):
    checkout = life.checkout
    with Load(life.caller) as load:
        first = checkout.done("make rotate ENV=local TENANT=acme")
        planned = checkout.done("make plan ENV=local")
        both = life.tfvars.read_text()
        refused = checkout.shell("make rotate ENV=local TENANT=acme").stderr
        certificate = json.loads(checkout.done("make prove ENV=local JSON=1"))["certificate"]
        proof = f"PROOF={(checkout.root / certificate).parent}"
        proof_text = checkout.done(f"make plan ENV=local {proof}")
        customer = f'make apply ENV=local PART="acme/222222222222" {proof}'
        too_early = checkout.shell(f"{customer} 2>&1").stdout
        checkout.done(f"make apply ENV=local PART=operations {proof}")
        as_proved = checkout.shell(f"{customer} 2>&1").stdout
        last = checkout.done("make rotate ENV=local TENANT=acme")
        checkout.done("make apply ENV=local")
    before = len(life.assumed())
    life.caller.restart()
    new_process = life.caller.call("And now?")
    return Rotation(
        load,
        first,
        planned,
        proof_text,
        too_early,
        as_proved,
        both,
        refused,
        last,
        life.tfvars.read_text(),
        new_process,
        life.assumed()[before:],
    )


def test_no_call_fails_while_the_external_id_is_rotated(rotation):
    assert rotation.load.failed == []
    assert rotation.load.answered > 20


def test_the_first_step_adds_a_new_one_and_keeps_the_old(rotation):
    assert "Step 2: run `make apply ENV=local TENANT=acme`" in rotation.first
    new = re.search(rf'current = "([0-9a-f]{{32}})", previous = "{OLD}"', rotation.both).group(1)
    assert new != OLD


CHANGED = re.compile(r"TENANT_BEDROCK\.external_id: \(an ExternalId of acme\) → \(an ExternalId")


def test_a_plan_shows_what_the_new_external_id_changes_in_the_account_and_not_its_value(rotation):
    for text in (rotation.planned, rotation.proof_text):
        account = text.split("acme 222222222222")[1]
        assert account.startswith("  Plan: 0 to add, 1 to change, 0 to destroy.")
        assert CHANGED.search(account)
        assert OLD not in text
        assert not re.search(r"[0-9a-f]{32}", text)


def test_a_plan_for_a_later_hand_over_is_applied_once_exactly_that_is_handed_over(rotation):
    made_again = "is not the one that its plan was made with; it is planned and proved again"
    assert made_again in " ".join(rotation.too_early.split())
    assert "acme 222222222222  No changes." in rotation.too_early
    assert made_again not in " ".join(rotation.as_proved.split())
    assert "0 added, 1 changed, 0 destroyed" in rotation.as_proved
    assert CHANGED.search(rotation.as_proved)


def test_the_last_step_is_refused_while_a_function_calls_with_the_old_one(rotation):
    assert "222222222222 still uses the old one in bedrock-local-acme" in rotation.refused


def test_after_the_last_step_only_the_new_one_is_left_and_a_new_session_takes_it(rotation):
    assert "is removed" in rotation.last
    assert OLD not in rotation.tfvars
    assert "# minted in March" in rotation.tfvars
    assert "answer" in rotation.new_process
    assert [session.allowed for session in rotation.sessions] == [True]


def test_the_role_no_longer_accepts_the_old_one(life, rotation):
    iam = client(life.control, "111111111111", "iam")
    trust = iam.get_role(RoleName="bedrock-local-acme")["Role"]["AssumeRolePolicyDocument"]
    (accepted,) = trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"]
    assert f'current = "{accepted}"' in rotation.tfvars


def test_capacity_counts_the_tenant_as_it_is_applied(life, rotation):
    printed = life.checkout.done("make capacity ENV=local JSON=1")
    limits = {limit["name"]: limit for limit in json.loads(printed)["limits"]}
    assert limits["roles in the account"]["more_tenants"] == 999
    assert limits["trust policy, characters"]["fullest_tenant"] == "acme"
    assert 0 < limits["TENANT_BEDROCK, bytes"]["used"] < 4096


def test_what_exists_is_not_proved_once_somebody_widens_it_by_hand(life, rotation):
    iam = client(life.control, "111111111111", "iam")
    slip = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::theirs/*"}
    named = {"RoleName": "bedrock-local-acme", "PolicyName": "slip"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [slip]})
    iam.put_role_policy(**named, PolicyDocument=document)
    run = life.checkout.shell("make prove ENV=local STATE=1")
    iam.delete_role_policy(**named)
    assert run.returncode != 0
    assert (
        "acme, permissions: the policies allow a request that the stanza does not grant"
        in run.stdout
    )
    assert re.search(r'action +"s3:PutObject"', run.stdout)
    assert "slip: statement 1 allows s3:PutObject" in " ".join(run.stdout.split())


def test_a_customer_account_is_not_applied_unproved(life, rotation):
    """The module is widened, as by a change that nobody proved; the role keeps its policy."""
    iam = client(life.control, "222222222222", "iam")
    named = {"RoleName": "bedrock-local-acme-execution", "PolicyName": "execution"}
    before = iam.get_role_policy(**named)["PolicyDocument"]
    code = life.checkout.root / "modules" / "customer-workload" / "execution.tf"
    text = code.read_text()
    code.write_text(text.replace("Resource = var.operations_role.arn", 'Resource = "*"'))
    run = life.checkout.shell('make apply ENV=local PART="acme/222222222222"')
    code.write_text(text)
    assert run.returncode != 0
    assert "permissions: the policies allow a request that the stanza does not grant" in run.stdout
    assert "The plan is not proved, so it is not applied." in run.stderr
    assert iam.get_role_policy(**named)["PolicyDocument"] == before


@dataclass(frozen=True)
class Suspension:
    """The answers of the steps from the proof of a suspended tenant's plans to its calls."""

    proof: dict
    altered: str
    answer_after_altered: dict
    forged: str
    changed: str
    proof_text: str
    applied: str
    answer: dict
    sessions: list


@pytest.fixture(scope="module")
def suspension(life, rotation):
    """The tenant is suspended with the plan that was proved, after attempts with another one."""
    checkout, caller = life.checkout, life.caller
    assert "answer" in caller.call("Before")
    before = len(life.assumed())
    life.state("suspended")
    proof = json.loads(checkout.done("make prove ENV=local JSON=1"))
    folder = (checkout.root / proof["certificate"]).parent
    plan, certificate = folder / "plans" / "operations.tfplan", folder / "certificate.json"
    sha256 = hashlib.sha256(certificate.read_bytes()).hexdigest()
    apply = f"make apply ENV=local PART=operations PROOF={folder} SHA256={sha256}"

    proved_bytes, proved_text = plan.read_bytes(), certificate.read_text()
    plan.write_bytes(proved_bytes + b"!")
    altered = checkout.shell(apply).stderr
    certificate.write_text(
        proved_text.replace(
            hashlib.sha256(proved_bytes).hexdigest(), hashlib.sha256(plan.read_bytes()).hexdigest()
        )
    )
    forged = checkout.shell(apply).stderr
    answer_after_altered = caller.call("Not yet")

    plan.write_bytes(proved_bytes)
    certificate.write_text(proved_text)
    proof_text = checkout.done(f"make plan ENV=local TENANT=acme PROOF={folder}")
    iam = client(life.control, "111111111111", "iam")
    role = {"RoleName": "bedrock-local-acme", "PolicyName": "grants"}
    granted = iam.get_role_policy(**role)["PolicyDocument"]
    by_hand = json.dumps({**granted, "Statement": [DENIAL, *granted["Statement"]]})
    iam.put_role_policy(**role, PolicyDocument=by_hand)
    changed = checkout.shell(apply).stderr
    iam.put_role_policy(**role, PolicyDocument=json.dumps(granted))
    applied = checkout.done(apply)
    answer, sessions = caller.call("After"), life.assumed()[before:]
    return Suspension(
        proof, altered, answer_after_altered, forged, changed, proof_text, applied, answer, sessions
    )


@pytest.fixture(scope="module")
def suspended(suspension):
    """What a live session is answered once the stanza says so; and how often a role was assumed for it."""
    return suspension.answer, suspension.sessions


def test_what_is_planned_is_proved(suspension):
    assert suspension.proof["proved"]
    assert [plan["root"] for plan in suspension.proof["plans"]] == [
        "operations account 111111111111",
        "customer account 222222222222",
    ]
    assert all(plan["claims"] for plan in suspension.proof["plans"])


def test_a_plan_that_was_altered_after_the_proof_is_refused(suspension):
    assert "operations.tfplan is not the plan of operations account that was proved" in (
        suspension.altered
    )
    assert "certificate.json is not the certificate whose SHA-256 is" in suspension.forged
    assert "answer" in suspension.answer_after_altered


def test_a_plan_is_refused_when_iam_has_another_policy_than_it_was_made_from(suspension):
    assert "The role of acme has another policy in IAM than when this plan was made" in (
        suspension.changed
    )


def test_the_plan_that_was_proved_is_shown_and_applied_and_what_exists_is_proved(suspension):
    assert "SuspendedTenantsMayDoNothing" in suspension.proof_text
    assert "0 added, 1 changed, 0 destroyed" in suspension.applied
    assert suspension.applied.count("Proved in") == 2
    assert "after-apply/certificate.md" in suspension.applied


def test_a_suspended_tenants_live_session_is_denied_at_once(suspended):
    answer, sessions = suspended
    assert answer["errorType"] == "TenantSuspendedError"
    assert "After" not in answer["errorMessage"]
    assert sessions == []


def test_an_active_tenant_is_answered_again_by_the_same_session(life, suspended):
    life.state("active")
    refused = life.checkout.shell("make apply ENV=local PART=operations").stderr
    assert "the suspension of acme is lifted" in refused
    life.checkout.done("make apply ENV=local PART=operations CONFIRM=acme")
    assert "answer" in life.caller.call("Back?")


@pytest.fixture(scope="module")
def offboarded(life, suspended):
    life.state("offboarding")
    return life.checkout.done("make apply ENV=local TENANT=acme CONFIRM=acme")


def test_offboarding_takes_the_function_and_its_role_away(life, offboarded):
    assert "acme 222222222222" in offboarded
    assert not life.caller.exists()
    iam = client(life.control, "222222222222", "iam")
    roles = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert "bedrock-local-acme-execution" not in roles
    assert "bedrock-local-acme-reader" in roles


def test_an_offboarded_tenants_records_stay_readable_to_its_readers(life, offboarded):
    printed = life.checkout.done("make logs ENV=local TENANT=acme JSON=1")
    assert "And now?" in printed


def test_a_plan_after_offboarding_changes_nothing(life, offboarded):
    printed = life.checkout.done("make plan ENV=local TENANT=acme")
    assert printed.count("No changes") == 2
