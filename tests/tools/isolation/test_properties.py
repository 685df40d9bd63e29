"""Every property has mutants that it refutes, and the page, the table and the mutants are one."""

import copy
import json
import re

import pytest

from tests.tools.isolation.environment_mutants import ENVIRONMENT_MUTANTS
from tests.tools.isolation.guard_mutants import GUARD_MUTANTS
from tests.tools.isolation.mutants import CHANGES
from tests.tools.isolation.plan_mutants import (
    ALIAS,
    EVERYTHING,
    EXECUTION,
    FUNCTION,
    LOGS_ENDPOINT,
    MUTANTS,
    OPERATIONS_ROLE,
    PROFILE,
    RECORDS,
    after,
)
from tests.tools.isolation.plan_mutants import (
    item as item_of,
)
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for
from tools.isolation.properties import ASSUMPTIONS, NOT_COVERED, PROPERTIES, property_of
from tools.isolation.resource_specification import TOPICS
from tools.paths import ROOT

KEY_ARN = "arn:aws:kms:eu-central-1:666666666666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PAGE = ROOT / "docs" / "explanation" / "properties.md"
PLAN_MUTANTS = [
    (item.name, name) for item in PROPERTIES for name in item.mutants if name in MUTANTS
]


def topics(plan):
    return {fault.topic for fault in claims_for(plan_reader.read(plan)).faults}


def mutated(plans, name):
    mutant = MUTANTS[name]
    plan = copy.deepcopy(plans[mutant.root])
    mutant.change(plan)
    return plan


def test_the_unchanged_plans_have_no_fault(plans):
    assert {root for root, plan in plans.items() if topics(plan)} == set()


@pytest.mark.parametrize(("name", "mutant"), PLAN_MUTANTS)
def test_a_mutant_is_refuted_by_its_property(plans, name, mutant):
    violated = {found and found.name for found in map(property_of, topics(mutated(plans, mutant)))}
    assert name in violated


@pytest.mark.parametrize(
    ("root", "address", "id_"),
    [
        (EVERYTHING, RECORDS, "/bedrock/local/everything/records"),
        (EVERYTHING, EXECUTION, "bedrock-local-everything-execution"),
        (EVERYTHING, FUNCTION, "bedrock-local-everything"),
        (EVERYTHING, ALIAS, "bedrock-local-everything/live"),
        (EVERYTHING, LOGS_ENDPOINT, "vpce-0a1b2c3d4e5f60718"),
        ("operations", OPERATIONS_ROLE, "bedrock-local-everything"),
        ("operations", PROFILE, "fnszio4l1wvo"),
    ],
)
def test_an_object_is_adopted_under_the_name_that_the_stanza_gives_it(plans, root, address, id_):
    plan = copy.deepcopy(plans[root])
    change = item_of(plan, address)["change"]
    change["importing"] = {"id": id_}
    assert topics(plan) == set()
    change["importing"] = {"id": ""}
    assert topics(plan) == {"configuration"}


def test_every_property_has_three_mutants_and_every_mutant_a_property():
    assert {item.name: len(set(item.mutants)) for item in PROPERTIES if len(item.mutants) < 3} == {}
    named = {mutant for item in PROPERTIES for mutant in item.mutants}
    mutants = MUTANTS.keys() | ENVIRONMENT_MUTANTS.keys() | GUARD_MUTANTS.keys()
    assert named - CHANGES.keys() - mutants == set()
    assert mutants - named == set()


def test_a_mutant_of_the_stanzas_has_a_topic_of_its_property():
    for name, mutant in ENVIRONMENT_MUTANTS.items():
        violated = property_of(mutant.topic)
        assert violated is not None
        assert name in violated.mutants


def test_every_topic_has_one_property_and_the_code_exists():
    of_topic = [topic for item in PROPERTIES for topic in item.topics]
    assert len(of_topic) == len(set(of_topic))
    assert set(TOPICS.values()) <= set(of_topic)
    assert [
        path for item in PROPERTIES for path in item.sources if not (ROOT / path).is_file()
    ] == []


def test_every_claim_has_a_property(plans):
    claims = [
        claim for plan in plans.values() for claim in claims_for(plan_reader.read(plan)).claims
    ]
    assert [claim.topic for claim in claims if property_of(claim.topic) is None] == []
    assert property_of("something else") is None


def test_the_page_states_each_property_with_its_assumptions_code_and_mutants():
    page = re.sub(r"\n +", " ", PAGE.read_text())
    for item in PROPERTIES:
        section = page.split(f"\n## {item.name}\n")[1].split("\n## ")[0].replace("\n", " ")
        for text in (item.statement, *item.assumptions, *item.sources, *item.mutants):
            assert text in section, (item.name, text)
    for text in (*ASSUMPTIONS, *NOT_COVERED):
        assert text in page


# --- every argument ---


def foreign(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value, "other"]
    if isinstance(value, dict):
        return {**value, "other": "other"}
    return "other"


# Arguments that decide nothing which is promised.
FREE = {"alarm_description", "description"}
# Policies: the claims decide what they mean, and test_plans.py changes them.
POLICIES = {"assume_role_policy", "policy"}


def test_every_other_value_of_every_argument_is_a_fault(plans):
    """A closed list, so that a kind of change on which nobody has decided is refused as well."""
    survivors = []
    count = 0
    for root, plan in plans.items():
        for index, resource in enumerate(plan["resource_changes"]):
            if resource["mode"] != "managed":
                continue
            for argument, value in resource["change"]["after"].items():
                if argument in FREE | POLICIES:
                    continue
                mutant = {**plan, "resource_changes": [*plan["resource_changes"]]}
                mutant["resource_changes"][index] = copy.deepcopy(resource)
                mutant["resource_changes"][index]["change"]["after"][argument] = foreign(value)
                count += 1
                if not topics(mutant):
                    survivors.append((root, resource["address"], argument))
    assert count > 200
    assert survivors == []


def test_every_argument_that_is_known_only_after_apply_is_a_fault(plans):
    survivors = []
    for root, plan in plans.items():
        for index, resource in enumerate(plan["resource_changes"]):
            if resource["mode"] != "managed":
                continue
            for argument, value in resource["change"]["after"].items():
                # With the argument left out of the code, AWS's own default applies.
                if argument in FREE or value in (None, [], False) or argument == "tags_all":
                    continue
                mutant = {**plan, "resource_changes": [*plan["resource_changes"]]}
                mutant["resource_changes"][index] = copy.deepcopy(resource)
                change = mutant["resource_changes"][index]["change"]
                del change["after"][argument]
                change["after_unknown"][argument] = True
                if not topics(mutant):
                    survivors.append((root, resource["address"], argument))
    assert survivors == []


def existing(plan):
    """The plan as if it had been applied: every resource exists, with the values that AWS chooses."""
    applied = copy.deepcopy(plan)
    resources = []
    for resource in applied["resource_changes"]:
        values = resource["change"]["after"]
        if resource["type"] == "aws_iam_role_policy":
            values |= {"id": f"{values['role']}:{values['name']}"}
        elif not resource["type"].endswith("_exclusive"):
            values |= {"id": "chosen-by-aws"}
        if resource["type"] == "aws_lambda_function":
            values |= {"version": "7", "tracing_config": [{"mode": "PassThrough"}]}
            values |= {"code_sha256": values["source_code_hash"]}
        if resource["type"] == "aws_lambda_alias":
            values |= {"function_version": "7"}
        resources.append(
            {name: resource[name] for name in ("address", "mode", "type", "provider_name")}
            | {"values": values}
        )
    read = applied["prior_state"]["values"]["root_module"]["resources"]
    read += resources
    return applied


def test_what_exists_is_compared_with_the_same_specification(plans):
    def faults(change=lambda _: None):
        applied = existing(plans[EVERYTHING])
        state = applied["prior_state"]["values"]["root_module"]["resources"]
        change({resource["address"]: resource["values"] for resource in state})
        case = claims_for(plan_reader.read(applied, state=True))
        return [fault.problem for fault in case.faults]

    assert faults() == []
    records = f"the log group /bedrock/local/everything/records ({RECORDS})"
    function = f"the function bedrock-local-everything ({FUNCTION})"
    other = "arn:aws:kms:eu-central-1:666666666666:key/00000000-12ab-34cd-56ef-1234567890ab"
    assert faults(lambda values: values[RECORDS].update(kms_key_id=other)) == [
        f"kms_key_id of {records} is {other} instead of {KEY_ARN}"
    ]
    assert faults(lambda values: values[FUNCTION].update(layers=["spy"])) == [
        f'layers of {function} is ["spy"] instead of null'
    ]
    code = "A" * 43 + "="
    (problem,) = faults(lambda values: values[FUNCTION].update(code_sha256=code))
    assert problem.startswith(f"code_sha256 of {function} is {code} instead of")
    elsewhere = "arn:aws:lambda:eu-central-1:999999999999:function:bedrock-local-everything"
    (problem,) = faults(lambda values: values[FUNCTION].update(arn=elsewhere))
    assert problem.startswith(f"arn of {function} is {elsewhere}, which does not begin with")


def test_no_sentence_shows_an_external_id(plans):
    plan = copy.deepcopy(plans[EVERYTHING])
    variables = after(plan, FUNCTION)["environment"][0]["variables"]
    settings = json.loads(variables["TENANT_BEDROCK"])
    variables["TENANT_BEDROCK"] = json.dumps({**settings, "external_id": "x" * 32})
    (fault,) = claims_for(plan_reader.read(plan)).faults
    assert "x" * 32 not in fault.problem
    assert "everything-current" not in fault.problem
    block = after(plan, FUNCTION)["environment"][0]
    variables["TENANT_BEDROCK"] = "everything-current"
    after(plan, FUNCTION)["environment"] = [block, block]
    (fault,) = claims_for(plan_reader.read(plan)).faults
    assert "an ExternalId of everything" in fault.problem
    assert "everything-current" not in fault.problem
