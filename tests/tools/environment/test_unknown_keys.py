import re

import pytest

from tests.terraform import ENVIRONMENTS
from tools.environment.hcl import decode_hcl
from tools.environment.unknown_keys import repeated_keys, unknown_keys

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


def problems(tfvars, variables=ENVIRONMENTS / "variables.tf"):
    return [*repeated_keys(tfvars), *unknown_keys(decode_hcl(tfvars.encode()), variables)]


def test_accepts_a_stanza_whose_keys_are_all_known():
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
                "write one of account_id, administrators, deployment_principals, guard, permissions_boundary, "
                "region, shards."
            ),
        ),
        (
            "tenants",
            "tenant",
            "tenant is not a known key; did you mean tenants?",
        ),
    ],
)
def test_names_an_unknown_key_and_the_nearest_known_one(known, unknown, sentence):
    assert problems(STANZA.replace(known, unknown)) == [sentence]


def test_names_every_unknown_key():
    wrong = STANZA.replace("memory_size", "memory").replace("readers", "read")
    assert len(problems(wrong)) == 2


def test_names_a_tenant_that_is_written_twice():
    twice = STANZA.replace("tenants = {", "tenants = {\n  acme = {}\n")
    assert problems(twice) == [
        ("tenants.acme is written twice and only the last one would count; merge the two.")
    ]


def test_names_an_account_that_is_written_twice_in_one_stanza():
    twice = STANZA.replace('{ "222222222222"', '{ "222222222222" = {}, "222222222222"')
    assert problems(twice) == [
        (
            "tenants.acme.accounts.222222222222 is written twice and only "
            "the last one would count; merge the two."
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "{ readers = [] }",
            '"none"',
            'tenants.acme.accounts.222222222222 is an object in { }, not "none".',
        ),
        (
            "readers = []",
            'readers = "a"',
            'tenants.acme.accounts.222222222222.readers is a list in [ ], not "a".',
        ),
        (
            "memory_size = 512",
            'memory_size = "512"',
            'tenants.acme.workload.memory_size is a number without quotes, not "512".',
        ),
        (
            "memory_size = 512",
            "memory_size = true",
            "tenants.acme.workload.memory_size is a number without quotes, not true.",
        ),
        (
            "memory_size = 512",
            'snap_start = "false"',
            'tenants.acme.workload.snap_start is true or false, without quotes, not "false".',
        ),
        (
            "memory_size = 512",
            "snap_start = 1",
            "tenants.acme.workload.snap_start is true or false, without quotes, not 1.",
        ),
        (
            '{ current = "269170463fdc32af10a91e67a8fd77bd" }',
            '["ü"]',
            'tenants.acme.external_ids is an object in { }, not ["ü"].',
        ),
        (
            '"111111111111"',
            "111111111111",
            "operations.account_id is a text in quotes, not 111111111111.",
        ),
        (
            '"269170463fdc32af10a91e67a8fd77bd"',
            "{}",
            "tenants.acme.external_ids.current is a text in quotes, not {}.",
        ),
    ],
    ids=str,
)
def test_names_a_value_of_another_type(old, new, sentence):
    assert old in STANZA
    assert problems(STANZA.replace(old, new, 1)) == [sentence]


@pytest.mark.parametrize("tenants", ['"none"', "[]", "5", "{ acme = 5 }"])
def test_names_tenants_of_another_type(tenants):
    (sentence,) = problems(f"tenants = {tenants}\n")
    assert sentence.startswith("tenants")
    assert " in { }, not " in sentence


@pytest.mark.parametrize("key", ["acme", '"acme"', '("acme")', '("ac\\u006de")'])
def test_a_repeated_key_may_be_written_in_any_way(key):
    twice = STANZA.replace("tenants = {", f"tenants = {{\n  {key} : null,")
    assert problems(twice) == [
        "tenants.acme is written twice and only the last one would count; merge the two."
    ]


# Every attribute that may be left out, set to null.
NULLS = """
accounts_with_several_tenants = null
deployer_role_name = null
limits = null
environment = "prod"
operations = { account_id = "111111111111", region = "eu-central-1", permissions_boundary = null }
tenants = {
  acme = {
    accounts = {
      "222222222222" = { permissions_boundary = null, readers = null, region = null, unmaskers = null, vpc = null }
    }
    audit = null
    content = null
    deployer = null
    external_ids = { current = "269170463fdc32af10a91e67a8fd77bd", previous = null }
    guardrail = null
    masking = null
    models = {
      nova = {
        count_tokens = null, destinations = null, fallbacks = null, model = "amazon.nova-lite-v1:0", profile = null
        regions = ["eu-central-1"], route = null, streaming = null, track = null
      }
    }
    perimeter = null
    quota = null
    state = null
    workload = null
  }
}
"""


def test_an_attribute_that_may_be_left_out_may_be_null():
    assert problems(NULLS) == []


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ('environment = "prod"', "environment"),
        ('account_id = "111111111111"', "operations.account_id"),
        ('regions = ["eu-central-1"]', "tenants.acme.models.nova.regions"),
        ('current = "269170463fdc32af10a91e67a8fd77bd"', "tenants.acme.external_ids.current"),
    ],
)
def test_an_attribute_that_is_required_may_not_be_null(value, path):
    name = value.partition(" = ")[0]
    assert problems(NULLS.replace(value, f"{name} = null")) == [
        f"{path} is null; write its value, or remove it."
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("tenants = { acme = null }", "tenants.acme"),
        (
            'tenants = { acme = { accounts = { "222222222222" = null } } }',
            "tenants.acme.accounts.222222222222",
        ),
        ("tenants = { acme = { models = { nova = null } } }", "tenants.acme.models.nova"),
        ("tenants = { acme = { masking = [null] } }", "tenants.acme.masking[0]"),
        ("tenants = null", "tenants"),
    ],
)
def test_an_entry_of_a_map_or_a_list_may_not_be_null(text, path):
    assert problems(text) == [f"{path} is null; write its value, or remove it."]


def test_looks_into_lists_of_objects(tmp_path):
    variables = tmp_path / "variables.tf"
    variables.write_text('variable "rules" {\n  type = list(object({ port = number }))\n}\n')
    assert problems("rules = [{ port = 1 }, { prot = 2 }]\n", variables) == [
        "rules[1].prot is not a known key; did you mean port?"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{ current = "269170463fdc32af10a91e67a8fd77bd" }', '"269170463fdc32af10a91e67a8fd77bd"'),
        (
            '{ current = "269170463fdc32af10a91e67a8fd77bd" }',
            '["269170463fdc32af10a91e67a8fd77bd"]',
        ),
        ('"269170463fdc32af10a91e67a8fd77bd"', '["269170463fdc32af10a91e67a8fd77bd"]'),
        ('"269170463fdc32af10a91e67a8fd77bd"', "26917046332"),
        ("external_ids =", 'deployer = "269170463fdc32af10a91e67a8fd77bd"\n    external_ids ='),
        ("acme = { # the first", "acme = [{"),
    ],
)
def test_no_sentence_shows_an_external_id(before, after):
    tfvars = STANZA.replace(before, after)
    if after.endswith("[{"):
        tfvars = tfvars.replace("    }\n  }\n}", "    }\n  }]\n}")
    [sentence] = problems(tfvars)
    assert re.fullmatch(r"tenants\.acme[\w.]* is an? (object in \{ \}|text in quotes)\.", sentence)
