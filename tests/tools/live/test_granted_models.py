"""In which Regions a call may run, as the stanzas say it."""

import pytest

from tools.command_error import CommandError
from tools.live.granted_models import granted_models, granted_regions, worldwide_regions

HOME = "eu-central-1"
NOVA = {"model": "amazon.nova-lite-v1:0", "regions": ["eu-west-1"]}


def granted(**changes):
    return granted_models({"acme": {"models": {"nova": {**NOVA, **changes}}}})


def geographic(profile, **more):
    return {**NOVA, "route": "geographic", "profile": profile, **more}


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, []),
        ({"route": "global"}, []),
        (geographic("jp."), ["ap-northeast-1", "ap-northeast-3"]),
        (geographic("eu.", destinations=["eu-north-1"]), ["eu-north-1"]),
        (geographic("ca.", destinations=["ca-west-1"]), ["ca-west-1"]),
        ({"previous": {**NOVA, "regions": ["us-east-1"]}}, ["us-east-1"]),
        ({"previous": geographic("au.")}, ["ap-southeast-2", "ap-southeast-4"]),
    ],
)
def test_every_region_and_destination_of_a_model_and_its_previous_one_counts(changes, others):
    assert granted_regions(HOME, granted(**changes)) == sorted([HOME, "eu-west-1", *others])


def test_the_operations_region_counts_without_any_model():
    assert granted_regions(HOME, []) == [HOME]


def test_only_the_named_tenants_count():
    elsewhere = {"models": {"nova": {**NOVA, "regions": ["us-east-1"]}}}
    stanzas = {"acme": {"models": {"nova": NOVA}}, "globex": elsewhere}
    assert granted_regions(HOME, granted_models(stanzas, ["globex"])) == [HOME, "us-east-1"]


def test_the_global_profile_may_send_a_call_to_every_region_of_bedrock():
    worldwide = {**NOVA, "route": "global"}
    for models in (granted(**worldwide), granted(previous=worldwide)):
        assert {"us-west-2", "ap-south-1", "sa-east-1"} <= set(worldwide_regions("aws", models))
    assert worldwide_regions("aws", granted()) == []


def test_a_previous_model_is_told_from_the_current_one():
    models = granted(previous=dict(NOVA))
    assert [model.is_previous for model in models] == [False, True]


@pytest.mark.parametrize(
    "stanza",
    [
        {},
        {"models": None},
        {"models": ["nova"]},
        {"models": {"nova": "amazon.nova-lite-v1:0"}},
        {"models": {"nova": {"model": "amazon.nova-lite-v1:0"}}},
        {"models": {"nova": {"regions": ["eu-central-1"]}}},
        {"models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": 1}}},
    ],
)
def test_a_stanza_without_models_as_they_are_declared_is_refused(stanza):
    whole = {"models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}}}
    assert len(granted_models({"acme": whole, "globex": stanza}, ["acme"])) == 1
    with pytest.raises(CommandError, match="The stanza of globex needs models"):
        granted_models({"acme": whole, "globex": stanza})
