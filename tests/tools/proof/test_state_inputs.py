"""The digest of an account's inputs changes with everything that its plan reads, and with nothing else."""

import json
import re
import shutil
from dataclasses import replace

import pytest

from tools.environment.model import CustomerAccount, load_environment
from tools.environment.tenant_shard import shard_of
from tools.packaging.variant import Variant
from tools.paths import ENVIRONMENTS, MODULES
from tools.proof import state_inputs
from tools.proof.state_inputs import ARCHITECTURE, GUARD_ZIP, ZIP, AccountInputs, ShardInputs
from tools.terraform.state import customer_state, operations_state

LOCAL = load_environment("local")
REGION = "eu-central-1"
VARIABLES = {
    "environment": "prod",
    "operations": {"account_id": "111111111111", "region": REGION},
    "tags": {"cost-center": "1"},
}
STANZAS = {
    "acme": {"accounts": {"222222222222": {}, "333333333333": {}}, "external_ids": {"current": "a" * 32}},
    "globex": {"accounts": {"444444444444": {}}, "workload": {"architecture": "x86_64"}},
    "initech": {"accounts": {"555555555555": {}}, "state": "offboarding"},
}  # fmt: skip
ALL = {"222222222222", "333333333333", "444444444444", "555555555555"}
ACME = {"222222222222", "333333333333"}
LOCK_FILE = """\
provider "registry.terraform.io/hashicorp/aws" {{
  version     = "{version}"
  constraints = ">= 5.100.0, < 7.0.0"
}}
"""


class Inputs:
    """A checkout, an environment and its hand-overs, each of which a test may change."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "environments" / "customer"
        self.operations_root = folder / "environments" / "operations"
        self.module = folder / "modules" / "customer-workload"
        self.environment = replace(LOCAL, name="prod", stanzas=STANZAS, variables=VARIABLES)
        self.handovers = {name: {"role_arn": f"arn:{name}", "models": {}} for name in STANZAS}
        self.process = {"HOME": "/home/ann"}
        shutil.copytree(ENVIRONMENTS, folder / "environments", symlinks=True)
        shutil.copytree(MODULES, folder / "modules")
        shutil.rmtree(self.root / ".terraform", ignore_errors=True)
        for root in (self.root, self.operations_root):
            (root / "one-line.tf").write_text(
                'module "one" { source = "../../modules/one-line" }\n'
            )
            call = {"module": {"two": {"source": "../../modules/of-json"}}}
            (root / "two.tf.json").write_text(json.dumps(call))
        for name in ("one-line", "of-json"):
            (folder / "modules" / name).mkdir()
            (folder / "modules" / name / "main.tf").touch()
        for name in ("more", "one more"):
            (folder / f"{name}.tfvars").touch()
        self.process["TF_CLI_ARGS_plan"] = (
            "-var-file=../../more.tfvars -var-file '../../one more.tfvars'"
        )
        (folder / "build").mkdir()
        for architecture in ("arm64", "x86_64"):
            self.zip(architecture).write_text(architecture)
        self.select("5.100.0")

    def zip(self, architecture):
        return self.folder / "build" / f"{Variant(architecture).name}.zip"

    def select(self, version):
        (self.root / ".terraform.lock.hcl").write_text(LOCK_FILE.format(version=version))

    def set(self, **variables):
        self.environment = replace(self.environment, variables={**VARIABLES, **variables})

    def stanza(self, tenant, **attributes):
        stanzas = {**STANZAS, tenant: {**STANZAS[tenant], **attributes}}
        self.environment = replace(self.environment, stanzas=stanzas)

    def operations(self, **attributes):
        self.set(operations={**VARIABLES["operations"], **attributes})

    def digests(self):
        inputs = AccountInputs(self.environment, self.process, self.root)
        return {
            account_id: inputs.sha256(
                customer_state(CustomerAccount(tenant, account_id, REGION)), self.handovers[tenant]
            )
            for tenant, stanza in STANZAS.items()
            for account_id in stanza["accounts"]
        }


def append(file, text):
    file.write_text(file.read_text() + text)


# What changes, and the accounts whose plans read it.
CHANGES = {
    "stanza": (lambda each: each.stanza("acme", audit="required"), ACME),
    "ExternalId": (lambda each: each.stanza("acme", external_ids={"current": "b" * 32}), ACME),
    "account": (lambda each: each.stanza("globex", accounts={"444444444444": {"tags": {}}}), {"444444444444"}),
    "hand-over": (lambda each: each.handovers["acme"].update(role_arn="arn:new"), ACME),
    "model of the hand-over": (
        lambda each: each.handovers["globex"]["models"].update(nova={"model": "arn:profile"}), {"444444444444"}),
    "root": (lambda each: append(each.root / "workload.tf", "# changed"), ALL),
    "declaration that is linked into the root": (
        lambda each: append(each.folder / "environments" / "variables-tenants.tf", "# changed"), ALL),
    "module": (lambda each: append(each.module / "execution.tf", "# changed"), ALL),
    "new file of the module": (lambda each: (each.module / "new.tf").write_text(""), ALL),
    "file that is gone from the module": (lambda each: (each.module / "masking.tf").unlink(), ALL),
    "variables in the root's folder": (lambda each: (each.root / "a.auto.tfvars").write_text("tags = {}"), ALL),
    "provider": (lambda each: each.select("6.0.0"), ALL),
    "tags of the environment": (lambda each: each.set(tags={"cost-center": "2"}), ALL),
    "deployer": (lambda each: each.set(deployer_role_name="deployer"), ALL),
    "Region": (lambda each: each.operations(region="eu-west-1"), ALL),
    "zip for arm64": (lambda each: each.zip("arm64").write_text("new"), ACME),
    "zip for x86_64": (lambda each: each.zip("x86_64").write_text("new"), {"444444444444"}),
    "zip that is not built": (lambda each: each.zip("x86_64").unlink(), {"444444444444"}),
    "variable of the process": (lambda each: each.process.update(TF_VAR_tags="{}"), ALL),
    "tag of the process": (lambda each: each.process.update(TF_AWS_DEFAULT_TAGS_team="a"), ALL),
    "tags that the process leaves to others": (
        lambda each: each.process.update(TF_AWS_IGNORE_TAGS_KEYS="cost-center"), ALL),
    "module that is called in one line": (
        lambda each: append(each.folder / "modules" / "one-line" / "main.tf", "# changed"), ALL),
    "module that JSON calls": (lambda each: append(each.folder / "modules" / "of-json" / "main.tf", "# changed"), ALL),
    "file of an option of the process": (
        lambda each: (each.folder / "more.tfvars").write_text("tags = {}"), ALL),
    "file of a quoted option of the process": (
        lambda each: (each.folder / "one more.tfvars").write_text("tags = {}"), ALL),
    "option of the process": (lambda each: each.process.update(TF_CLI_ARGS_plan="-var=tags={}"), ALL),
    # What no customer account reads.
    "administrators": (lambda each: each.operations(administrators=["arn:aws:iam::111111111111:role/a"]), set()),
    "shards": (lambda each: each.operations(shards=2), set()),
    "limits": (lambda each: each.set(limits={"roles": 2000}), set()),
    "what environments share": (lambda each: each.set(shared_between_environments=["222222222222"]), set()),
    "accounts with several tenants": (lambda each: each.set(accounts_with_several_tenants=["222222222222"]), set()),
    "module of the operations account": (
        lambda each: append(each.folder / "modules" / "operations-role" / "trust.tf", "# changed"), set()),
    "README of the module": (lambda each: append(each.module / "README.md", "changed"), set()),
    "example of the module": (lambda each: append(each.module / "examples" / "minimal" / "main.tf", "# c"), set()),
    "another variable of the process": (lambda each: each.process.update(TF_VAR_limits="{}", HOME="/root"), set()),
}  # fmt: skip


@pytest.fixture
def inputs(tmp_path):
    return Inputs(tmp_path / "checkout")


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_reaches_exactly_the_accounts_whose_plans_read_it(inputs, name):
    change, reached = CHANGES[name]
    before = inputs.digests()
    change(inputs)
    after = inputs.digests()
    assert {account_id for account_id in ALL if before[account_id] != after[account_id]} == reached


@pytest.mark.parametrize("folder", ["iam", "isolation"])
def test_other_code_of_the_proof_reaches_every_account_and_shard(
    inputs, folder, tmp_path, monkeypatch
):
    """What exists was proved by the code of its last apply; another proof may find what that did not."""
    tools = tmp_path / "tools"
    for name in ("iam", "isolation"):
        (tools / name).mkdir(parents=True)
        (tools / name / "rules.py").write_text("one")
    monkeypatch.setattr(state_inputs, "TOOLS", tools)
    before = inputs.digests(), shard_digests(inputs)
    assert (inputs.digests(), shard_digests(inputs)) == before
    (tools / folder / "rules.py").write_text("two")
    accounts, shards = inputs.digests(), shard_digests(inputs)
    assert not set(accounts.values()) & set(before[0].values())
    assert not set(shards.values()) & set(before[1].values())


def test_every_account_has_another_digest(inputs):
    assert len(set(inputs.digests().values())) == len(ALL)


def test_a_named_zip_takes_the_place_of_the_usual_ones(inputs):
    package = inputs.folder / "own.zip"
    package.write_text("own")
    inputs.process["TF_VAR_package_path"] = str(package)
    before = inputs.digests()
    for architecture in ("arm64", "x86_64"):
        inputs.zip(architecture).unlink()
    assert inputs.digests() == before
    package.write_text("new")
    changed = {
        account_id for account_id in ALL if inputs.digests()[account_id] != before[account_id]
    }
    assert changed == ALL - {"555555555555"}


def test_another_checkout_has_the_same_digests(inputs, tmp_path):
    assert Inputs(tmp_path / "elsewhere" / "on another machine").digests() == inputs.digests()


def test_what_the_text_leaves_out_and_the_order_of_names_change_nothing(inputs):
    before = inputs.digests()
    inputs.environment = replace(
        inputs.environment,
        stanzas={
            name: dict(reversed(stanza.items())) for name, stanza in reversed(STANZAS.items())
        },
        variables=dict(reversed(VARIABLES.items())),
    )
    assert inputs.digests() == before


def test_the_root_takes_the_zip_that_the_digest_has():
    text = (ENVIRONMENTS / "customer" / "tenant.tf").read_text()
    path = ZIP.format(architecture="${local.workload.architecture}")
    assert f'"${{path.root}}/{path}"' in text
    declared = (ENVIRONMENTS / "variables-tenants.tf").read_text()
    assert f'optional(string, "{ARCHITECTURE}") # "arm64" or "x86_64"' in declared


def test_the_linked_declarations_only_refuse_values():
    """A local value in them that reads a variable would bring it into the plan without its name in the root's files.

    tenant-files.tf has such values and changes no plan of the commands, which let it read no file: then it gives the
    root the stanzas as they are.
    """
    linked = {
        file.name: file for file in (ENVIRONMENTS / "customer").glob("*.tf") if file.is_symlink()
    }
    text = linked.pop("tenant-files.tf").read_text()
    assert 'data_files   = local.data_folder == "" ? toset([]) :' in text
    assert "stanzas = length(local.tenant_files) == 0 ? var.tenants :" in text
    assert len(linked) == 3
    for file in linked.values():
        rest = re.sub(r'(?ms)^variable "\w+" \{.*?^\}', "", file.read_text())
        assert "var." not in rest, file


SHARD_CHANGES = {
    **{
        f"stanza of {name}": (lambda each, name=name: each.stanza(name, state="suspended"), {shard_of(name, 3)})
        for name in STANZAS
    },
    "root": (lambda each: append(each.operations_root / "tenants.tf", "# changed"), {0, 1, 2}),
    "declaration that is linked into the root": (
        lambda each: append(each.folder / "environments" / "variables-tenants.tf", "# changed"), {0, 1, 2}),
    "module of the operations account": (
        lambda each: append(each.folder / "modules" / "operations-role" / "trust.tf", "# changed"), {0, 1, 2}),
    "module of the stanzas": (
        lambda each: append(each.folder / "environments" / "stanzas" / "inputs.tf", "# changed"), {0, 1, 2}),
    "number of shards": (lambda each: each.operations(shards=4), {0, 1, 2}),
    "accounts with several tenants": (
        lambda each: each.set(accounts_with_several_tenants=["222222222222"]), {0, 1, 2}),
    "variable of the process": (lambda each: each.process.update(TF_VAR_limits="{}"), {0, 1, 2}),
    "tag of the process": (lambda each: each.process.update(TF_AWS_DEFAULT_TAGS_team="a"), {0, 1, 2}),
    "names of time zones": (
        lambda each: append(each.folder / "modules" / "operations-role" / "time-zones.txt", "Mars"), {0, 1, 2}),
    "tags that the process leaves to others": (
        lambda each: each.process.update(TF_AWS_IGNORE_TAGS_KEYS="cost-center"), {0, 1, 2}),
    "module that is called in one line": (
        lambda each: append(each.folder / "modules" / "one-line" / "main.tf", "# changed"), {0, 1, 2}),
    "file of an option of the process": (
        lambda each: (each.folder / "more.tfvars").write_text("tags = {}"), {0, 1, 2}),
    "zip of the guard": (lambda each: (each.folder / "build" / "operations-guard-py3.13.zip").write_text("new"), {0}),
    "bus of a tenant in another shard": (
        lambda each: each.stanza("acme", quota={"event_bus": "arn:aws:events:eu-central-1:222222222222:event-bus/a"}),
        {0, shard_of("acme", 3)}),
    # What no role reads.
    "account of a tenant in another shard, of which no guard has to know": (
        lambda each: each.stanza("acme", accounts={"777777777777": {}}), {shard_of("acme", 3)}),
    "module of the customer accounts": (lambda each: append(each.module / "execution.tf", "# changed"), set()),
    "root of the customer accounts": (lambda each: append(each.root / "workload.tf", "# changed"), set()),
    "zip": (lambda each: each.zip("arm64").write_text("new"), set()),
    "place of the zip": (lambda each: each.process.update(TF_VAR_package_path="/zip"), set()),
    "hand-over": (lambda each: each.handovers["acme"].update(role_arn="arn:new"), set()),
}  # fmt: skip


def shard_digests(inputs):
    shards = ShardInputs(inputs.environment, inputs.process, inputs.operations_root)
    return {shard: shards.sha256(operations_state(shard, 3)) for shard in range(3)}


@pytest.mark.parametrize("name", SHARD_CHANGES)
def test_a_change_reaches_exactly_the_shards_whose_plans_read_it(inputs, name):
    change, reached = SHARD_CHANGES[name]
    inputs.environment = replace(inputs.environment, shards=3)
    before = shard_digests(inputs)
    change(inputs)
    after = shard_digests(inputs)
    assert {shard for shard in range(3) if before[shard] != after[shard]} == reached


@pytest.mark.parametrize(
    ("guard", "number", "reached"),
    [({}, 1, {0}), ({}, 101, set()), ({"access_rules": False}, 1, set())],
)
def test_the_first_shard_knows_the_accounts_of_all_tenants_if_a_rule_does(
    inputs, guard, number, reached
):
    inputs.operations(guard=guard)
    inputs.environment = replace(inputs.environment, shards=3)

    def digests_with(first):
        inputs.stanza("acme", accounts={f"{first + each}": {} for each in range(number)})
        return shard_digests(inputs)

    before, after = digests_with(700000000000), digests_with(800000000000)
    changed = {shard for shard in range(3) if before[shard] != after[shard]}
    assert changed == {*reached, shard_of("acme", 3)}


def test_no_other_file_of_the_operations_root_reads_the_stanzas_of_other_shards():
    """A digest of a shard has the stanzas of its own tenants, and what these places read of the others.

    The rules of the variables compare all stanzas in any shard, and the output `capacity` only counts them.
    """
    root = ENVIRONMENTS / "operations"
    files = [file for file in root.glob("*.tf") if not file.is_symlink()]
    readers = {
        (file.name, line.strip().partition(" ")[0])
        for file in files
        for line in file.read_text().splitlines()
        if "local.stanzas" in line
    }
    assert readers == {
        ("capacity.tf", "for"),
        ("capacity.tf", "roles"),
        ("guard.tf", "customer_accounts"),
        ("guard.tf", "event_buses"),
        ("tenants.tf", "condition"),
        ("tenants.tf", "error_message"),
        ("tenants.tf", "tenants"),
    }
    assert not [file for file in files if "var.tenants" in file.read_text()]


def test_the_root_takes_the_guards_zip_that_the_digest_has():
    assert f'"${{path.root}}/{GUARD_ZIP}"' in (ENVIRONMENTS / "operations" / "guard.tf").read_text()
