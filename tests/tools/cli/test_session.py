"""Which customer accounts an operator's commands work in."""

from dataclasses import replace

from tools.cli.session import Session
from tools.environment.model import load_environment


def local_with_self_managed_acme():
    local = load_environment("local")
    acme = {name: value for name, value in local.stanzas["acme"].items() if name != "deployer"}
    return replace(local, stanzas={**local.stanzas, "acme": acme})


def test_a_tenant_without_a_deployer_is_left_out_with_a_word(capsys):
    session = Session(local_with_self_managed_acme(), target=None, terraform=None, bucket=None)
    labels = [state.label for state in session.customer_states()]
    assert labels == ["globex 333333333333", "globex 444444444444", "initech 555555555555"]
    assert "acme 222222222222 is self-managed and is left out." in capsys.readouterr().err
    assert session.customer_states("acme") == []


def test_every_tenant_with_a_deployer_is_included():
    session = Session(load_environment("local"), target=None, terraform=None, bucket=None)
    assert len(session.customer_states()) == 4
