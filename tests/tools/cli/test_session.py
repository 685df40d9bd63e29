"""Which customer accounts an operator's commands work in."""

from dataclasses import replace

from tools.cli.session import Session, part_states
from tools.environment.model import load_environment


def local_with_self_managed_acme():
    local = load_environment("local")
    acme = {**local.stanzas["acme"], "accounts": {"222222222222": {"managed_by": "customer"}}}
    return replace(local, stanzas={**local.stanzas, "acme": acme})


def test_an_account_that_its_customer_manages_is_left_out_with_a_word(capsys):
    session = Session(local_with_self_managed_acme(), target=None, terraform=None, bucket=None)
    labels = [state.label for state in session.customer_states()]
    assert labels == ["globex 333333333333", "globex 444444444444", "initech 555555555555"]
    printed = capsys.readouterr().err
    assert "acme 222222222222 is managed by its customer and is left out" in printed
    assert "`make handover ENV=local TENANT=acme ACCOUNT=222222222222`" in printed
    assert session.customer_states("acme") == []


def test_a_part_leaves_self_managed_accounts_out_and_has_each_other_one_once(capsys):
    environment = local_with_self_managed_acme()
    part = "globex/333333333333 acme/222222222222 globex/333333333333"
    assert [state.label for state in part_states(environment, part)] == ["globex 333333333333"]
    sentence = "acme 222222222222 is managed by its customer and is left out"
    assert sentence in capsys.readouterr().err
    assert part_states(environment, "acme/222222222222 acme/222222222222") == []
    assert capsys.readouterr().err.count(sentence) == 1


def test_every_account_that_the_operator_manages_is_included():
    session = Session(load_environment("local"), target=None, terraform=None, bucket=None)
    assert len(session.customer_states()) == 4
