"""The account's tokens of a model beside what tenants may use of it in a day."""

from tools.environment.model import Environment
from tools.live.declared_tokens import declared_tokens

NOVA, HAIKU = "amazon.nova-lite-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"
RATE = 1_000


def models(**aliases):
    return {
        alias: {"model": model, "regions": ["eu-central-1"]} for alias, model in aliases.items()
    }


def rows(**stanzas):
    operations = {"guard": {"tokens_per_minute": {NOVA: RATE}}}
    environment = Environment(
        name="dev",
        operations_account_id="111111111111",
        operations_region="eu-central-1",
        deployer_role_name="terraform-deployer",
        accounts=(),
        stanzas=stanzas,
        backend={},
        variables={"operations": operations},
    )
    return {row.model: row for row in declared_tokens(environment)}


def test_the_limits_of_all_tenants_are_added_and_compared_with_a_day_of_the_account():
    limited = {"models": models(fast=NOVA), "quota": {"tokens_per_day": 72_000}}
    row = rows(acme=limited, globex={**limited, "quota": {"tokens_per_day": 648_000}})[NOVA]
    assert (row.tenants, row.declared_per_day, row.tokens_per_day) == (2, 720_000, 1_440_000)
    assert row.share == 0.5
    assert row.without_limit == ()


def test_a_tenant_without_a_limit_is_named_and_there_is_no_share():
    row = rows(acme={"models": models(fast=NOVA), "quota": {"usd_per_month": 5}})[NOVA]
    assert (row.declared_per_day, row.without_limit, row.share) == (0, ("acme",), None)


def test_a_month_may_be_used_in_a_day_and_the_lowest_limit_counts():
    month = {"models": models(fast=NOVA), "quota": {"tokens_per_month": 300}}
    assert rows(acme=month)[NOVA].declared_per_day == 300
    both = {**month, "quota": {"tokens_per_month": 300, "tokens_per_day": 20}}
    assert rows(acme=both)[NOVA].declared_per_day == 20


def test_the_limits_of_aliases_of_one_model_are_added_up_to_the_tenants_own():
    quota = {
        "tokens_per_day": 100,
        "aliases": {"a": {"tokens_per_day": 30}, "b": {"tokens_per_day": 40}},
    }
    stanza = {"models": models(a=NOVA, b=NOVA, c=HAIKU), "quota": quota}
    found = rows(acme=stanza)
    assert found[NOVA].declared_per_day == 70
    assert found[HAIKU].declared_per_day == 100
    quota["aliases"]["b"] = {"tokens_per_day": 90}
    assert rows(acme=stanza)[NOVA].declared_per_day == 100


def test_a_model_whose_rate_is_not_stated_has_no_share():
    row = rows(acme={"models": models(slow=HAIKU), "quota": {"tokens_per_day": 5}})[HAIKU]
    assert (row.tokens_per_minute, row.share) == (None, None)
