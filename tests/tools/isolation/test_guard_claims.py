"""The guard can do nothing but count, tell and take away, for every request and by both solvers."""

import copy

import pytest

from tests.tools.isolation.guard_mutants import GUARD_MUTANTS
from tests.tools.isolation.plan_mutants import stanza_of
from tools.iam.evaluator import evaluate
from tools.isolation import guard_specification, plan_reader
from tools.isolation.claims import claims_for
from tools.isolation.examples import witnesses
from tools.isolation.operations_specification import Environment
from tools.isolation.predicate import holds
from tools.isolation.properties import PROPERTIES, property_of
from tools.isolation.prover import decide
from tools.isolation.resource_specification import GUARD_TYPES, OPERATIONS_TYPES
from tools.terraform.state import SCHEDULES


def claims(plan):
    case = claims_for(plan_reader.read(plan))
    assert case.faults == ()
    return [claim for claim in case.claims if claim.topic.startswith("guard")]


@pytest.fixture(scope="module")
def original(plans):
    return claims(plans["operations"])


def test_every_claim_about_the_guard_is_proved(original):
    outcomes = decide(original)
    assert [outcome.problem for outcome in outcomes if outcome.problem] == []
    # Five roles with a trust, permissions and a reach each, two claims about each denial, one about the topic.
    assert len(outcomes) == 5 * 3 + 2 * 2 + 1


@pytest.mark.parametrize("name", GUARD_MUTANTS)
def test_a_mutant_of_a_policy_fails_by_its_topic(plans, original, name):
    mutant = GUARD_MUTANTS[name]
    plan = copy.deepcopy(plans["operations"])
    mutant.change(plan)
    changed = [claim for claim in claims(plan) if claim not in original]
    failures = [outcome for outcome in decide(changed) if outcome.problem]
    assert mutant.topic in {outcome.claim.topic for outcome in failures}
    for outcome in failures:
        example = outcome.counterexample
        assert evaluate(outcome.claim.policies, example.request).allowed == example.allowed
    found = property_of(mutant.topic)
    assert found is not None
    assert name in found.mutants


def test_what_the_guard_may_do_and_what_it_never_may_do_are_disjoint(environment):
    env = Environment.from_variables(environment)
    requests = [
        request
        for _, permissions in guard_specification.guard_roles(env).values()
        for request in witnesses(permissions)
    ]
    assert len(requests) > 20
    assert [request for request in requests if holds(guard_specification.never(), request)] == []


def test_an_attached_denial_leaves_a_tenant_its_own_usage_and_no_call(plans):
    """The proof says that a denial allows nothing; here, what a role with it still may do."""
    case = claims_for(plan_reader.read(plans["operations"]))
    (grants,) = [
        claim for claim in case.claims if (claim.subject, claim.topic) == ("initech", "permissions")
    ]
    (denial,) = [
        claim.policies[0]
        for claim in case.claims
        if claim.topic == "guard denial"
        and claim.subject == "bedrock-local-quota-reached"
        and claim.policies[0].statements[0].effect == "Deny"
    ]
    allowed = {
        request.action
        for request in witnesses(grants.specification)
        if evaluate((*grants.policies, denial), request).allowed
    }
    assert allowed == {"ssm:GetParameter"}


def test_a_tenant_without_a_limit_may_read_no_parameter(plans):
    case = claims_for(plan_reader.read(plans["operations"]))
    readers = {
        claim.subject
        for claim in case.claims
        if claim.topic == "permissions"
        and any(request.action.startswith("ssm:") for request in witnesses(claim.specification))
    }
    assert readers == {"everything", "initech"}


def test_a_plan_of_one_tenant_has_its_role_and_the_schedule_of_its_shard(plans):
    plan = copy.deepcopy(plans["operations"])
    plan["resource_changes"] = [
        item
        for item in plan["resource_changes"]
        if item["address"].startswith(('module.operations_role["acme"].', *SCHEDULES))
    ]
    plan["planned_values"] = {"root_module": {}}
    plan["complete"] = False
    targets = ('module.operations_role["acme"]', *SCHEDULES)
    read = plan_reader.read(plan, targets=targets)
    assert claims_for(read, "acme").faults == ()
    plan["resource_changes"].pop()
    read = plan_reader.read(plan, targets=targets)
    assert claims_for(read, "acme").faults != ()


def test_an_environment_without_a_guard_specifies_nothing_of_it(environment):
    without = {**environment, "operations": {**environment["operations"], "guard": None}}
    env = Environment.from_variables(without)
    assert guard_specification.guard_roles(env) == {}
    assert guard_specification.denial_arns(env) == {}


def test_each_of_the_guards_types_has_a_reason_and_a_resource(plans):
    types = {
        item["type"]
        for item in plans["operations"]["resource_changes"]
        if item["mode"] == "managed"
    }
    assert set(GUARD_TYPES) <= types <= OPERATIONS_TYPES
    assert all(GUARD_TYPES.values())


def test_the_event_bus_of_a_tenant_is_one_of_those_of_the_guard(plans):
    plan = copy.deepcopy(plans["operations"])
    stanza_of(plan, "initech")["quota"]["event_bus"] = (
        "arn:aws:events:eu-central-1:555555555555:event-bus/other"
    )
    faults = claims_for(plan_reader.read(plan)).faults
    assert any("aws_scheduler_schedule.quotas" in fault.problem for fault in faults)


def test_every_policy_mutant_of_the_guard_is_of_one_property():
    owners = [item.name for item in PROPERTIES if set(GUARD_MUTANTS) & set(item.mutants)]
    assert owners == ["Harmless guard"]
