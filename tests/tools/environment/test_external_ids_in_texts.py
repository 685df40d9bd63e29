"""No ExternalId is printed, also one that a plan or a state has and no stanza any more."""

import json
from dataclasses import replace

import pytest

from tests.tools.isolation.small_plan import plan_json, role
from tools.command_error import CommandError
from tools.environment.model import CustomerAccount, load_environment
from tools.iam.external_ids import external_ids_in
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for
from tools.proof.approval import _show
from tools.proof.planning import _plan
from tools.proof.saved_plan import SavedPlan
from tools.terraform.runner import Terraform
from tools.terraform.state import customer_state, operations_state
from tools.terraform.state_content import StateContent

LOCAL = load_environment("local")
CURRENT = LOCAL.stanzas["acme"]["external_ids"]["current"]
LOST, EDITED, DEPLOYER, OLD = (f"{name}-0123456789abcdef" for name in ("lost", "old", "dep", "out"))


def trust(*external_ids):
    condition = {"StringEquals": {"sts:ExternalId": [*external_ids]}}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def change(tenant, actions, before, after):
    return {
        "address": f'module.operations_role["{tenant}"].aws_iam_role.this',
        "mode": "managed",
        "type": "aws_iam_role",
        "change": {
            "actions": actions,
            "before": before and {"assume_role_policy": before},
            "after": after and {"assume_role_policy": after},
        },
    }


# A plan after globex's stanza was lost and acme's ExternalId was edited by hand.
PLAN = {
    "resource_changes": [
        change("acme", ["update"], trust(EDITED), trust(CURRENT)),
        change("globex", ["delete"], trust(LOST), None),
    ],
    "output_changes": {"handover": {"before": {"acme": {"external_id": OLD}}, "after": None}},
    "variables": {"tenants": {"value": {"umbrella": {"deployer": {"external_id": DEPLOYER}}}}},
}
TEXT = f"""
  ~ "sts:ExternalId" = [ ~ "{EDITED}" -> "{CURRENT}" ]
  - "sts:ExternalId" = [ - "{LOST}" ]
  external_id = "{OLD}", deployer "{DEPLOYER}"
"""


class Run:
    """A terraform that prints TEXT for a plan, and PLAN for its JSON."""

    environment = LOCAL

    def save_plan(self, _state, file, _adopted, _handover):
        file.write_bytes(b"plan")
        return TEXT

    def show_json(self, _state, _file):
        return PLAN


def leaks(text):
    return [id_ for id_ in (LOST, EDITED, DEPLOYER, OLD, CURRENT) if id_ in text]


def test_a_plan_is_printed_without_those_of_lost_and_edited_stanzas(tmp_path):
    plan = _plan(Run(), operations_state(0, 1), tmp_path / "plan", {}, None)
    assert leaks(plan.text) == []
    assert '~ "(an ExternalId)" -> "(an ExternalId of acme)"' in plan.text
    assert leaks(TEXT) == [LOST, EDITED, DEPLOYER, OLD, CURRENT]


def test_a_list_of_changes_is_printed_without_them(capsys):
    plan = SavedPlan(operations_state(0, 1), "plan", PLAN, "", None)
    _show(type("Proved", (), {"plans": [plan], "failures": {}}), LOCAL)
    printed = capsys.readouterr().out
    assert "(an ExternalId)" in printed
    assert leaks(printed) == []


class Bucket:
    """A state bucket whose state has a role that accepts LOST and a hand-over with OLD."""

    def __init__(self, fails=False):
        self.fails = fails

    def state(self, _key):
        if self.fails:
            raise CommandError("The state cannot be read.")
        resources = [{"instances": [{"attributes": {"assume_role_policy": trust(LOST)}}]}]
        outputs = {"handover": {"value": {"acme": {"external_id": OLD}}}}
        return StateContent({"version": 4, "resources": resources, "outputs": outputs})

    def handover(self, _tenant):
        if self.fails:
            raise CommandError("The hand-over cannot be read.")
        return {"external_id": EDITED}


def test_an_error_of_terraforms_is_printed_without_those_of_the_state_and_the_hand_over(tmp_path):
    terraform = Terraform(LOCAL, tmp_path, dict, print, Bucket())
    state = customer_state(CustomerAccount("acme", "222222222222", "eu-central-1"))
    error = CommandError(f"Error: {LOST} {OLD} {EDITED} {CURRENT}")
    text = str(terraform._explained(state, error))
    assert text == f"Error:{' (an ExternalId)' * 3} (an ExternalId of acme)"
    unread = replace(terraform, bucket=Bucket(fails=True))._explained(state, error)
    assert "(an ExternalId of acme)" in str(unread)


def test_a_counterexample_contains_none_that_a_role_accepts_and_no_stanza_has():
    accepted = json.loads(role()["change"]["after"]["assume_role_policy"])
    accepted["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] = [LOST]
    plan = plan_json(role(assume_role_policy=json.dumps(accepted)))
    case = claims_for(plan_reader.read(plan))
    assert case.secrets[LOST] == "(an ExternalId)"


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"external_ids": {"current": "one", "previous": None}}, {"one"}),
        ({"Environment": json.dumps({"operations": {"external_id": "two"}})}, {"two"}),
        ({"Condition": {"StringLike": {"STS:externalid": "three"}}}, {"three"}),
        ({"external_id": {"references": ["local.stanza.deployer.external_id"]}}, set()),
        ({"external_id": {"constant_value": "four"}}, {"four"}),
        ({"external_id": True, "external_ids": "", "sts:ExternalId": "*"}, set()),
        ({"text": "{not JSON", "list": ["[", {"id": "five"}]}, set()),
    ],
)
def test_they_are_found_by_the_name_of_their_place(document, found):
    assert external_ids_in(document) == found


def test_one_that_is_a_part_of_another_is_replaced_after_it():
    document = {"external_ids": ["abcd", "abcdefgh"]}
    assert (
        LOCAL.without_external_ids("abcdefgh abcd", document) == "(an ExternalId) (an ExternalId)"
    )
