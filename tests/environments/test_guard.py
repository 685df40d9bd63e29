"""The guard in the operations root: once, with a schedule for each shard that knows the shard's tenants."""

import json

import pytest

from tools.environment.tenant_shard import shard_of
from tools.terraform.state import SCHEDULES

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
QUOTAS, LEASE = "aws_scheduler_schedule.quotas[0]", "aws_scheduler_schedule.lease[0]"
VERIFICATION = "aws_scheduler_schedule.verification[0]"
MODULE = "module.operations_guard[0]."


def stanza(number, **quota):
    return {
        "accounts": {f"{222222222222 + number}": {}},
        "external_ids": {"current": f"{number:032x}"},
        "models": {
            "claude": {
                "model": "anthropic.claude-sonnet-5",
                "previous": {"model": HAIKU, "regions": ["eu-central-1"], "track": True},
                "profile": "eu.",
                "regions": ["eu-central-1"],
                "route": "geographic",
                "track": True,
            },
            "haiku": {"model": HAIKU, "regions": ["eu-central-1"], "track": True},
        },
        **({"quota": quota} if quota else {}),
    }


BUS = "arn:aws:events:eu-central-1:222222222223:event-bus/quotas"
TENANTS = {
    "acme": stanza(1, tokens_per_day=5, usd_per_month=0.5, event_bus=BUS),
    "globex": stanza(
        2, aliases={"claude": {"tokens_per_month": 7}}, time_zone="Asia/Tokyo", warn_at=[90]
    ),
    "initech": stanza(3, max_tokens_per_call=9),
    "hooli": {**stanza(4, tokens_per_day=5), "state": "suspended"},
}
PRICES = {
    "anthropic.claude-sonnet-5": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75},
    HAIKU: {"input": 1, "output": 5},
}


def variables(guard, shards=1, **others):
    return {
        "environment": "prod",
        "operations": {
            "account_id": "111111111111",
            "region": "eu-central-1",
            "shards": shards,
            "guard": guard,
        },
        "tenants": TENANTS,
        **others,
    }


GUARD = {"prices": PRICES, "tokens_per_minute": {HAIKU: 1000000}}
CLOSED = {**GUARD, "on_failure": "closed", "minutes": 1, "lease_minutes": 15}


@pytest.fixture(scope="module")
def plan(operations):
    return operations.plan(**variables(GUARD))


def target(plan, address=QUOTAS):
    (block,) = plan.resource(address)["target"]
    return block


def told(plan, address=QUOTAS):
    return json.loads(target(plan, address)["input"])


def handovers(root, inputs):
    return root.plan_json(**inputs)["output_changes"]["handover"]["after"]


def test_without_a_guard_nothing_of_it_is_planned(operations):
    inputs = variables(None, tenants={"acme": stanza(1, tokens_per_day=5)})
    plan = operations.plan(**inputs)
    assert {address.split(".")[0] for address in plan.addresses} == {"module"}
    assert [address for address in plan.addresses if address.startswith(MODULE)] == []
    assert handovers(operations, inputs)["acme"]["usage"] is None
    assert "ssm:" not in plan.granted('module.operations_role["acme"].aws_iam_role.this')


def test_the_schedule_tells_the_guard_every_tenant_of_the_shard(plan):
    aliases = {
        "claude": {"limits": {}, "models": ["anthropic.claude-sonnet-5", HAIKU]},
        "haiku": {"limits": {}, "models": [HAIKU]},
    }
    common = {"limits": {}, "state": "active", "time_zone": "UTC", "warn_at": [50, 80, 95]}
    assert told(plan) == {
        "environment": "prod",
        "minutes": 5,
        "prices": {
            "anthropic.claude-sonnet-5": PRICES["anthropic.claude-sonnet-5"],
            # Without a price of its own, what is cached costs as much as input.
            HAIKU: {"input": 1, "output": 5, "cache_read": 1, "cache_write": 1},
        },
        "shard": 0,
        "shards": 1,
        "tokens_per_minute": {HAIKU: 1000000},
        "tenants": {
            "acme": {
                **common,
                "aliases": aliases,
                "event_bus": BUS,
                "limits": {"tokens_per_day": 5, "usd_per_month": 0.5},
            },
            "globex": {
                **common,
                "aliases": {
                    **aliases,
                    "claude": {**aliases["claude"], "limits": {"tokens_per_month": 7}},
                },
                "time_zone": "Asia/Tokyo",
                "warn_at": [90],
            },
            # Also a tenant without a limit, from which the guard takes what it attached before.
            "initech": {**common, "aliases": aliases},
            "hooli": {
                **common,
                "aliases": aliases,
                "limits": {"tokens_per_day": 5},
                "state": "suspended",
            },
        },
    }
    assert plan.resource(QUOTAS)["schedule_expression"] == "rate(5 minutes)"


def test_the_daily_verification_knows_where_calls_may_run_and_whose_they_are(plan):
    block = target(plan, VERIFICATION)
    assert block["arn"].endswith(":function:bedrock-prod_guard-verification")
    assert plan.resource(VERIFICATION)["schedule_expression"] == "rate(1 day)"
    assert told(plan, VERIFICATION) == {
        "account": "111111111111",
        "environment": "prod",
        "partition": "aws",
        "profiles": {"eu-central-1": ["eu.anthropic.claude-sonnet-5"]},
        "region": "eu-central-1",
        "regions": ["eu-central-1"],
        "shard": 0,
        "shards": 1,
        "tenants": ["acme", "globex", "hooli", "initech"],
        "trail_regions": ["eu-central-1"],
        "worldwide": False,
    }


def test_the_daily_verification_knows_other_regions_destinations_and_the_global_profile(operations):
    models = {
        "worldwide": {
            "model": "anthropic.claude-sonnet-5",
            "regions": ["eu-west-1"],
            "route": "global",
        },
        "german": {
            "destinations": ["eu-north-1"],
            "model": HAIKU,
            "profile": "eu.",
            "regions": ["eu-central-1", "eu-west-1"],
            "route": "geographic",
        },
    }
    tenant = {**stanza(1), "accounts": {"222222222223": {"region": "eu-west-3"}}, "models": models}
    plan = operations.plan(**{**variables({}), "tenants": {"acme": tenant}})
    content = told(plan, VERIFICATION)
    haiku = f"eu.{HAIKU}"
    assert content["profiles"] == {
        "eu-central-1": [haiku],
        "eu-west-1": [haiku, "global.anthropic.claude-sonnet-5"],
    }
    assert content["regions"] == ["eu-central-1", "eu-north-1", "eu-west-1"]
    assert content["trail_regions"] == ["eu-central-1", "eu-west-3"]
    assert content["worldwide"] is True


def test_the_hand_over_says_where_the_use_is_told_if_there_is_a_limit(operations):
    planned = handovers(operations, variables(GUARD))
    usage = {name: handover["usage"] for name, handover in planned.items()}
    places = {
        name: {"parameter": f"/bedrock/prod/usage/{name}", "region": "eu-central-1"}
        for name in ("acme", "globex", "hooli")
    }
    assert usage == {**places, "initech": None}


def test_each_shard_has_its_own_schedule_and_the_first_alone_the_guard(operations):
    shards = {name: shard_of(name, 2) for name in TENANTS}
    assert set(shards.values()) == {0, 1}
    for shard in (0, 1):
        plan = operations.plan(**variables(CLOSED, shards=2, shard=shard))
        assert set(told(plan)["tenants"]) == {name for name in TENANTS if shards[name] == shard}
        assert plan.resource(QUOTAS)["name"] == f"bedrock-prod-quotas-{shard}"
        assert plan.resource(QUOTAS)["schedule_expression"] == "rate(1 minute)"
        assert any(address.startswith(MODULE) for address in plan.addresses) is (shard == 0)
        # Whom the end of the lease stops: those with a limit.
        limited = {name for name in ("acme", "globex", "hooli") if shards[name] == shard}
        assert set(told(plan, LEASE)["tenants"]) == limited
        assert target(plan, LEASE)["arn"].endswith(":function:bedrock-prod_guard-lease")


def test_the_guard_may_send_events_to_the_buses_of_all_shards(operations):
    plan = operations.plan(**variables(GUARD, shards=2))
    policy = json.loads(plan.resource(f'{MODULE}aws_iam_role_policy.this["guard"]')["policy"])
    (statement,) = [each for each in policy["Statement"] if each["Sid"] == "SendEvents"]
    assert BUS in statement["Resource"]


def test_a_plan_of_one_tenant_has_its_limits_too(operations):
    plan = operations.plan(
        '-target=module.operations_role["acme"]',
        *(f"-target={schedule}" for schedule in SCHEDULES),
        **variables(GUARD),
    )
    assert told(plan)["tenants"]["acme"]["limits"] == {"tokens_per_day": 5, "usd_per_month": 0.5}
    others = {
        address
        for address in plan.addresses
        if not address.startswith('module.operations_role["acme"]')
        and address not in {QUOTAS, VERIFICATION}
    }
    assert others == set()


@pytest.mark.parametrize(
    ("guard", "sentence"),
    [
        (
            {"lease_minutes": 9},
            "so that one late run stops nobody; it is 9, with minutes = 5.",
        ),
        ({"minutes": 0.5}, "minutes is a whole number from 1 to 60, not 0.5."),
        ({"on_failure": "ajar"}, 'on_failure is "open" or "closed", not "ajar".'),
        (
            {"prices": {HAIKU: {"input": -1, "output": 1}}},
            f"A price in operations.guard.prices is 0 or more US dollars for a million tokens; correct {HAIKU}.",
        ),
        (
            {"tokens_per_minute": {HAIKU: 0}},
            f"operations.guard.tokens_per_minute has numbers of 1 or more; correct {HAIKU}.",
        ),
        (
            {"prices": {}},
            f"prices has no price of anthropic.claude-sonnet-5 and {HAIKU}; write it there",
        ),
    ],
)
def test_a_plan_refuses(operations, guard, sentence):
    assert sentence in operations.refuses("-var=shard=0", **variables({**GUARD, **guard}))
