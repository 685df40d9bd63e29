"""Tenants that have files of their own, as plain Terraform reads them: no command has a part in this."""

import json

import pytest

from tests.environments.environment_folder import IGNORED_FILES, EnvironmentFolder
from tests.environments.test_rules import GOOD, OTHER, stanza
from tools.environment.hcl import hcl_attributes

ACME = stanza(tags={"team": "a"}, workload={"memory_size": 512})


class Data(EnvironmentFolder):
    """The folder of an environment, and plans of the operations account with it."""

    def __init__(self, operations, folder):
        super().__init__(folder)
        self.operations = operations

    def inputs(self, **tenants):
        return {**GOOD, "data_folder": str(self.folder), "tenants": tenants}

    def planned(self, **tenants):
        plan = self.operations.plan(**self.inputs(**tenants)).json
        return plan["planned_values"], plan["output_changes"]

    def refuses(self, **tenants):
        return self.operations.refuses(**self.inputs(**tenants))


@pytest.fixture
def data(operations, tmp_path):
    return Data(operations, tmp_path / "prod")


THIRD = stanza("444444444444", "b" * 32)
IN_THE_MAP = {"acme": ACME, "globex": OTHER, "initech": THIRD}


@pytest.fixture(scope="module")
def plan_of_the_map(operations):
    plan = operations.plan(**GOOD, data_folder="", tenants=IN_THE_MAP).json
    return plan["planned_values"], plan["output_changes"]


@pytest.mark.parametrize("in_the_map", [(), ("initech",), ("acme", "initech")], ids=repr)
def test_a_stanza_means_the_same_in_the_map_in_hcl_and_in_json(data, plan_of_the_map, in_the_map):
    if "acme" not in in_the_map:
        data.write("tenants/acme.tfvars", ACME)
    data.write("tenants/globex.tfvars.json", json.dumps(OTHER))
    if "initech" not in in_the_map:
        data.write("tenants/initech.tfvars", THIRD)
    assert data.planned(**{name: IN_THE_MAP[name] for name in in_the_map}) == plan_of_the_map


def test_the_files_are_those_in_the_folder_of_the_environment(operations):
    folder = Data(operations, operations.path.parent / "staging")
    folder.write("tenants/acme.tfvars", ACME)
    inputs = {**GOOD, "environment": "staging", "tenants": {"globex": OTHER}}
    role = 'module.operations_role["acme"].aws_iam_role.this'
    assert role in operations.plan(**inputs).addresses
    assert role not in operations.plan(**inputs, data_folder="").addresses
    assert role not in operations.plan(**{**inputs, "environment": "elsewhere"}).addresses


@pytest.mark.parametrize("file", IGNORED_FILES)
def test_a_file_that_nothing_would_read_is_refused(data, file):
    data.write("tenants/acme.tfvars", ACME)
    data.write("terraform.tfvars", "")
    data.write("backend.hcl", "")
    data.write("README.md", "")
    data.write("tenants/.gitkeep", "")
    assert data.planned()
    data.write(file, OTHER)
    refusal = data.refuses()
    assert f"These files in environments/prod would be ignored: {file}. A tenant's" in refusal
    assert "rename, move or remove them." in refusal


@pytest.mark.parametrize("twin", ["tenants/acme.tfvars.json", None], ids=["JSON", "map"])
def test_a_tenant_in_two_places_is_refused_with_both(data, twin):
    data.write("tenants/acme.tfvars", ACME)
    assert data.planned(globex=OTHER)
    if twin is None:
        refusal, places = data.refuses(acme=ACME), "terraform.tfvars and tenants/acme.tfvars"
    else:
        data.write(twin, json.dumps(ACME))
        refusal, places = data.refuses(), "tenants/acme.tfvars and tenants/acme.tfvars.json"
    assert f"A tenant has one stanza; remove all but one of acme in {places}, in" in refusal


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("acme.tfvars", "accounts = {"),
        ("acme.tfvars", "accounts = var.accounts"),
        ("acme.tfvars.json", "{"),
        ("acme.tfvars.json", "[]"),
        ("acme.tfvars.json", ""),
    ],
)
def test_a_file_that_is_no_stanza_is_refused_by_its_name(data, file, content):
    data.write("tenants/globex.tfvars", OTHER)
    assert data.planned()
    data.write(f"tenants/{file}", content)
    refusal = data.refuses()
    assert f"correct tenants/{file} in environments/prod." in refusal
    assert "globex" not in refusal


def test_the_rules_compare_stanzas_of_files_with_those_of_the_map(data):
    data.write("tenants/acme.tfvars", ACME)
    assert data.planned(globex=OTHER)
    refusal = data.refuses(globex=stanza("333333333333"))
    assert "Every ExternalId (current, previous or the deployer's) belongs to one tenant" in refusal
    refusal = data.refuses(globex=stanza(current="c" * 32))
    assert "222222222222 is in acme and globex" in refusal


def test_a_stanza_of_a_file_has_the_types_of_the_map(data):
    file = data.write("tenants/acme.tfvars", ACME)
    assert data.planned()
    for wrong, sentence in (
        ({**ACME, "models": "nova"}, 'attribute "models": map of object required'),
        ({"accounts": {}}, 'attributes "external_ids" and "models" are required'),
    ):
        file.write_text(hcl_attributes(wrong))
        assert sentence in data.refuses()
