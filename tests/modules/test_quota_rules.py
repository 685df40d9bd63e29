"""Quotas that satisfy or break each rule; one plan reports the violations of all tenants."""

import json

import pytest
from dateutil.zoneinfo import get_zonefile_instance

from tests.modules.stanzas import nova, stanza
from tests.terraform import MODULES

NOVA, PRO = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
GUARD = {"priced_models": [NOVA]}
TRACKED = nova(track=True)
EXAMPLE_BUS = "arn:aws:events:eu-central-1:222222222222:event-bus/quotas"
BUS = "arn:aws:events:eu-west-1:222222222222:event-bus/quotas"


def limited(models=TRACKED, **quota):
    return stanza(models=models, quota=quota)


def pro(**changed):
    return {"pro": {**nova(model=PRO, track=True)["nova"], **changed}}


GOOD = [
    limited(tokens_per_day=1, tokens_per_month=1, usd_per_month=0.5),
    limited(aliases={"nova": {"usd_per_month": 1}}),
    limited(usd_per_month=9, warn_at=[1, 33.3, 100], time_zone="America/Argentina/Buenos_Aires"),
    limited(event_bus=BUS, time_zone="UTC", warn_at=[], tokens_per_day=1),
    limited(
        {**TRACKED, "pro": {**pro()["pro"], "track": False}},
        aliases={"nova": {"tokens_per_day": 1}},
    ),
    limited({**TRACKED, **pro()}, tokens_per_day=1, aliases={"nova": {"usd_per_month": 1}}),
    # What limits single calls needs no count.
    limited(nova(), max_tokens_per_call=1, requests_per_second=0.1),
]

UNTRACKED = "its quota limits nova, of which Bedrock counts no tokens by tenant; write track = true for nova"
BAD = [
    (limited(nova(), tokens_per_day=1), UNTRACKED),
    (limited(nova(), tokens_per_month=1), UNTRACKED),
    (limited(nova(), usd_per_month=1), UNTRACKED),
    (limited(nova(), aliases={"nova": {"tokens_per_day": 1}}), UNTRACKED),
    (limited(nova(track=True, previous=nova(streaming=False)["nova"]), tokens_per_day=1), UNTRACKED),
    (
        limited({**TRACKED, **pro()}, usd_per_month=1),
        "prices has no price of amazon.nova-pro-v1:0; write it there, or limit tokens instead.",
    ),
    (
        limited(pro(), aliases={"pro": {"usd_per_month": 1}}),
        "its quota limits the dollars of pro, and operations.guard.prices has no price of amazon.nova-pro-v1:0",
    ),
    (
        limited(
            nova(track=True, previous={**nova(model=PRO)["nova"], "track": True}), usd_per_month=1
        ),
        "its quota limits the dollars of nova, and operations.guard.prices has no price of amazon.nova-pro-v1:0",
    ),
    (limited(usd_per_month=0), "quota.usd_per_month is greater than 0, not 0"),
    (
        limited(aliases={"nova": {"usd_per_month": -1}}),
        "quota.aliases.nova.usd_per_month is greater than 0, not -1",
    ),
    (
        limited(aliases={"nova": {"tokens_per_day": 0.5}}),
        "quota.aliases.nova.tokens_per_day is a whole number of 1 or more, not 0.5",
    ),
    (
        limited(aliases={"nova": {"tokens_per_day": 2, "tokens_per_month": 1}}),
        "quota.aliases.nova.tokens_per_day is greater than tokens_per_month",
    ),
    (
        limited(aliases={"claude": {"tokens_per_day": 2}}),
        "quota.aliases has claude, which is no alias of its models; use nova, or remove it.",
    ),
    (limited(aliases={"nova": {}}), "quota.aliases.nova has no limit; write tokens_per_day"),
    (limited(aliases={"nova": None}), "quota.aliases.nova has no limit; write tokens_per_day"),
    (limited(warn_at=[0]), "quota.warn_at has percents from 1 to 100, not 0."),
    (limited(warn_at=[50, 101]), "quota.warn_at has percents from 1 to 100, not 101."),
    (limited(warn_at=[None]), "quota.warn_at has percents from 1 to 100, not null."),
    *(
        (
            limited(time_zone=name),
            f'quota.time_zone is the name of a time zone, such as "Europe/Berlin" or "UTC", not "{name}"',
        )
        for name in ("Mars/Olympus", "Europe", "utc", "", "Europe/Berlin ")
    ),
    *(
        (limited(event_bus=bus), f"{EXAMPLE_BUS}, not {bus}.")
        for bus in (
            "quotas",
            BUS.replace("222222222222", "333333333333"),
            BUS.replace("event-bus", "rule"),
            f"{BUS}/*",
        )
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def refusal(tenants):
    wrong = {f"t{index}": stanza for index, (stanza, _) in enumerate(BAD)}
    return tenants(wrong, guard=GUARD).refuses()


@pytest.mark.parametrize("index", range(len(BAD)), ids=[sentence[:70] for _, sentence in BAD])
def test_refuses(refusal, index):
    lines = refusal.split("Tenant ")
    (own,) = [line for line in lines if line.startswith(f"t{index}: ") and BAD[index][1] in line]
    assert own


def test_accepts_what_keeps_the_rules(tenants):
    good = {f"t{index}": stanza for index, stanza in enumerate(GOOD)}
    assert tenants(good, guard=GUARD).accepts()


def test_without_a_guard_a_limit_of_tokens_is_declared_and_one_of_dollars_is_refused(tenants):
    assert tenants({"acme": limited(nova(), tokens_per_day=1)}).accepts()
    refusal = tenants({"acme": limited(usd_per_month=1)}).refuses()
    assert "operations.guard.prices has no price of amazon.nova-lite-v1:0" in refusal


def test_the_names_of_time_zones_are_those_that_the_guard_knows():
    """boto3 depends on dateutil, so Lambda's runtime has its database, whatever the system has."""
    names = (MODULES / "operations-role" / "time-zones.txt").read_text().split()
    assert names == sorted(get_zonefile_instance().zones)


def test_a_tenant_with_a_limit_may_read_its_own_counts_and_is_told_where_they_are(tenants):
    stanzas = {"acme": limited(tokens_per_day=1), "globex": limited(max_tokens_per_call=9)}
    plan = tenants(stanzas, guard=GUARD).plan()
    statement = {
        "Sid": "ReadItsOwnUsage",
        "Effect": "Allow",
        "Action": ["ssm:GetParameter"],
        "Resource": ["arn:aws:ssm:eu-central-1:111111111111:parameter/bedrock/prod/usage/acme"],
    }
    acme, globex = (
        json.loads(plan.granted(f'module.role["{name}"].aws_iam_role.this'))["Statement"]
        for name in stanzas
    )
    assert statement in acme
    assert not [each for each in globex if "ssm:GetParameter" in each["Action"]]


def test_a_role_that_is_deleted_is_detached_from_what_the_guard_attached(tenants):
    role = tenants({"acme": stanza()}).plan().resource('module.role["acme"].aws_iam_role.this')
    assert role["force_detach_policies"] is True
