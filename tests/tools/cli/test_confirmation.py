"""CONFIRM= is read in one way by every command, and a name that nothing has is refused."""

from types import SimpleNamespace

import pytest

from tools.cli.confirmation import confirm, confirmed_names, refuse_unknown_names
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.proof.approval import refuse_unknown_tenants
from tools.terraform.state_content import StateContent


@pytest.mark.parametrize("text", ["acme globex", "globex,acme", "acme, globex", " acme ,globex, "])
def test_spaces_or_commas_separate_names(text):
    assert confirmed_names(text) == {"acme", "globex"}


@pytest.mark.parametrize("answer", ["acme", " acme", "acme,"])
def test_the_asked_name_confirms(answer):
    confirm("acme", answer, "Nothing was destroyed.")


@pytest.mark.parametrize("answer", ["", "acm", "acme globex", "globex"])
def test_any_other_answer_is_refused_with_the_right_one(answer):
    with pytest.raises(CommandError, match=r"Nothing was destroyed\. .* CONFIRM=acme\."):
        confirm("acme", answer, "Nothing was destroyed.")


def test_an_unknown_name_is_refused_with_the_known_ones():
    refuse_unknown_names({"acme"}, {"acme", "globex"}, "tenants")
    with pytest.raises(CommandError, match=r"has acm\. It takes tenants: acme, globex\.$"):
        refuse_unknown_names({"acme", "acm"}, {"acme", "globex"}, "tenants")


class Bucket:
    """A bucket that knows one lost tenant by its hand-over, one by its state, and one by its role's state."""

    def tenants_with_handover(self):
        return frozenset({"initech"})

    def customer_states(self):
        return frozenset({"customers/hooli/222222222222.tfstate"})

    def keys(self, _prefix):
        return ["operations.tfstate"]

    def state(self, _key):
        return StateContent({"resources": [{"module": 'module.operations_role["umbra"]'}]})


@pytest.mark.parametrize("name", ["local", "acme", "initech", "hooli", "umbra"])
def test_an_apply_takes_the_names_of_tenants_with_or_without_a_stanza(name):
    session = SimpleNamespace(environment=load_environment("local"), bucket=Bucket())
    refuse_unknown_tenants(session, {name})


def test_an_apply_refuses_a_name_that_no_tenant_has():
    session = SimpleNamespace(environment=load_environment("local"), bucket=Bucket())
    with pytest.raises(CommandError, match=r"CONFIRM= has acm\. .*acme.*initech"):
        refuse_unknown_tenants(session, {"acm", "acme"})
