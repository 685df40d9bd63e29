"""Nothing is destroyed unasked: lost stanzas, suspension beside a broken stanza, and the end of a tenant."""

import json
import re
import zipfile

import boto3
import pytest

from tests.checkout import LOCAL_ENVIRONMENT

STANZA = """\
  {name} = {{
    accounts = {{
      "{account}" = {{ readers = ["arn:aws:iam::{account}:user/auditor"] }}
    }}
    deployer     = {{ external_id = "90c5a2d5c7a94b5bb3bb0b1f2b8a2f1{number}" }}
    external_ids = {{ current = "269170463fdc32af10a91e67a8fd77b{number}" }}
    models       = {{ nova = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] }} }}
  }}
"""
STANZAS = {
    name: STANZA.format(name=name, account=account, number=account[0])
    for name, account in {"acme": "222222222222", "globex": "333333333333", "initech": "555555555555"}.items()
}  # fmt: skip


class Fleet:
    """The checkout with three tenants, and the local AWS that they are applied to."""

    def __init__(self, checkout):
        self.checkout = checkout
        self.tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"

    def write(self, *stanzas):
        self.tfvars.write_text(f"{LOCAL_ENVIRONMENT}tenants = {{\n{''.join(stanzas)}}}\n")

    def refused(self, command):
        """What a command prints that fails."""
        run = self.checkout.shell(command)
        assert run.returncode != 0, run.stdout
        return run.stdout + run.stderr

    def roles(self):
        keys = self.checkout.control.account("111111111111", user="owner")
        iam = boto3.client(
            "iam",
            endpoint_url=self.checkout.control.endpoint,
            region_name="eu-central-1",
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
        )
        names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
        return {name.removeprefix("bedrock-local-") for name in names if "bedrock-local-" in name}


@pytest.fixture(scope="module")
def fleet(checkout):
    fleet = Fleet(checkout)
    fleet.write(*STANZAS.values())
    checkout.done("make up")
    checkout.done("make apply ENV=local")
    assert fleet.roles() == set(STANZAS)
    return fleet


@pytest.fixture(scope="module")
def one_change(fleet):
    """What is planned right after an apply, and after a change of one stanza among three."""
    after_apply = fleet.checkout.done("make plan ENV=local")
    fleet.write(
        STANZAS["acme"].replace("models  ", "workload = { timeout = 61 }\n    models  "),
        *(STANZAS[name] for name in ("globex", "initech")),
    )
    proof = json.loads(fleet.checkout.done("make prove ENV=local JSON=1"))
    folder = proof["certificate"].removesuffix("/certificate.md")
    proved_plan = fleet.checkout.done(f"make plan ENV=local PROOF={folder}")
    first_apply = fleet.checkout.done("make apply ENV=local")
    fleet.write(*STANZAS.values())
    second_apply = fleet.checkout.done("make apply ENV=local")
    return after_apply, proof, proved_plan, first_apply, second_apply


def test_no_account_is_planned_right_after_its_apply(one_change):
    after_apply, *_ = one_change
    assert "✓ operations account" in after_apply
    assert after_apply.endswith("3 accounts are as they were applied; ALL=1 plans them too.\n")


def test_a_change_of_one_stanza_plans_proves_and_applies_its_account_alone(one_change):
    _, proof, proved_plan, *applies = one_change
    assert [plan["root"] for plan in proof["plans"]] == [
        "operations account 111111111111",
        "customer account 222222222222",
    ]
    assert proof["unchanged"] == ["globex 333333333333", "initech 555555555555"]
    for text in (proved_plan, *applies):
        assert "acme 222222222222" in text
        assert "2 accounts are as they were applied; ALL=1 plans them too." in text
        assert "globex" not in text
        assert "initech" not in text
    for text in applies:
        assert "0 added, 1 changed, 0 destroyed" in text


def test_the_saved_plan_of_an_account_has_the_external_ids_of_its_own_tenant_alone(
    fleet, one_change
):
    _, proof, *_ = one_change
    folder = (fleet.checkout.root / proof["certificate"]).parent / "plans"
    found = {}
    for file in folder.rglob("*.tfplan"):
        with zipfile.ZipFile(file) as archive:
            content = b"".join(map(archive.read, archive.namelist()))
        external_ids = {name: re.findall('"([0-9a-f]{32})"', STANZAS[name]) for name in STANZAS}
        found[file.name] = {
            name
            for name, texts in external_ids.items()
            if any(text.encode() in content for text in texts)
        }
    operations = found.pop("operations.tfplan")
    assert (operations, *found.values()) == (set(STANZAS), {"acme"})


@pytest.fixture(scope="module")
def merge(fleet, one_change):
    """What the commands print after a merge that lost two of three stanzas; the last one is confirmed for acme only."""
    fleet.write(STANZAS["initech"])
    proof = json.loads(fleet.checkout.done("make prove ENV=local JSON=1"))["certificate"]
    proof = proof.removesuffix("/certificate.md")
    printed = {
        command: fleet.refused(f"make apply ENV=local {command}")
        for command in (
            "CONFIRM=local", "TENANT=initech CONFIRM=globex", f"PART=operations PROOF={proof} CONFIRM=acme",
        )
    }  # fmt: skip
    plan = fleet.checkout.shell("make plan ENV=local")
    printed["plan"], printed["plan itself"] = plan.stderr, plan.stdout
    printed["destroy"] = fleet.refused("make destroy ENV=local TENANT=acme")
    return printed


def test_a_merge_that_loses_two_of_three_stanzas_destroys_nothing(fleet, merge):
    assert fleet.roles() == set(STANZAS)
    for command in [command for command in merge if "=" in command]:
        text = merge[command]
        assert "acme has no stanza. The role bedrock-local-acme" in text, command
        assert "account 333333333333 are no longer managed" in text, command
        assert 'add CONFIRM="acme globex" to `make apply`.' in text, command


def test_a_plan_says_that_its_apply_will_be_refused(merge):
    assert "operations account: `make apply` will refuse this plan." in merge["plan"]
    assert "acme has no stanza. The role bedrock-local-acme" in merge["plan"]
    assert 'add CONFIRM="acme globex" to `make apply`.' in merge["plan"]


def test_no_command_prints_an_external_id_of_a_lost_stanza(merge):
    external_ids = re.findall(r'current = "(\w+)"', "".join(STANZAS.values()))
    assert len(external_ids) == len(STANZAS)
    assert "(an ExternalId)" in merge["plan itself"]
    for text in merge.values():
        assert [id_ for id_ in external_ids if id_ in text] == []


def test_plan_and_apply_name_what_has_no_stanza(merge):
    for name in ("plan", "CONFIRM=local"):
        assert "Without a stanza: state customers/acme/222222222222.tfstate." in merge[name]
        assert "Without a stanza: hand-over handovers/globex.json." in merge[name]
        assert "Without a stanza: role bedrock-local-globex." in merge[name]
        assert "initech" not in merge[name].split("terraform -chdir")[0]


def test_a_tenant_without_a_stanza_is_not_destroyed(merge):
    assert 'Environment "local" has no tenant "acme"; it has initech.' in merge["destroy"]


@pytest.fixture(scope="module")
def suspension(fleet, merge):
    """Suspended and resumed, while one stanza is lost and another one stops every plan."""
    broken = STANZAS["globex"].replace("models  ", 'masks = "x"\n    models  ')
    fleet.write(STANZAS["acme"], broken)
    stopped = fleet.refused("make plan ENV=local")
    suspended = fleet.checkout.done("make suspend ENV=local TENANT=acme")
    edited = fleet.tfvars.read_text()
    fleet.write(
        STANZAS["acme"].replace("{\n", '{\n    state = "suspended"\n', 1),
        STANZAS["globex"],
        STANZAS["initech"],
    )
    plan_run = fleet.checkout.shell("make plan ENV=local TENANT=acme")
    resumed = fleet.checkout.done("make resume ENV=local TENANT=acme")
    call = 'make invoke ENV=local TENANT=acme PROMPT="Still?"'
    answered = fleet.checkout.done(call)
    return stopped, suspended, edited, plan_run, resumed, answered


def test_a_tenant_is_suspended_although_another_stanza_stops_every_plan(suspension):
    stopped, suspended, edited, *_ = suspension
    assert "tenants.globex.masks is not a known key" in stopped
    assert re.search(r"✓ 222222222222  A call is refused, [\d.]+ s after the role was", suspended)
    assert 'acme = {\n    state = "suspended"\n' in edited
    assert 'masks = "x"' in edited


def test_terraform_makes_the_same_role_of_the_suspended_stanza(suspension):
    _, _, _, plan_run, _, _ = suspension
    assert "acme is suspended: every call is refused." in plan_run.stderr
    assert "aws_iam_role" not in plan_run.stdout
    assert "to change" not in plan_run.stdout


def test_a_resumed_tenant_is_answered(suspension):
    *_, resumed, answered = suspension
    assert re.search(r"✓ 222222222222  A call is answered, [\d.]+ s after the role was", resumed)
    assert "delivered" in answered


@pytest.fixture(scope="module")
def end(fleet, suspension):
    """A tenant's end, each step first without its confirmation."""
    make = fleet.checkout.done
    printed = {
        "early": fleet.refused("make forget ENV=local TENANT=acme CONFIRM=acme"),
        "unasked": fleet.refused("make offboard ENV=local TENANT=acme"),
        "other": fleet.refused("make offboard ENV=local TENANT=acme CONFIRM=globex"),
    }
    before = fleet.tfvars.read_text()
    text = before.replace('state = "active"', 'state = "offboarding"')
    fleet.tfvars.write_text(text)
    printed["apply"] = fleet.refused("make apply ENV=local PART=acme/222222222222")
    printed["suspend"] = make("make suspend ENV=local TENANT=acme")
    printed["file after suspend"] = fleet.tfvars.read_text()
    fleet.tfvars.write_text(before)
    printed["offboard"] = make("make offboard ENV=local TENANT=acme CONFIRM=acme")
    printed["logs"] = make("make logs ENV=local TENANT=acme 2>&1")
    printed["invoke"] = fleet.refused('make invoke ENV=local TENANT=acme PROMPT="Hello?"')
    printed["young"] = fleet.refused("make forget ENV=local TENANT=acme")
    printed["forget"] = make("make forget ENV=local TENANT=acme CONFIRM=acme")
    printed["orphans"] = make("make orphans ENV=local")
    printed["plan"] = make("make plan ENV=local ALL=1")
    printed["file"] = fleet.tfvars.read_text()
    return printed


def test_an_active_tenant_is_not_forgotten(end):
    assert "acme still has a function in 222222222222; run `make offboard" in end["early"]


def test_a_tenant_is_offboarded_only_if_it_is_named(end):
    for name in ("unasked", "other"):
        assert "acme was not offboarded. To confirm" in end[name]
        assert "remains  records, their key and their readers in 222222222222" in end[name]


def test_an_apply_that_takes_the_function_away_is_refused_without_a_confirmation(end):
    assert (
        "the function bedrock-local-acme is destroyed: callers that invoke it fail" in end["apply"]
    )
    assert "add CONFIRM=acme to `make apply`." in end["apply"]


def test_a_tenant_that_is_not_offboarded_yet_is_suspended_at_once(end):
    assert "222222222222 A call is refused" in " ".join(end["suspend"].split())
    assert 'state = "offboarding"' in end["file after suspend"]


def test_commands_about_an_offboarded_tenant_say_so_and_its_records_are_read(end):
    assert "In 365 days their retention is over" in end["offboard"]
    assert "acme is offboarded by its stanza" in end["logs"]
    assert "Still?" in end["logs"]
    assert "acme is offboarded, so 222222222222 has no function to call" in end["invoke"]


def test_young_records_are_named_before_a_tenant_is_forgotten(end):
    assert "has records that are younger than their retention of 365 days" in end["young"]
    assert "acme was not forgotten. To confirm" in end["young"]


def test_a_forgotten_tenant_leaves_nothing_with_the_operator(fleet, end):
    assert fleet.roles() == {"globex", "initech"}
    assert "acme" not in end["file"]
    assert end["orphans"] == "Every state, hand-over and role has a stanza.\n"
    assert end["plan"].count("No changes") + end["plan"].count("Changes to Outputs") == 3
    assert "to destroy" not in end["plan"]


def test_what_the_customer_deletes_is_listed(end):
    for name in (
        "log group /bedrock/local/acme/records",
        "log group /aws/lambda/bedrock-local-acme",
        "key alias/bedrock-local-acme",
        "role terraform-deployer",
        "bedrock-local-acme-reader",
    ):
        assert name in end["forget"]


@pytest.fixture(scope="module")
def lost(fleet, end):
    """A stanza is dropped on purpose, and what is left of the tenant is forgotten; then the rest is destroyed."""
    make = fleet.checkout.done
    fleet.write(STANZAS["globex"], STANZAS["initech"])
    unasked = fleet.refused("make destroy ENV=local")
    remaining_roles = fleet.roles()
    fleet.write(STANZAS["initech"])
    without_globex = fleet.refused("make destroy ENV=local CONFIRM=local")
    applied = make("make apply ENV=local PART=operations CONFIRM=globex")
    orphans = json.loads(make("make orphans ENV=local JSON=1"))
    make("make forget ENV=local TENANT=globex CONFIRM=globex")
    left = make("make orphans ENV=local")
    return unasked, without_globex, remaining_roles, applied, orphans, left


def test_all_tenants_of_the_local_aws_are_destroyed_only_if_the_environment_is_named(lost):
    unasked, _, remaining_roles, *_ = lost
    assert "globex\n    goes     role bedrock-local-globex" in unasked
    assert "Nothing was destroyed. To confirm without the question, write CONFIRM=local." in unasked
    assert remaining_roles == {"globex", "initech"}


def test_roles_without_a_stanza_are_not_destroyed_with_the_others(lost):
    assert "Without a stanza: globex. Nothing was destroyed" in lost[1]
    assert "`make orphans ENV=local`" in lost[1]


def test_a_confirmed_loss_is_applied_and_what_is_left_of_it_can_be_forgotten(fleet, lost):
    *_, applied, orphans, left = lost
    assert "3 destroyed" in applied
    assert [(orphan["tenant"], orphan["kind"]) for orphan in orphans] == [("globex", "state")]
    assert left == "Every state, hand-over and role has a stanza.\n"
    assert fleet.roles() == {"initech"}
