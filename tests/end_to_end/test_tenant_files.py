"""Tenants with files of their own, in HCL and in JSON, beside one in the map: what each command does with them."""

import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import PATHS, client
from tools.environment.hcl import hcl_attributes

LITE, PRO = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"


def stanza(account, digit):
    return {
        "accounts": {account: {"readers": [f"arn:aws:iam::{account}:user/auditor"]}},
        "deployer": {"external_id": digit * 31 + "d"},
        "external_ids": {"current": digit * 32},
        "models": {"nova": {"model": LITE, "regions": ["eu-central-1"]}},
        "workload": {"retention_days": 1},
    }


ACME, GLOBEX, INITECH = "222222222222", "333333333333", "444444444444"
HCL = f"# minted in March\n{hcl_attributes(stanza(ACME, 'a'))}"
JSON = json.dumps(stanza(GLOBEX, "b"), indent=4)


@dataclass
class Fleet:
    """The checkout with three tenants, and the files as they were before the last command."""

    checkout: object
    folder: Path
    before: dict = field(default_factory=dict)

    def files(self):
        return {
            path.relative_to(self.folder).as_posix(): path.read_text()
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def done(self, command, *options):
        self.before = self.files()
        return self.checkout.done(" ".join((f"make {command} ENV=local", *options)))

    def refused(self, command, *options):
        run = self.checkout.shell(" ".join((f"make {command} ENV=local", *options)))
        assert run.returncode != 0
        return " ".join(run.stderr.split())

    def edited(self):
        """The files that the last command changed, added or removed."""
        after = self.files()
        return {
            name
            for name in self.before.keys() | after.keys()
            if self.before.get(name) != after.get(name)
        }


@pytest.fixture(scope="module")
def fleet(checkout):
    """All three tenants, applied with the plans that were proved."""
    fleet = Fleet(checkout, checkout.root / "environments" / "local")
    (fleet.folder / "tenants").mkdir()
    (fleet.folder / "tenants" / "acme.tfvars").write_text(HCL)
    (fleet.folder / "tenants" / "globex.tfvars.json").write_text(JSON)
    tenants = hcl_attributes({"tenants": {"initech": stanza(INITECH, "c")}})
    (fleet.folder / "terraform.tfvars").write_text(LOCAL_ENVIRONMENT + tenants)
    checkout.done("make up")
    fleet.proof = json.loads(fleet.done("prove", "JSON=1"))
    folder = (checkout.root / fleet.proof["certificate"]).parent
    (fleet.folder / "tenants" / "acme.tfvars").write_text(f"{HCL}\n")
    fleet.changed = fleet.refused("apply", f"PROOF={folder}")
    (fleet.folder / "tenants" / "acme.tfvars").write_text(HCL)
    fleet.done("apply", f"PROOF={folder}")
    return fleet


def test_all_tenants_are_planned_proved_and_applied(fleet):
    assert fleet.proof["proved"]
    assert len(fleet.proof["plans"]) == 4
    for tenant in ("acme", "globex", "initech"):
        assert fleet.done("invoke", f"TENANT={tenant}", "PROMPT=Hello")
        assert tenant in fleet.done("output", f"TENANT={tenant}")
        assert "Hello" in fleet.done("logs", f"TENANT={tenant}", "JSON=1")


def test_a_proof_does_not_hold_for_a_file_that_has_changed(fleet):
    assert "terraform.tfvars or a tenant's file has changed since the proof" in fleet.changed


def test_what_is_applied_has_no_drift_and_nothing_to_do(fleet):
    fleet.done("drift")
    fleet.done("doctor")
    fleet.done("prove", "STATE=1")
    counted = json.loads(fleet.done("capacity", "JSON=1"))["limits"]
    [roles] = [limit for limit in counted if limit["name"] == "roles in the account"]
    assert roles["more_tenants"] == 997
    assert "acme" in fleet.done("accounts")


def test_only_the_tenant_whose_file_changes_is_planned(fleet):
    unchanged = fleet.done("plan")
    file = fleet.folder / "tenants" / "globex.tfvars.json"
    values = {**json.loads(file.read_text()), "tags": {"team": "b"}}
    file.write_text(json.dumps(values, indent=4))
    planned = fleet.done("plan")
    assert "globex 333333333333" not in unchanged
    assert "globex 333333333333" in planned
    assert "acme 222222222222" not in planned
    assert "initech 444444444444" not in planned
    proof = json.loads(fleet.done("prove", "JSON=1"))
    folder = (fleet.checkout.root / proof["certificate"]).parent
    external_ids = {}
    for plan in (folder / "plans").rglob("*.tfplan"):
        with zipfile.ZipFile(plan) as archive:
            content = b"".join(map(archive.read, archive.namelist()))
        external_ids[plan.name] = {digit for digit in "abc" if (digit * 32).encode() in content}
    assert external_ids.pop("operations.tfplan") == {"a", "b", "c"}
    assert list(external_ids.values()) == [{"b"}]
    fleet.done("apply", f"PROOF={folder}")


PLACES = {"acme": "tenants/acme.tfvars", "globex": "tenants/globex.tfvars.json"}


def test_each_command_edits_the_file_that_has_the_stanza(fleet):
    for tenant, file in PLACES.items():
        name = f"TENANT={tenant}"
        suspended = fleet.done("suspend", name)
        assert f"{tenant} is suspended in environments/local/{file}; commit this." in suspended
        assert fleet.edited() == {file}
        active = fleet.done("resume", name)
        assert f"{tenant} is active in environments/local/{file}; commit this." in active
        assert fleet.edited() == {file}
        fleet.done("rotate", name)
        assert fleet.edited() == {file}
        fleet.done("model", name, "NAME=nova", f"MODEL={PRO}")
        assert fleet.edited() == {file}
        assert len(re.findall(r"\bprevious\b", (fleet.folder / file).read_text())) == 2
    fleet.done("apply")
    for tenant, file in PLACES.items():
        fleet.done("invoke", f"TENANT={tenant}", "PROMPT=Hello")
        fleet.done("rotate", f"TENANT={tenant}")
        fleet.done("model", f"TENANT={tenant}", "NAME=nova")
        assert fleet.edited() == {file}
        assert not re.search(r"\bprevious\b|amazon.nova-lite", (fleet.folder / file).read_text())
    fleet.done("apply")
    for tenant in PLACES:
        fleet.done("invoke", f"TENANT={tenant}", "PROMPT=Hello")
    hcl = (fleet.folder / "tenants" / "acme.tfvars").read_text()
    assert hcl.splitlines()[:2] == ['state = "active"', "# minted in March"]


def test_destinations_are_written_into_the_file_that_has_the_stanza(fleet):
    fleet.done("models", "WRITE=1")
    assert fleet.edited() == set()
    haiku = {"model": "anthropic.claude-haiku-4-5-20251001-v1:0", "profile": "eu.",
             "regions": ["eu-central-1"], "route": "geographic", "destinations": ["eu-central-1"]}  # fmt: skip
    written = {}
    for name in ("acme.tfvars", "globex.tfvars.json"):
        file = fleet.folder / "tenants" / name
        written[file] = file.read_text()
    acme, globex = written
    acme.write_text(
        written[acme].replace(
            "models = {", f"models = {{\n  haiku = {{\n{hcl_attributes(haiku)}  }}"
        )
    )
    values = json.loads(written[globex])
    values["models"]["haiku"] = haiku
    globex.write_text(json.dumps(values))
    fleet.checkout.shell("make models ENV=local WRITE=1")
    for file in written:
        assert "eu-west-1" in file.read_text()
    assert fleet.done("models", "WRITE=1")
    assert fleet.edited() == set()
    for file, text in written.items():
        file.write_text(text)


def test_a_new_tenant_has_a_file_and_a_taken_name_is_refused_with_its_place(fleet):
    added = fleet.done("tenant", "NAME=solo", "ACCOUNT=555555555555", "MANAGER=customer")
    assert fleet.edited() == {"tenants/solo.tfvars"}
    assert "Added to environments/local/tenants/solo.tfvars" in added
    refusal = fleet.refused("tenant", "NAME=globex", "ACCOUNT=666666666666")
    assert "is in environments/local/tenants/globex.tfvars.json already" in refusal
    fleet.done("apply")
    inputs = json.loads(fleet.done("handover", "TENANT=solo", "JSON=1"))
    assert inputs["tenant"] == "solo"


def test_more_shards_take_over_tenants_with_files(fleet):
    tfvars = fleet.folder / "terraform.tfvars"
    text = tfvars.read_text()
    tfvars.write_text(text.replace('region                = "eu', 'shards = 2\n  region = "eu'))
    assert "Run `make shards ENV=local`" in fleet.refused("plan")
    moved = fleet.done("shards")
    assert any(tenant in moved for tenant in ("acme", "globex", "solo"))
    assert fleet.done("plan").count("No changes") >= 2


UNCHANGED_SHARDS = "2 shards of the operations account and 3 accounts are as they were applied"


def test_shards_in_which_nothing_has_changed_are_not_planned(fleet):
    """acme and globex are in shard 1, initech and solo in shard 0; a customer manages the account of solo."""
    fleet.done("apply")
    assert fleet.done("plan").startswith(UNCHANGED_SHARDS)
    assert fleet.done("apply").startswith(UNCHANGED_SHARDS[: UNCHANGED_SHARDS.index(" and")])
    assert fleet.done("plan", "ALL=1").count("No changes") == 5
    proof = json.loads(fleet.done("prove", "JSON=1"))
    assert proof["proved"] is True
    assert proof["plans"] == []
    assert len(proof["unchanged"]) == 5
    applied = fleet.done("apply", f"PROOF={proof['certificate'].removesuffix('/certificate.md')}")
    assert "was not in the proof" not in applied


def test_a_change_of_one_stanza_plans_proves_and_applies_its_shard_alone(fleet):
    acme = fleet.folder / "tenants" / "acme.tfvars"
    acme.write_text(f'{acme.read_text()}tags = {{ team = "a" }}\n')
    proof = json.loads(fleet.done("prove", "JSON=1"))
    assert [plan["root"] for plan in proof["plans"]] == [
        "operations account 111111111111, shard 1 of 2",
        f"customer account {ACME}",
    ]
    assert "operations account, shard 0" in proof["unchanged"]
    folder = proof["certificate"].removesuffix("/certificate.md")
    planned = fleet.done("plan", f"PROOF={folder}")
    assert "1 shard of the operations account and 2 accounts are as they were applied" in planned
    applied = fleet.done("apply", f"PROOF={folder}")
    assert "was not in the proof" not in applied
    assert "shard 0 " not in applied
    assert fleet.done("plan").startswith(UNCHANGED_SHARDS)


def test_an_apply_of_one_tenant_lets_its_shard_be_planned(fleet):
    fleet.done("suspend", "TENANT=acme")
    planned = fleet.done("plan")
    assert "✓ operations account, shard 1" in planned
    assert "shard 0" not in planned
    fleet.done("apply")
    assert fleet.done("plan").startswith(UNCHANGED_SHARDS)
    fleet.done("resume", "TENANT=acme")


def test_a_shard_whose_hand_over_is_gone_is_planned_and_hands_it_over_again(fleet):
    fleet.done("apply")
    s3 = client(fleet.checkout.control, "111111111111", "s3", config=PATHS)
    (bucket,) = [item["Name"] for item in s3.list_buckets()["Buckets"]]
    s3.delete_object(Bucket=bucket, Key="handovers/initech.json")
    assert "✓ operations account, shard 0" in fleet.done("apply")
    assert s3.get_object(Bucket=bucket, Key="handovers/initech.json")
    assert fleet.done("plan").startswith(UNCHANGED_SHARDS)


def test_a_file_that_would_be_ignored_or_is_there_twice_stops_every_command(fleet):
    copy = fleet.folder / "tenants" / "acme.tfvars.bak"
    twin = fleet.folder / "tenants" / "acme.tfvars.json"
    copy.write_text(HCL)
    for command in ("plan", "apply", "doctor"):
        assert "would be ignored: tenants/acme.tfvars.bak." in fleet.refused(command)
    copy.unlink()
    twin.write_text(JSON)
    for command in ("plan", "suspend TENANT=acme", "rotate TENANT=acme"):
        assert "all but one of acme in tenants/acme.tfvars and" in fleet.refused(command)
    twin.unlink()
    fleet.done("plan")


@pytest.mark.parametrize(("tenant", "file"), PLACES.items(), ids=PLACES)
def test_an_offboarded_tenant_is_forgotten_with_its_file(fleet, tenant, file):
    fleet.done("offboard", f"TENANT={tenant}", f"CONFIRM={tenant}")
    assert fleet.edited() == {file}
    forgotten = fleet.done("forget", f"TENANT={tenant}", f"CONFIRM={tenant}")
    assert fleet.edited() == {file}
    assert f"Removed environments/local/{file}; commit this." in forgotten
    assert not (fleet.folder / file).exists()
    fleet.done("plan")
