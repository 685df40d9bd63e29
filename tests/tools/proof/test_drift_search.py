"""The rows that `make drift` makes of plans and proofs, and how it prints them."""

import json
import re
import sys

import pytest

from tools.cli.console import out
from tools.commands import drift as command
from tools.isolation.claims import Case, Claim
from tools.isolation.plan_fault import Fault
from tools.isolation.predicate import AnyOf
from tools.isolation.prover import Outcome, Proof
from tools.proof.drift_search import Difference, changed_arguments, proof_differences

LABEL = "acme 222222222222"
FUNCTION = "module.customer_workload.aws_lambda_function.this[0]"
PLAN = {
    "resource_changes": [
        {
            "address": FUNCTION,
            "type": "aws_lambda_function",
            "mode": "managed",
            "change": {
                "actions": ["update"],
                "before": {"timeout": 61, "memory_size": 512},
                "after": {"timeout": 60, "memory_size": 512},
            },
        }
    ]
}


def proof(*faults, problem=None):
    """A proof with these faults and, with ``problem``, of a claim that is not proved and has no example."""
    claim = Claim(f"{LABEL} reader", "permissions", (), AnyOf())
    outcomes = (Outcome(claim, problem=problem),) if problem else ()
    case = Case("customer account 222222222222", "", ("acme",), (claim,), faults, {})
    return Proof(case, outcomes, len(outcomes))


def fault(argument):
    problem = f"{argument} of the function bedrock-prod-acme ({FUNCTION}) is 61 instead of 60"
    return Fault(LABEL, "function", problem)


def test_a_fault_that_the_plan_shows_has_no_second_row_and_every_other_one_has_its_own():
    found = list(
        proof_differences(
            LABEL, proof(fault("timeout"), fault("code_sha256")), changed_arguments(PLAN)
        )
    )
    assert [(row.about, row.state) for row in found] == [("function", "drifted")]
    assert found[0].what.startswith("code_sha256 of ")


def test_a_fault_stays_that_no_plan_shows():
    assert len(list(proof_differences(LABEL, proof(fault("timeout"))))) == 1


def test_a_claim_that_no_solver_decides_is_not_told_and_never_fine():
    (row,) = proof_differences(LABEL, proof(problem="not decided: z3 returned unknown"))
    assert (row.about, row.state) == ("reader, permissions", "cannot tell")


DRIFTED = Difference(LABEL, "plan", "drifted", "~ change x")
UNREAD = Difference(LABEL, "everything", "cannot tell", "terraform-deployer cannot be assumed")


@pytest.mark.parametrize(
    ("rows", "status"),
    [([], 0), ([DRIFTED], 1), ([UNREAD], 3), ([UNREAD, DRIFTED], 1)],
)
def test_the_exit_status_tells_drift_from_what_was_not_read(monkeypatch, capfd, rows, status):
    monkeypatch.setattr(sys, "argv", ["drift", "--env=local", "--json"])

    class Session:
        selected_states = staticmethod(lambda *_: ([], []))

    monkeypatch.setattr(command, "open_session", lambda _: Session())
    monkeypatch.setattr(command, "find_drift", lambda *_: rows)
    assert command.main() == status
    assert json.loads(capfd.readouterr().out) == [vars(row) for row in rows]


@pytest.mark.parametrize("width", [300, 60])
def test_no_cell_is_cut_on_any_terminal(monkeypatch, width):
    monkeypatch.setattr(out, "_width", width)
    with out.capture() as captured:
        command.show([DRIFTED, UNREAD], "prod", "1 customer account")
    text = captured.get()
    assert UNREAD.what in text
    assert bool(re.search(rf"^{LABEL} +plan +drifted +~ change x", text, re.MULTILINE)) == (
        width == 300
    )
    assert "1 rows say what has drifted, and 1 what could not be read." in text
    assert "`make apply ENV=prod ALL=1`" in text
