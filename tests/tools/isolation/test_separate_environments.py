"""What two environments share is a fault unless each of them says so; each mutant has its twin that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools.isolation.environment_mutants import (
    AUDITOR,
    CUSTOMER,
    ENVIRONMENT_MUTANTS,
    KEY,
    OPERATIONS,
    Pair,
    share_reader,
    variables,
)
from tools.isolation.separate_environments import environment_faults, identities_of
from tools.isolation.structure import StructureError

if TYPE_CHECKING:
    from tools.isolation.plan_fault import Fault


def faults(pair: Pair) -> list[Fault]:
    """The faults of each environment's stanzas, and those of both."""
    environments = [
        identities_of(each, pair.buckets[each["environment"]]) for each in (pair.first, pair.second)
    ]
    own = [fault for each in environments for fault in each.faults]
    return [*own, *environment_faults(environments)]


def mutated(name: str) -> Pair:
    pair = Pair()
    ENVIRONMENT_MUTANTS[name].change(pair)
    return pair


def test_environments_that_share_nothing_have_no_fault() -> None:
    assert faults(Pair()) == []


@pytest.mark.parametrize("name", ENVIRONMENT_MUTANTS)
def test_a_mutant_has_one_fault_which_names_what_is_shared(name: str) -> None:
    mutant = ENVIRONMENT_MUTANTS[name]
    (fault,) = faults(mutated(name))
    assert (fault.subject, fault.topic) == ("dev and prod", mutant.topic)
    assert mutant.sentence in fault.problem


NEVER = {"shared ExternalId", "shared state bucket"}
SHAREABLE = [name for name, item in ENVIRONMENT_MUTANTS.items() if item.topic not in NEVER]


@pytest.mark.parametrize("name", SHAREABLE)
def test_what_both_environments_list_is_no_fault(name: str) -> None:
    pair = mutated(name)
    (fault,) = faults(pair)
    identity = fault.problem.removeprefix("account ").split()[0]
    pair.say(*{*pair.first.get(KEY, ()), *pair.second.get(KEY, ()), identity})
    assert faults(pair) == []


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT_MUTANTS if name not in SHAREABLE])
def test_an_external_id_and_a_bucket_are_never_shared(name: str) -> None:
    pair = mutated(name)
    pair.say("current-in-prod", "previous-in-prod", "deployer-in-prod", "state-of-prod")
    (fault,) = faults(pair)
    assert fault.topic in NEVER


def test_no_sentence_has_an_external_id() -> None:
    (fault,) = faults(mutated("two environments have one ExternalId"))
    assert "current-in" not in fault.problem


def test_each_of_three_environments_must_say_what_it_shares() -> None:
    pair = Pair()
    share_reader(pair)
    pair.say("333333333333", AUDITOR)
    third = variables("stage", "888888888888", "999999999999")
    third["tenants"]["acme"]["trusted_accounts"] = ["333333333333"]
    third["tenants"]["acme"]["accounts"]["999999999999"]["readers"] = [AUDITOR]
    environments = [
        identities_of(each, each["environment"]) for each in (pair.first, pair.second, third)
    ]
    found = list(environment_faults(environments))
    assert [fault.topic for fault in found] == ["shared account", "shared principal"]
    assert all(fault.subject == "dev and prod and stage" for fault in found)
    assert all(fault.problem.endswith(f"{KEY} of stage") for fault in found)
    third[KEY] = ["333333333333", AUDITOR]
    environments[2] = identities_of(third, "stage")
    assert list(environment_faults(environments)) == []


def test_a_self_managed_account_has_no_deployer_to_share() -> None:
    pair = Pair()
    pair.share_account()
    pair.mine["accounts"][CUSTOMER]["managed_by"] = "customer"
    assert faults(pair) == []


def test_the_stanzas_of_each_environment_are_checked_as_well() -> None:
    pair = Pair()
    pair.second["tenants"]["globex"] = {**pair.theirs, "accounts": {"888888888888": {}}}
    topics = {(fault.subject, fault.topic) for fault in faults(pair)}
    assert ("globex", "separation") in topics


def test_variables_that_describe_no_environment_are_refused() -> None:
    pair = Pair()
    del pair.first["operations"]["account_id"]
    with pytest.raises(StructureError, match="operations.account_id is missing"):
        identities_of(pair.first, "bucket")


def test_the_kinds_are_counted() -> None:
    identities = identities_of(Pair().second, "bucket")
    assert identities.tenants == 1
    assert dict(identities.counts()) == {
        "ExternalId": 3,
        "account": 2,
        "role": 6,
        "principal": 4,
        "network": 2,
        "state bucket": 1,
    }
    assert OPERATIONS in {use.text for use in identities.uses.values()}
