"""The price file in the documentation, with which `make cost` computes the costs of every tenant."""

import json

import pytest

from tests.docs.pages import blocks
from tools.charges.price_file import PRICES, USE


@pytest.fixture(scope="module")
def example():
    (block,) = blocks("prices", "example")
    return block.text


@pytest.fixture(scope="module")
def run(checkout):
    """Runs `make cost` with a price file, without any AWS."""

    def run(text, options=""):
        (checkout.root / "prices.tfvars").write_text(text)
        return checkout.shell(f"make cost ENV=local PRICES=prices.tfvars {options}")

    return run


def test_it_has_every_price_and_number_that_the_command_reads(example):
    assert [name for name in (*PRICES, *USE) if f" {name} " not in example] == []


def test_a_region_that_it_lacks_is_named(run, example):
    # globex has an account in eu-west-1
    refused = run(example)
    assert refused.returncode != 0
    assert "has no price kms_key_month for eu-west-1" in refused.stderr


def test_every_account_of_every_tenant_has_its_costs(run, example):
    both = example.replace("prices = {", 'prices = {\n  "eu-west-1" = PRICES', 1)
    prices = example[example.index("= {\n    alarm") + 2 : example.index("\n  }\n}") + 4]
    text = both.replace("PRICES", prices)
    items = json.loads(run(text, "JSON=1").stdout)
    assert {item["tenant"] for item in items} == {None, "acme", "globex", "initech"}
    assert {item["account"] for item in items if item["tenant"] == "globex"} == {
        "111111111111",
        "333333333333",
        "444444444444",
    }
    assert all(item["cost"] == item["quantity"] * item["price"] for item in items)
    table = run(text).stdout
    assert "(the environment)" in table
    assert "by a million calls" in table


def test_one_tenant_is_shown_with_every_cost(run, example):
    table = run(example, "TENANT=initech").stdout
    assert "logs searched for masks, GB" in table
    assert "inference profiles" in table
    assert "not charged" in table
    assert "acme" not in table


def test_a_price_that_it_lacks_is_named(run, example):
    refused = run(example.replace("kms_key_month", "# kms_key_month"), "TENANT=acme")
    assert refused.returncode != 0
    assert "has no price kms_key_month for eu-central-1" in refused.stderr
