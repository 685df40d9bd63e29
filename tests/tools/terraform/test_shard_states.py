"""Tenants move between the shards' states: in the files, and with Terraform in the local AWS."""

import copy
import json

import pytest

from tests.checkout import checkout  # noqa: F401 - a fixture
from tools.cli.local_target import LocalTarget
from tools.environment.model import load_environment
from tools.environment.tenant_shard import shard_of
from tools.terraform.shard_states import add, new_state, remove, tenants_in


def outputs(**sizes):
    """The outputs of the operations root for these tenants."""
    types = {name: ["object", {"trust": "number"}] for name in sizes}
    by_tenant = {"value": sizes, "type": ["object", types]}
    capacity = {
        "value": {"policy_sizes": sizes, "roles": {"limit": 9, "used": 2}},
        "type": ["object", {"policy_sizes": ["object", types], "roles": ["object", {}]}],
    }
    return copy.deepcopy({"capacity": capacity, "handover": by_tenant, "quotas": by_tenant})


def role(tenant):
    return {
        "module": f'module.operations_role["{tenant}"]',
        "mode": "managed",
        "type": "aws_iam_role",
        "name": "this",
        "instances": [{"attributes": {"name": f"bedrock-prod-{tenant}"}}],
    }


PARTITION = {"mode": "data", "type": "aws_partition", "name": "current", "instances": []}


def state(*tenants):
    return {
        "version": 4,
        "serial": 7,
        "lineage": "first",
        "outputs": outputs(**{name: {"trust": len(name)} for name in tenants}),
        "resources": [PARTITION, *map(role, tenants)],
    }


def test_a_tenant_has_the_same_resources_and_outputs_in_its_new_state():
    source, destination = state("acme", "globex"), state("initech")
    add(destination, source, "acme")
    assert destination["resources"] == [PARTITION, role("initech"), role("acme")]
    assert destination["outputs"] == state("initech", "acme")["outputs"]
    remove(source, ["acme"])
    assert source == state("globex")


def test_a_move_that_was_interrupted_adds_nothing_twice():
    source, destination = state("acme"), state("initech")
    for _ in range(2):
        add(destination, source, "acme")
    assert destination["resources"].count(role("acme")) == 1


def test_a_new_state_has_no_tenant_and_a_lineage_of_its_own():
    new = new_state(state("acme"))
    assert tenants_in(new) == set()
    assert new["resources"] == [PARTITION]
    assert new["outputs"]["capacity"]["value"]["roles"] == {"limit": 9, "used": 2}
    assert (new["lineage"] != "first", new["serial"]) == (True, 0)
    add(new, state("acme"), "acme")
    assert new["outputs"] == state("acme")["outputs"]


def test_a_new_state_has_nothing_of_the_guard_which_is_in_the_first_one_alone():
    """The plan of the new shard would destroy what it has of another shard's."""
    first = state("acme")
    guard = {**role("acme"), "module": "module.operations_guard[0]"}
    schedule = {"mode": "managed", "type": "aws_scheduler_schedule", "name": "quotas"}
    first["resources"] += [guard, schedule]
    assert new_state(first)["resources"] == [PARTITION]
    assert first["resources"][-2:] == [guard, schedule]


def test_a_tenant_without_a_role_is_found_by_its_outputs():
    without_role = {**state("acme", "globex"), "resources": [PARTITION, role("acme")]}
    assert tenants_in(without_role) == {"acme", "globex"}


def test_the_shard_of_a_tenant_depends_on_its_name_and_the_number_alone():
    assert {shard_of(f"tenant-{number}", 1) for number in range(100)} == {0}
    assert [shard_of("acme", number) for number in (1, 2, 3, 5)] == [0, 1, 1, 2]


@pytest.mark.parametrize(("tenants", "shards"), [(1000, 5), (3000, 15)])
def test_shards_of_two_hundred_tenants_on_average_stay_below_the_limit(tenants, shards):
    sizes = [0] * shards
    for number in range(tenants):
        sizes[shard_of(f"tenant-{number:05}", shards)] += 1
    assert max(sizes) <= 250


# --- with Terraform, in the local AWS ---


def shards_written(checkout, number):  # noqa: F811 - the fixture
    tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"
    lines = [line for line in tfvars.read_text().splitlines() if "shards" not in line]
    place = lines.index("operations = {") + 1
    tfvars.write_text("\n".join([*lines[:place], f"  shards = {number}", *lines[place:], ""]))


@pytest.fixture(scope="module")
def applied(checkout):  # noqa: F811 - the fixture
    # A guard's schedules and alarms are of the number of shards, so they change with it.
    tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"
    lines = tfvars.read_text().splitlines(keepends=True)
    tfvars.write_text("".join(line for line in lines if "guard = {" not in line))
    checkout.done("make up")
    checkout.done("make apply ENV=local PART=operations CONFIRM=local")
    return checkout


@pytest.fixture
def bucket(applied):
    """The state bucket of the copy's local AWS."""
    target = LocalTarget(load_environment("local"), applied.root / ".work", lambda _: None)
    return target.state_bucket()


def refused(checkout, command):  # noqa: F811 - the fixture
    """Whether a command refuses to work in states of which a tenant is in the wrong one."""
    run = checkout.shell(f"make {command}")
    sentence = " ".join(run.stderr.split())
    return run.returncode != 0 and "Run `make shards ENV=local`" in sentence


def test_a_changed_number_is_refused_until_the_tenants_are_moved_and_then_changes_nothing(applied):
    """The check is in Terraform.plan, save_plan and destroy, which every command uses."""
    shards_written(applied, 2)
    assert refused(applied, "plan ENV=local")
    assert refused(applied, "destroy ENV=local CONFIRM=local")
    assert "acme" in applied.done("make shards ENV=local")
    assert applied.done("make apply ENV=local PART=operations").count("No changes.") == 2


def test_a_move_that_was_interrupted_is_finished_by_the_same_command(applied, bucket):
    """After the first state was stored, a tenant is in two of them."""
    shards_written(applied, 1)
    key = "operations-1.tfstate"
    before = bucket.state(key).json
    applied.done("make shards ENV=local")
    s3 = bucket.connect("s3")
    s3.put_object(Bucket=bucket.name, Key=key, Body=json.dumps(before).encode())
    assert refused(applied, "plan ENV=local")
    assert "acme" in applied.done("make shards ENV=local")
    assert tenants_in(bucket.state(key).json) == set()
    assert applied.done("make apply ENV=local PART=operations").count("No changes.") == 1


def test_a_state_that_another_command_works_in_is_not_changed(applied, bucket):
    shards_written(applied, 2)
    before = bucket.state("operations.tfstate").json
    s3 = bucket.connect("s3")
    lock = {"Bucket": bucket.name, "Key": "operations.tfstate.tflock"}
    s3.put_object(**lock, Body=b"{}")
    run = applied.shell("make shards ENV=local")
    assert "is locked by " in run.stderr
    assert "make unlock ENV=local" in run.stderr
    assert bucket.state("operations.tfstate").json == before
    s3.delete_object(**lock)
    applied.done("make shards ENV=local")
