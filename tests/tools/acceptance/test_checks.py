"""Each check says "ok" of an AWS as documented, "differs" of one that differs, and "cannot tell" otherwise."""

from dataclasses import replace

import pytest

from tests.tools.acceptance.aws import Facts, Wire, environment, sandbox_on
from tools.acceptance.catalogue import all_checks
from tools.acceptance.masking_checks import PLACES
from tools.acceptance.observation_run import make_checks
from tools.command_error import CommandError

CHECKS = {check.name: check for check in all_checks()}
NEVER = 10_000.0
# For each fact, an AWS in which it is not so.
DIFFERENCES = {
    "Bedrock's data retention": {"retention": "inherit"},
    "Bedrock's invocation logging": {"logging": True},
    "another tenant's role with that tenant's ExternalId": {"ignored": "other role"},
    "a wrong ExternalId": {"ignored": "ExternalId"},
    "no ExternalId": {"ignored": "ExternalId"},
    "another session name": {"ignored": "session name"},
    "a session longer than an hour": {"ignored": "duration"},
    "the customer's administrator takes the tenant's role": {"ignored": "principal"},
    "the deployer takes the tenant's role": {"ignored": "principal"},
    "a model that is not granted": {"ignored": "model"},
    "a Region that is not granted": {"ignored": "region"},
    "a project that is not granted": {"ignored": "project"},
    "the tenant reads Bedrock's settings": {"ignored": "settings"},
    "the tenant lists the buckets of the operations account": {"ignored": "buckets"},
    "the deployer reads the records": {"ignored": "records of deployer of acme"},
    "the operations account reads the records": {"ignored": "records of operations"},
    "Converse with the grant of the default project": {"policy_delay": NEVER},
    "Converse without the grant of the default project": {"project_is_required": False},
    "ConverseStream with the grant of the default project": {"events": ()},
    "ConverseStream without the grant of the default project": {"project_is_required": False},
    "a call that names the default project": {"default_may_be_named": False},
    "a new role can be assumed": {"role_delay": NEVER},
    "a new policy has an effect": {"policy_delay": NEVER},
    "a denial has an effect in an open session": {"denial_delay": NEVER},
    "the end of a denial has an effect": {"end_of_denial_delay": NEVER},
    "an inference profile without the tag": {"tag_is_required": False},
    "a tag of an inference profile has an effect": {"tag_delay": NEVER},
    "the end of a tag has an effect": {"end_of_tag_delay": NEVER},
    "the order of the events of ConverseStream": {
        "events": (
            "messageStart",
            "metadata",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
        )
    },
    "the members of the events of ConverseStream": {"lacking": "contentBlockIndex"},
    "tokens and latency at the end of a stream": {"events": ("messageStart", "messageStop")},
    "the members of Converse's answer": {"lacking": "stopReason"},
    "the id of a request": {"request_id": ""},
    "the words of a refusal without a grant": {"no_grant": "because of something"},
    "the words of a refusal by a denial": {"own_denial": "because of something"},
    "the record of a call is delivered": {"delivery": "spilled"},
    "the record of a call can be read": {"record_phase": None},
    "the tokens in a record": {"recorded_tokens": 13},
    "no record is damaged": {"record_text": '{"tenantBedrock": {"recordId": 1}}'},
    "the retention of records": {"retention_policy": "a-week"},
    "the key of records": {"key_account": "333333333333"},
    **{f"an e-mail address {place} is masked": {"unmasked": place} for place in PLACES},
    "the length of a mask": {"mask": "**"},
    "masked events can be read as JSON": {"garbled": "before the escape of a line feed"},
    "the lag of Bedrock's counts": {"metric_delay": NEVER},
    "the names of Bedrock's metrics": {"missing_metric": "InvocationLatency"},
    "the dimension of Bedrock's counts": {"counted_as": "id"},
    "Bedrock's count of calls": {"more_calls": 1},
    "Bedrock's count of tokens": {"more_tokens": 1},
    "CloudTrail shows a call of a model": {"trail_delay": NEVER},
    "CloudTrail names the Region that served a call": {"inference_region": "ap-southeast-2"},
    "CloudTrail holds no prompt": {"trail_text": "prompt"},
    "CloudTrail's session name": {"trail_session": "alice"},
}


@pytest.fixture(scope="module")
def wire():
    return Wire(environment())


@pytest.fixture(scope="module")
def as_documented(wire):
    sandbox = sandbox_on(wire, Facts())
    return make_checks(sandbox, all_checks(), lambda _: None)


def test_names_are_unique_and_every_fact_has_an_aws_in_which_it_differs():
    assert len(CHECKS) == len(all_checks())
    assert DIFFERENCES.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_each_fact_is_ok_on_an_aws_as_documented(as_documented, name):
    [outcome] = [item for item in as_documented.outcomes if item.check.name == name]
    assert outcome.observation.result == "ok", outcome.observation.seen


@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_fact_differs_on_an_aws_that_does(wire, name):
    facts = replace(Facts(), **DIFFERENCES[name])
    observation = CHECKS[name].observe(sandbox_on(wire, facts))
    assert observation.result == "differs", observation.seen


def test_a_call_that_stayed_in_the_region_that_was_called_names_no_other(wire):
    sandbox = sandbox_on(wire, Facts(inference_region=""))
    observation = CHECKS["CloudTrail names the Region that served a call"].observe(sandbox)
    assert observation.result == "ok"
    assert "names no other Region" in observation.seen


def test_a_refusal_says_nothing_while_the_allowed_call_fails(wire):
    facts = Facts(ignored="nothing", own_denial="")
    sandbox = sandbox_on(wire, facts, profile=None)
    for name in (
        "a wrong ExternalId",
        "a model that is not granted",
        "the deployer reads the records",
    ):
        observation = CHECKS[name].observe(sandbox)
        assert observation.result == "cannot tell"
        assert "This needs an administrator." in observation.seen


def test_a_call_that_fails_for_another_reason_is_not_taken_for_a_refusal(wire):
    sandbox = sandbox_on(wire, Facts(role_error="Throttling"))
    observation = CHECKS["a wrong ExternalId"].observe(sandbox)
    assert observation.result == "cannot tell"
    assert "Throttling" in observation.seen


def test_without_an_administrator_what_needs_none_is_observed_all_the_same(wire):
    report = make_checks(sandbox_on(wire, Facts(), profile=None), all_checks(), lambda _: None)
    groups = {
        outcome.check.group for outcome in report.outcomes if outcome.observation.result == "ok"
    }
    assert {"delays", "masking", "metrics", "project", "shapes"} <= groups
    assert report.count("differs") == 0
    assert report.count("cannot tell") > 10


def test_an_answer_without_the_grant_counts_only_after_the_same_grants_have_had_their_effect(wire):
    """A policy that takes long to have an effect would otherwise look like a grant that is needed."""
    sandbox = sandbox_on(wire, Facts(policy_delay=100.0, project_is_required=False))
    observation = CHECKS["Converse without the grant of the default project"].observe(sandbox)
    assert observation.result == "differs"


def test_an_experiment_that_fails_is_not_repeated_by_each_of_its_checks(wire):
    sandbox = sandbox_on(wire, Facts(policy_delay=NEVER))
    for name in ("Converse without the grant of the default project", "the id of a request"):
        with pytest.raises(CommandError, match="refused for 180 s"):
            CHECKS[name].observe(sandbox)
    assert len(wire.aws.roles) == 2
