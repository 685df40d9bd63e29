"""Who bears which line of a bill, and what is named because no tenant does."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tools.charges.billed_tokens import model_name, token_count, token_kind
from tools.charges.cost_report import CostLine
from tools.charges.tenant_charges import assign
from tools.environment.model import CustomerAccount, Environment

PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/abc"
ENVIRONMENT = Environment(
    name="prod",
    operations_account_id="111111111111",
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(CustomerAccount("acme", "222222222222", "eu-central-1"),),
    stanzas={"acme": {"models": {}}},
    backend={},
)
LINE = CostLine(
    usage_date=date(2026, 11, 2),
    account_id="111111111111",
    environment="prod",
    tenant="acme",
    iam_principal="arn:aws:sts::111111111111:assumed-role/bedrock-prod-acme/acme",
    tenant_tag=None,
    alias_tag=None,
    resource_id=None,
    product_name="Amazon Bedrock",
    line_item_type="Usage",
    usage_type="EUC1-NovaLite-input-tokens",
    description=None,
    pricing_unit="1K tokens",
    currency="USD",
    usage_amount=Decimal("1.5"),
    cost=Decimal("0.3"),
    net_cost=Decimal("0.2"),
    first_start=datetime(2026, 11, 2, 3, tzinfo=UTC),
    last_end=datetime(2026, 11, 2, 4, tzinfo=UTC),
)


def test_a_tenant_bears_the_lines_of_its_role():
    output = replace(LINE, usage_type="EUC1-NovaLite-output-tokens", usage_amount=Decimal("0.25"))
    (charge,) = assign(ENVIRONMENT, [LINE, output], {}).charges
    assert (charge.period, charge.tenant, charge.alias) == ("2026-11", "acme", None)
    assert charge.model == "NovaLite"
    assert (charge.cost, charge.net_cost) == (Decimal("0.6"), Decimal("0.4"))
    assert charge.tokens == {"input_tokens": 1500, "output_tokens": 250}


def test_days_are_rows_of_their_own():
    lines = [LINE, replace(LINE, usage_date=date(2026, 11, 3))]
    assert [charge.period for charge in assign(ENVIRONMENT, lines, {}, "day").charges] == [
        "2026-11-02",
        "2026-11-03",
    ]
    assert len(assign(ENVIRONMENT, lines, {}, "month").charges) == 1


@pytest.mark.parametrize("members", [{"alias_tag": "nova"}, {"resource_id": PROFILE}])
def test_an_alias_is_known_by_its_tag_or_by_its_profile(members):
    (charge,) = assign(ENVIRONMENT, [replace(LINE, **members)], {PROFILE: "nova"}).charges
    assert charge.alias == "nova"


@pytest.mark.parametrize(
    ("members", "reason", "is_fault"),
    [
        ({"tenant": "gone"}, "the role of gone, which has no stanza", True),
        ({"environment": "dev"}, "environment dev", False),
        ({"tenant": None, "environment": None, "iam_principal": "user/al"}, "user/al", False),
        (
            {"tenant": None, "environment": None, "iam_principal": None},
            "usage without an IAM principal",
            True,
        ),
        (
            {"tenant": None, "environment": None, "iam_principal": None, "line_item_type": "Tax"},
            "Tax without an IAM principal",
            False,
        ),
    ],
)
def test_what_no_tenant_bears_is_named(members, reason, is_fault):
    found = assign(ENVIRONMENT, [replace(LINE, **members)], {})
    assert found.charges == []
    (rest,) = found.unassigned
    assert (rest.reason, rest.is_fault) == (reason, is_fault)
    assert rest.cost == LINE.cost


def test_the_lines_of_another_account_are_left_out():
    found = assign(ENVIRONMENT, [replace(LINE, account_id="222222222222")], {})
    assert (found.charges, found.unassigned) == ([], [])


def test_a_tag_that_names_another_tenant_is_a_fault_and_the_role_decides():
    found = assign(ENVIRONMENT, [replace(LINE, tenant_tag="globex")], {})
    assert [charge.tenant for charge in found.charges] == ["acme"]
    assert "had the tag tenant = globex" in found.faults[0]
    assert assign(ENVIRONMENT, [replace(LINE, tenant_tag="acme")], {}).faults == []


def test_a_unit_that_does_not_tell_the_tokens_is_named_and_its_cost_counts():
    found = assign(ENVIRONMENT, [replace(LINE, pricing_unit="Units")], {})
    assert "The unit Units of EUC1-NovaLite-input-tokens" in found.faults[0]
    assert found.charges[0].cost == LINE.cost
    assert found.charges[0].tokens == {}


@pytest.mark.parametrize(
    ("usage_type", "kind"),
    [
        ("EUC1-NovaLite-input-tokens", "input_tokens"),
        ("USE1-Claude4.6Sonnet-output-tokens", "output_tokens"),
        ("EUC1-NovaLite-cache-read-input-token-count", "cache_read_tokens"),
        ("EUC1-NovaLite-cache-write-input-token-count", "cache_write_tokens"),
        ("USW2-MP:USW2_InputTokenCount_Global-Units", "input_tokens"),
        ("USW2-MP:USW2_CacheReadInputTokenCount-Units", "cache_read_tokens"),
        ("USW2-MP:USW2_output_tokens_global_standard-Units", "output_tokens"),
        ("USE1-TitanImageGenerator-Created-Image", None),
    ],
)
def test_a_usage_type_tells_the_kind_of_token(usage_type, kind):
    assert token_kind(replace(LINE, usage_type=usage_type)) == kind


@pytest.mark.parametrize(
    ("unit", "description", "count"),
    [
        ("1K tokens", None, 1500),
        ("1M tokens", None, 1_500_000),
        ("Units", "AWS Marketplace software usage|eu-central-1|Million Input Tokens", 1_500_000),
        ("Units", None, None),
        (None, None, None),
    ],
)
def test_a_unit_tells_how_many_tokens_it_is_or_nothing(unit, description, count):
    assert token_count(replace(LINE, pricing_unit=unit, description=description)) == count


@pytest.mark.parametrize(
    ("product", "usage_type", "name"),
    [
        ("Amazon Bedrock", "EUC1-NovaLite-input-tokens", "NovaLite"),
        ("Amazon Bedrock", "USE1-Claude4.6Sonnet-cache-read-input-tokens", "Claude4.6Sonnet"),
        ("Claude Haiku 4.5 (Amazon Bedrock Edition)", "x", "Claude Haiku 4.5"),
        ("Amazon Bedrock", "EUC1-Guardrail", "EUC1-Guardrail"),
    ],
)
def test_a_model_has_the_name_of_the_bill(product, usage_type, name):
    assert model_name(replace(LINE, product_name=product, usage_type=usage_type)) == name
