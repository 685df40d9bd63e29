"""Null means the same as leaving out, for every attribute of a stanza that may be left out.

The variants are the stanza of prod, which has every key, each with one optional attribute less.
"""

import copy
import json
import re
import shutil

import pytest

from tests.terraform import ENVIRONMENTS, Folder, folder_of
from tools.environment import model
from tools.environment.hcl import hcl_attributes, read_hcl
from tools.environment.model import load_environment
from tools.environment.unknown_keys import declarations
from tools.isolation import deployer_specification, guard_resources, operations_specification
from tools.isolation.customer_specification import Workload
from tools.isolation.operations_specification import Environment, Tenant
from tools.terraform.deployer_role import _inputs

PROD = read_hcl(ENVIRONMENTS / "prod" / "terraform.tfvars")


def optional_paths(constraint, value, path=()):
    """Yield the path of each optional attribute that ``value`` has."""
    if constraint.kind == "optional":
        yield path
        yield from optional_paths(constraint.inner, value, path)
    elif isinstance(value, dict):
        for name, item in value.items():
            member = constraint.attributes.get(name, constraint.inner)
            yield from optional_paths(member, item, (*path, name))


def paths():
    types, _ = declarations(ENVIRONMENTS / "variables.tf")
    return [path[1:] for path in optional_paths(types["tenants"], PROD["tenants"])]


def variant(index, path, *, null):
    """The stanza with one attribute null or left out, and ExternalIds that no other variant has."""
    stanza = copy.deepcopy(PROD["tenants"]["example"])
    stanza["external_ids"] = {"current": f"{index:032}", "previous": f"{index + 100:032}"}
    stanza["deployer"]["external_id"] = f"{index + 200:032}"
    *parents, name = path
    holder = stanza
    for parent in parents:
        holder = holder[parent]
    if null:
        holder[name] = None
    else:
        del holder[name]
    return stanza


def variables(*, null):
    tenants = {f"t{i:02}": variant(i, path, null=null) for i, path in enumerate(paths())}
    return {**PROD, "accounts_with_several_tenants": ["222222222222"], "tenants": tenants}


WITH_NULLS, WITHOUT = variables(null=True), variables(null=False)


def test_the_variants_leave_out_every_optional_attribute():
    names = [".".join(path) for path in paths()]
    assert len(names) == len(set(names)) > 35
    for name in (
        "accounts.222222222222.vpc",
        "accounts.222222222222.vpc.id",
        "deployer",
        "perimeter",
        "models.claude.count_tokens",
        "quota.tokens_per_day",
        "quota.aliases.claude.usd_per_month",
        "quota.event_bus",
        "workload.snap_start",
        "state",
    ):
        assert name in names


def test_terraform_reads_the_same(tmp_path):
    output = 'output "tenants" {\n  value = var.tenants\n}\n'
    files = ENVIRONMENTS.glob("variables*.tf")
    root = Folder(folder_of(tmp_path / "root", files, {"output.tf": output}))
    with_nulls, without = (
        root.plan_json(**each)["planned_values"] for each in (WITH_NULLS, WITHOUT)
    )
    assert with_nulls == without


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """What the commands read from a tfvars with these variables."""
    monkeypatch.setattr(model, "ENVIRONMENTS", tmp_path)

    def load(values):
        for file in ENVIRONMENTS.glob("variables*.tf"):
            shutil.copy(file, tmp_path)
        shutil.copytree(ENVIRONMENTS / "prod", tmp_path / "prod", dirs_exist_ok=True)
        (tmp_path / "prod" / "terraform.tfvars").write_text(hcl_attributes(values))
        return load_environment("prod")

    return load


def test_the_commands_read_the_same(loaded):
    with_nulls, without = loaded(WITH_NULLS), loaded(WITHOUT)
    assert with_nulls == without
    for account in with_nulls.accounts:
        if with_nulls.stanzas[account.tenant].get("deployer"):
            assert _inputs(with_nulls, account) == _inputs(without, account)


# Without the profile, a plan refuses the geographic route, so there is nothing to prove.
PLANNED = [f"t{i:02}" for i, path in enumerate(paths()) if path[-1] != "profile"]


@pytest.mark.parametrize("name", PLANNED)
def test_the_proof_specifies_the_same(name):
    """The proof reads the variables from a plan, which has them as they were written."""

    def specifications(values):
        tenant = Tenant(Environment.from_variables(values), name)
        workload = Workload(tenant, "222222222222")
        return [
            operations_specification.trust(tenant),
            operations_specification.permissions(tenant),
            operations_specification.profiles(tenant),
            guard_resources.quota_input(tenant.environment)["tenants"][name],
            workload.region,
            workload.roles,
            workload.endpoints,
            deployer_specification.trust(workload),
            deployer_specification.permissions(workload),
            deployer_specification.boundary(workload),
        ]

    assert specifications(WITH_NULLS) == specifications(WITHOUT)


@pytest.mark.parametrize(
    "name",
    [
        "accounts_with_several_tenants",
        "deployer_role_name",
        "limits",
        "shared_between_environments",
    ],
)
def test_a_variable_with_a_default_may_be_null(loaded, name):
    values = {"deployer_role_name": "terraform", **PROD}
    without = {key: value for key, value in values.items() if key != name}
    assert loaded({**values, name: None}) == loaded(without)


# A null where a value is needed is refused by the plan, not only by the commands.


def needed_positions(value, path=()):
    """Yield the path of every attribute, entry and element of a stanza that must not be null."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for name, item in items:
        if (*path, name) not in OPTIONAL:
            yield (*path, name)
        if isinstance(item, dict | list):
            yield from needed_positions(item, (*path, name))


OPTIONAL = set(paths())
NEEDED = list(needed_positions(PROD["tenants"]["example"]))


def with_null_at(index, path):
    """The stanza with a null, and with an account and ExternalIds that no other variant has."""
    stanza = copy.deepcopy(PROD["tenants"]["example"])
    stanza["external_ids"] = {"current": f"{index:032}", "previous": f"{index + 100:032}"}
    stanza["deployer"]["external_id"] = f"{index + 200:032}"
    *parents, name = path
    holder = stanza
    for parent in parents:
        holder = holder[parent]
    if isinstance(name, int):
        holder.append(None)
    else:
        holder[name] = None
    return stanza


@pytest.fixture(scope="module")
def refusal(tmp_path_factory):
    tenants = {f"t{index:02}": with_null_at(index, path) for index, path in enumerate(NEEDED)}
    tenants |= {"whole": None, "good": GOOD}
    return refusal_of(tenants, tmp_path_factory.mktemp("nulls"))


def refusal_of(tenants, folder):
    # From a file, Terraform would print the whole value in its error.
    variables = {"TF_VAR_tenants": json.dumps(tenants, separators=(",", ":"))}
    root = Folder(folder_of(folder / "root", ENVIRONMENTS.glob("variables*.tf")), **variables)
    others = {name: value for name, value in PROD.items() if name != "tenants"}
    return root.refuses(**{**others, "accounts_with_several_tenants": ["222222222222"]})


GOOD = variant(99, ("state",), null=True)


def test_the_positions_are_those_that_a_stanza_needs():
    names = [".".join(map(str, path)) for path in NEEDED]
    assert len(names) == len(set(names)) > 30
    for name in (
        "accounts",
        "accounts.222222222222",
        "accounts.222222222222.readers.0",
        "accounts.222222222222.vpc.subnet_ids",
        "deployer.external_id",
        "external_ids",
        "external_ids.current",
        "guardrail.arn",
        "models",
        "models.claude",
        "models.claude.regions.0",
    ):
        assert name in names


@pytest.mark.parametrize("index", range(len(NEEDED)), ids=[".".join(map(str, p)) for p in NEEDED])
def test_a_plan_refuses_a_null_where_a_value_is_needed(refusal, index):
    *parents, name = NEEDED[index]
    key = parents[-1] if isinstance(name, int) else name
    assert re.search(rf't{index:02}: "{key}":(\[[^\]]*)?null', refusal)


def test_a_plan_refuses_a_null_in_place_of_a_stanza(refusal):
    assert 'whole: "stanza":null' in refusal


def test_a_refusal_of_nulls_is_the_only_error_and_names_no_other_tenant(refusal):
    assert refusal.count("Error: ") == 1
    assert "Only what may be left out can be null" in refusal
    assert "good" not in refusal.split("Only what")[1]


def test_a_null_under_the_name_of_an_attribute_that_may_be_left_out_is_refused(tmp_path):
    account = with_null_at(0, ("accounts", "region"))
    refusal = refusal_of({"account": account, "good": GOOD, "vpc": None}, tmp_path)
    assert 'account: "region":null; vpc: "stanza":null.' in refusal
    assert refusal.count("Error: ") == 1
