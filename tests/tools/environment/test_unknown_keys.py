import pytest

from tests.terraform import ENVIRONMENTS
from tools.environment.unknown_keys import unknown_keys

STANZA = """
environment = "prod"

operations = {
  account_id = "111111111111"
  region     = "eu-central-1"
}

tenants = {
  acme = { # the first
    accounts     = { "222222222222" = { readers = [] } }
    external_ids = { current = "269170463fdc32af10a91e67a8fd77bd" }
    models       = { nova = { model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] } }
    workload = {
      memory_size = 512 # MB
    }
  }
}
"""


@pytest.fixture
def problems(tmp_path):
    def of(tfvars, variables=ENVIRONMENTS / "variables.tf"):
        path = tmp_path / "prod" / "terraform.tfvars"
        path.parent.mkdir(exist_ok=True)
        path.write_text(tfvars)
        return unknown_keys(path, variables)

    return of


def test_accepts_a_stanza_whose_keys_are_all_known(problems):
    assert problems(STANZA) == []


@pytest.mark.parametrize(
    ("known", "unknown", "sentence"),
    [
        (
            "memory_size",
            "memry_size",
            ("tenants.acme.workload.memry_size is not a known key; did you mean memory_size?"),
        ),
        (
            "readers",
            "reader",
            ("tenants.acme.accounts.222222222222.reader is not a known key; did you mean readers?"),
        ),
        (
            "regions =",
            "region =",
            "tenants.acme.models.nova.region is not a known key; did you mean regions?",
        ),
        (
            "region  ",
            "zone",
            (
                "operations.zone is not a known key; "
                "write one of account_id, permissions_boundary, region."
            ),
        ),
        (
            "tenants",
            "tenant",
            "tenant is not a known key; did you mean tenants?",
        ),
    ],
)
def test_names_an_unknown_key_and_the_nearest_known_one(problems, known, unknown, sentence):
    assert problems(STANZA.replace(known, unknown)) == [f"prod/terraform.tfvars: {sentence}"]


def test_names_every_unknown_key(problems):
    wrong = STANZA.replace("memory_size", "memory").replace("readers", "read")
    assert len(problems(wrong)) == 2


def test_names_a_tenant_that_is_written_twice(problems):
    twice = STANZA.replace("tenants = {", "tenants = {\n  acme = {}\n")
    assert problems(twice) == [
        (
            "prod/terraform.tfvars: tenants.acme is written twice and only the last one would count; "
            "merge the two."
        )
    ]


def test_names_an_account_that_is_written_twice_in_one_stanza(problems):
    twice = STANZA.replace('{ "222222222222"', '{ "222222222222" = {}, "222222222222"')
    assert problems(twice) == [
        (
            "prod/terraform.tfvars: tenants.acme.accounts.222222222222 is written twice and only "
            "the last one would count; merge the two."
        )
    ]


def test_leaves_a_value_of_another_type_to_terraform(problems):
    assert problems(STANZA.replace("{ readers = [] }", '"none"')) == []


def test_names_the_line_that_is_not_hcl(problems):
    assert problems('environment = "prod"\ntenants = =\n') == [
        "prod/terraform.tfvars: line 2 is not valid HCL; run `terraform fmt` to see the reason."
    ]


def test_looks_into_lists_of_objects(problems, tmp_path):
    variables = tmp_path / "variables.tf"
    variables.write_text('variable "rules" {\n  type = list(object({ port = number }))\n}\n')
    assert problems("rules = [{ port = 1 }, { prot = 2 }]\n", variables) == [
        "prod/terraform.tfvars: rules[1].prot is not a known key; did you mean port?"
    ]
