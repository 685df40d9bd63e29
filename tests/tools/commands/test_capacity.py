"""The capacity table: what is counted, against what, and for how many more tenants there is room."""

import json
from dataclasses import replace

import pytest

from tools.commands import capacity
from tools.environment.model import CustomerAccount, Environment

ENVIRONMENT = Environment(
    name="prod",
    operations_account_id="111111111111",
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(
        CustomerAccount("acme", "222222222222", "eu-central-1"),
        CustomerAccount("globex", "333333333333", "eu-central-1"),
        CustomerAccount("globex", "444444444444", "eu-west-1"),
    ),
    stanzas={},
    backend={},
)
NOVA = {
    "base_model_id": "amazon.nova-lite-v1:0",
    "fallbacks": [],
    "model": "amazon.nova-lite-v1:0",
    "regions": ["eu-central-1"],
    "streaming": True,
}


def handover(tenant, models):
    return {
        "external_id": "269170463fdc32af10a91e67a8fd77bd",
        "guardrail": None,
        "models": models,
        "quota": {"tokens_per_day": 1000000},
        "regions": ["eu-central-1"],
        "role_arn": f"arn:aws:iam::111111111111:role/bedrock-prod-{tenant}",
        "state": "active",
    }


def plan(profiles, policy_sizes, handovers, tenants=2):
    """What `terraform show -json` tells of one shard, as far as it is read."""
    return {
        "output_changes": {
            "capacity": {
                "after": {
                    "inference_profiles": {"limit": 1000, "used": profiles},
                    "policy_limits": {"permissions": 10240, "trust": 2048},
                    "policy_sizes": policy_sizes,
                    "roles": {"limit": 1000, "used": tenants},
                }
            },
            "handover": {"after": handovers},
        },
    }


def plans(profiles=3):
    """Two tenants, each in a shard of its own."""
    return [
        plan(
            profiles,
            {"acme": {"permissions": 900, "trust": 400}},
            {"acme": handover("acme", {"nova": NOVA})},
        ),
        plan(
            profiles,
            {"globex": {"permissions": 300, "trust": 512}},
            {"globex": handover("globex", {"nova": NOVA, "claude": NOVA})},
        ),
    ]


@pytest.fixture
def limits():
    return {limit.name: limit for limit in capacity.find_limits(ENVIRONMENT, plans())}


def test_every_role_less_than_the_limit_is_room_for_a_tenant(limits):
    roles = limits["roles in the account"]
    assert (roles.used, roles.limit, roles.more_tenants) == (2, 1000, 998)


def test_more_tenants_are_limited_by_their_average_use_of_profiles(limits):
    profiles = limits["inference profiles in eu-central-1"]
    assert (profiles.used, profiles.more_tenants) == (3, 997 * 2 // 3)


def test_without_profiles_they_are_no_limit_to_tenants():
    profiles = capacity.find_limits(ENVIRONMENT, plans(profiles=0))[1]
    assert profiles.more_tenants is None


def test_a_policy_is_full_by_its_fullest_tenant(limits):
    trust = limits["trust policy, characters"]
    assert (trust.fullest_tenant, trust.used, trust.share) == ("globex", 512, 0.25)
    permissions = limits["inline policies, characters"]
    assert (permissions.fullest_tenant, permissions.used) == ("acme", 900)


def test_the_hand_over_is_measured_as_lambda_would_count_it(limits):
    expected = json.dumps(
        {
            "audit": "best-effort",
            "content": "full",
            "environment": "prod",
            "external_id": "269170463fdc32af10a91e67a8fd77bd",
            "guardrail": None,
            "models": {"claude": NOVA, "nova": NOVA},
            "quota": {"tokens_per_day": 1000000},
            "record_log_group": "/bedrock/prod/globex/records",
            "role_arn": "arn:aws:iam::111111111111:role/bedrock-prod-globex",
            "tenant": "globex",
            "timeout": 300,
        },
        separators=(",", ":"),
    )
    variable = limits["TENANT_BEDROCK, bytes"]
    assert (variable.fullest_tenant, variable.limit) == ("globex", 4096)
    assert variable.used == len(f"TENANT_BEDROCK{expected}")


def test_a_profile_that_is_not_made_yet_counts_as_long_as_it_will_be():
    unknown = {name: value for name, value in NOVA.items() if name != "model"}
    settings = json.loads(
        capacity.settings_json(ENVIRONMENT, "acme", handover("acme", {"nova": unknown}))
    )
    assert settings["models"]["nova"]["model"] == (
        "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/000000000000"
    )


def test_the_table_names_the_room_left_and_where_the_limits_are_written(capsys):
    capacity.show(ENVIRONMENT, capacity.find_limits(ENVIRONMENT, plans()))
    printed = capsys.readouterr().out
    assert "664 more of the same kind fit" in printed
    assert "docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html" in printed


def test_an_environment_without_tenants_has_room_for_all():
    empty = replace(ENVIRONMENT, accounts=())
    found_limits = capacity.find_limits(empty, [plan(0, {}, {}, tenants=0)])
    assert [limit.share for limit in found_limits] == [0, 0, 0, 0, 0]
    assert found_limits[0].more_tenants == 1000
