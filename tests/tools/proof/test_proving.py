"""A plan is proved as the plan of the state and the stanza that it was made from, and of no other."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.tools.isolation.small_plan import plan_json, role, state_of
from tools.command_error import CommandError
from tools.environment.model import CustomerAccount, load_environment
from tools.proof import folder as proof_folder
from tools.proof.proved_apply import Prover
from tools.proof.proving import make_report, prove_plan
from tools.terraform.state import customer_state, operations_state

ACME = customer_state(CustomerAccount("acme", "222222222222", "eu-central-1"))


def test_accepts_a_plan_of_the_state_that_it_was_made_in():
    assert prove_plan("prod", plan_json(role(), shard=0), of=operations_state(0, 1)).holds


@pytest.mark.parametrize(
    ("state", "variables"),
    [
        (ACME, {}),
        (ACME, {"tenant": "globex", "account_id": "222222222222"}),
        (ACME, {"tenant": "acme", "account_id": "333333333333"}),
        (operations_state(0, 2), {"shard": 1}),
        (operations_state(0, 1), {"tenant": "acme", "account_id": "222222222222"}),
    ],
)
def test_refuses_a_plan_of_another_state(state, variables):
    plan = plan_json(role(), **variables)
    with pytest.raises(CommandError, match=f"The plan of {state.label} is of another account"):
        prove_plan("prod", plan, of=state)


SHARED = "222222222222"
STANZA = {
    "accounts": {SHARED: {"readers": ["arn:aws:iam::333333333333:role/reader"]}},
    "external_ids": {"current": "a" * 32},
    "models": {},
    "trusted_accounts": ["333333333333"],
}


def reported(planned, **stanzas):
    """The problems of a customer account's plan with the stanza ``planned``, where the file has ``stanzas``."""
    local = load_environment("local")
    variables = {**local.variables, "environment": "prod"}
    environment = replace(local, name="prod", stanzas=stanzas, variables=variables)
    values = {**variables, "tenants": {"acme": planned}, "tenant": "acme", "account_id": SHARED}
    plan = plan_json(role())
    plan["variables"] = {name: {"value": value} for name, value in values.items()}
    report = make_report(environment, [(None, plan)], state=False, providers={})
    return "\n".join(report.problems())


def test_a_plan_with_one_stanza_is_compared_with_all_of_them():
    problem = "trusted_accounts lists 333333333333, which belongs to globex"
    globex = {
        "accounts": {"333333333333": {}},
        "external_ids": {"current": "b" * 32},
        "models": {},
    }
    assert problem in reported(STANZA, acme=STANZA, globex=globex)
    assert problem not in reported(STANZA, acme=STANZA)


def test_refuses_a_plan_that_was_made_with_another_stanza():
    with pytest.raises(CommandError, match="The plan of acme 222222222222 was made with another"):
        reported({**STANZA, "trusted_accounts": []}, acme=STANZA)
    assert reported({**STANZA, "perimeter": None}, acme=STANZA)


# --- states that could not be read or planned ---


def refuse(*_):
    raise CommandError("Access denied")


def prover(**variables):
    """A prover of an environment, with a state bucket in which nothing can be read."""
    local = load_environment("local")
    values = {**local.variables, **variables}
    environment = replace(local, name=values["environment"], variables=values)
    bucket = SimpleNamespace(
        etags=refuse,
        handover=refuse,
        state=refuse,
        tenants_with_handover=lambda: frozenset({"acme"}),
    )
    terraform = SimpleNamespace(init=lambda _: None, provider_versions=lambda _: {})
    return Prover(SimpleNamespace(environment=environment, bucket=bucket, terraform=terraform), 1)


def test_what_exists_is_proved_at_most_in_part_if_a_state_could_not_be_read():
    operations = operations_state(0, 1)
    plan = plan_json(role(), shard=0)
    plan["prior_state"] = state_of(*plan["resource_changes"])

    def read(state):
        return plan if state is operations else refuse()

    prod = prover(environment="prod")
    report, failures = prod.prove_existing([operations], read)
    assert (report.verdict, report.holds, failures) == ("Proved", True, {})
    report, failures = prod.prove_existing([operations, ACME], read)
    assert failures == {ACME.label: "Access denied"}
    assert (report.verdict, report.holds) == ("Proved in part", False)
    assert f"Nothing could be read of what exists in {ACME.label}." in report.certificate()


def test_a_certificate_names_the_states_that_could_not_be_planned(tmp_path, monkeypatch):
    monkeypatch.setattr(proof_folder, "PROOFS", tmp_path)
    proved = prover().prove([ACME])
    assert proved.failures == {ACME.label: "Access denied"}
    assert f"not planned: {ACME.label} (it could not be planned)." in proved.certificate.read_text()
    operations = operations_state(0, 2)
    proved = prover().prove([operations])
    assert not proved.report.holds
    assert f"The {operations.label} could not be planned." in proved.certificate.read_text()
