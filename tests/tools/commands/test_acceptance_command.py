"""`make acceptance` asks before it calls anything, and says by its exit status whether AWS differs."""

from functools import partial
from types import SimpleNamespace

import pytest

from tests.tools.acceptance.aws import MODEL, PROFILE, REGION, Facts, FakeAws, Wire, environment
from tools.acceptance.sandbox import Sandbox
from tools.command_error import CommandError
from tools.commands import acceptance as command


@pytest.fixture(scope="module")
def wire():
    return Wire(environment())


@pytest.fixture
def accept(wire, monkeypatch, tmp_path):
    """Run the command where AWS is as the facts say."""
    models = {"claude": {"model": PROFILE, "base_model_id": MODEL, "regions": [REGION]}}
    bucket = SimpleNamespace(handover=lambda _: {"models": models})
    session = SimpleNamespace(environment=wire.environment, target=wire, bucket=bucket)
    monkeypatch.setattr(command, "open_session", lambda _: session)
    monkeypatch.setattr(command, "EVIDENCE", tmp_path / "evidence")

    def run(facts, *options):
        wire.aws = FakeAws(facts)
        monkeypatch.setattr(command, "Sandbox", partial(Sandbox, clock=wire.aws.clock))
        monkeypatch.setattr("sys.argv", ["acceptance", "--env=dev", "--tenant=acme", *options])
        return command.main()

    return run


def test_nothing_is_called_or_made_without_the_confirmation(accept, wire, capsys, tmp_path):
    with pytest.raises(CommandError, match="Nothing was called. .* write CONFIRM=acme"):
        accept(Facts())
    assert wire.aws.prompts == set()
    assert wire.aws.clock.now() == FakeAws(Facts()).clock.now()  # every request moves it
    assert "At most 250 calls" in capsys.readouterr().err
    assert not (tmp_path / "evidence").exists()


def test_with_it_the_facts_are_observed_and_the_evidence_is_written(accept, capsys, tmp_path):
    assert accept(Facts(), "--confirm=acme", "--administrator=acme-admin") == 0
    printed = capsys.readouterr().out
    assert "59 facts are as documented, 0 differ, and 0 could not be observed." in printed
    [file] = (tmp_path / "evidence").iterdir()
    assert f"The evidence is in {file}." in printed


@pytest.mark.parametrize("facts", [Facts(retention="inherit"), Facts(undeletable="role")])
def test_a_fact_that_differs_and_something_left_behind_fail(accept, facts):
    assert accept(facts, "--confirm=acme", "--administrator=acme-admin") == 1


def test_facts_that_cannot_be_told_do_not_fail(accept, capsys):
    assert accept(Facts(), "--confirm=acme") == 0
    assert "0 differ" in capsys.readouterr().out
