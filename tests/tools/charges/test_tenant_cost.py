"""What a tenant costs by its stanza and a price file, and what is said when the file lacks a number."""

import pytest

from tools.charges.price_file import PRICES, USE, read_price_file
from tools.charges.tenant_cost import environment_items, tenant_items
from tools.command_error import CommandError
from tools.environment.model import CustomerAccount, Environment

REGION = "eu-central-1"
TRACKED = {"model": "m", "regions": [REGION], "track": True}
STANZA = {
    "accounts": {"222222222222": {}},
    "models": {"claude": TRACKED, "nova": {"model": "n", "regions": [REGION]}},
}
VPC = {"id": "vpc-1", "security_group_ids": ["sg-1"], "subnet_ids": ["subnet-1", "subnet-2"]}
USES = {
    "alarms": 3,
    "answer_bytes": 1000,
    "count_readings_per_month": 30,
    "invocation_seconds": 2,
    "log_compression": 0.5,
    "prompt_bytes": 3000,
}


def environment(**members):
    return Environment(
        name="prod",
        operations_account_id="111111111111",
        operations_region=REGION,
        deployer_role_name="terraform-deployer",
        accounts=(CustomerAccount("acme", "222222222222", REGION),),
        stanzas={"acme": {**STANZA, **members}},
        backend={},
    )


def price_text(prices=None, use=None, region=REGION):
    """A price file in which the nth price is n."""
    prices = dict(zip(PRICES, range(1, 20), strict=False)) if prices is None else prices
    lines = [f"    {name} = {value}" for name, value in prices.items()]
    uses = [f"  {name} = {value}" for name, value in (USES if use is None else use).items()]
    return "\n".join(
        ["prices = {", f'  "{region}" = {{', *lines, "  }", "}", "use = {", *uses, "}", ""]
    )


@pytest.fixture
def price_file(tmp_path):
    def write(text):
        path = tmp_path / "prices.tfvars"
        path.write_text(text)
        return read_price_file(path)

    return write


def quantities(items):
    return {item.name: round(item.quantity, 3) for item in items}


def test_each_cost_has_its_quantity_from_the_stanza(price_file):
    found = quantities(tenant_items(environment(), "acme", price_file(price_text())))
    assert found == {
        "inference profiles": 1,
        "metrics asked for, thousands": 0.3,  # 10 for the tracked alias, 30 times
        "KMS key": 1,
        "logs ingested, GB": 6.735,  # 860 + 1,420 + 4,000 + 455 bytes a call
        "logs stored, GB-months": 40.41,  # half of it for twelve months
        "requests of the function, millions": 1,
        "function, GB-seconds": 2_000_000,
    }


@pytest.mark.parametrize(
    ("members", "changed"),
    [
        ({"content": "metadata"}, {"logs ingested, GB": 2.605}),
        ({"masking": ["EmailAddress"]}, {"logs searched for masks, GB": 6.735}),
        (
            {"workload": {"memory_size": 512, "retention_days": 365 * 2}},
            {"function, GB-seconds": 1_000_000, "logs stored, GB-months": 80.82},
        ),
        (
            {"accounts": {"222222222222": {"vpc": VPC}}},
            {
                "VPC endpoints, hours in each zone": 3 * 2 * 730,
                "through VPC endpoints, GB": 9.42,
            },
        ),
        (
            {
                "accounts": {"222222222222": {"vpc": VPC}},
                "models": {"nova": {"model": "n", "regions": ["us-east-1"]}},
            },
            {"VPC endpoints, hours in each zone": 2 * 2 * 730, "inference profiles": 0},
        ),
        ({"models": {"claude": {**TRACKED, "previous": TRACKED}}}, {"inference profiles": 2}),
    ],
)
def test_a_key_of_the_stanza_changes_its_cost(price_file, members, changed):
    found = quantities(tenant_items(environment(**members), "acme", price_file(price_text())))
    assert {name: found[name] for name in changed} == changed


def test_a_vpc_whose_endpoints_are_the_customers_own_costs_nothing(price_file):
    own = {name: value for name, value in VPC.items() if name != "id"}
    items = tenant_items(
        environment(accounts={"222222222222": {"vpc": own}}), "acme", price_file(price_text())
    )
    assert not [item for item in items if "VPC" in item.name]


def test_only_the_key_of_an_offboarded_tenant_costs(price_file):
    items = tenant_items(environment(state="offboarding"), "acme", price_file(price_text()))
    assert [item.name for item in items if item.side == "customer"] == ["KMS key"]


def test_the_architecture_chooses_its_price(price_file):
    prices = price_file(price_text())
    for architecture in ("arm64", "x86_64"):
        items = tenant_items(environment(workload={"architecture": architecture}), "acme", prices)
        (seconds,) = [item for item in items if item.name == "function, GB-seconds"]
        assert seconds.price == prices.price(REGION, f"lambda_gb_second_{architecture}")


def test_a_cost_is_its_quantity_times_its_price(price_file):
    (alarms,) = environment_items(environment(), price_file(price_text()))
    assert (alarms.quantity, alarms.cost) == (3, 3 * 1)  # alarm_month is the first price


NEEDED = sorted(PRICES.keys() - {"lambda_gb_second_x86_64"})


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_price_is_an_error_with_its_name_and_aws_page(price_file, name):
    all_of_it = environment(masking=["Name"], accounts={"222222222222": {"vpc": VPC}})
    prices = {other: 1 for other in PRICES if other != name}
    file = price_file(price_text(prices))
    with pytest.raises(CommandError, match=f"has no price {name} for {REGION}; look it up at http"):
        environment_items(all_of_it, file) + tenant_items(all_of_it, "acme", file)


def test_a_price_that_nothing_needs_may_be_missing(price_file):
    needed = ["kms_key_month", "lambda_gb_second_arm64", "lambda_million_requests"]
    needed += ["log_gb_ingested", "log_gb_month_stored", "metric_thousand_requested"]
    assert tenant_items(environment(), "acme", price_file(price_text(dict.fromkeys(needed, 1))))


@pytest.mark.parametrize("name", USE)
def test_a_missing_use_is_an_error_with_its_name(price_file, name):
    file = price_file(price_text(use={other: 1 for other in USE if other != name}))
    with pytest.raises(CommandError, match=rf"has no use\.{name}; write "):
        environment_items(environment(), file) + tenant_items(environment(), "acme", file)


def test_a_price_of_another_region_does_not_count(price_file):
    file = price_file(price_text(region="us-east-1"))
    with pytest.raises(CommandError, match=f"has no price metric_thousand_requested for {REGION}"):
        tenant_items(environment(), "acme", file)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (price_text({"kms_key": 1}), "has kms_key, which nothing reads"),
        (price_text(use={"calls": 1}), "has calls, which nothing reads"),
        ("rates = {}\n", "has rates, which nothing reads"),
        (price_text({"kms_key_month": '"1"'}), "is a number of 0 or more, not '1'"),
        (price_text({"kms_key_month": -1}), "is a number of 0 or more, not -1"),
        (price_text({"kms_key_month": "true"}), "is a number of 0 or more, not True"),
        ("prices = 1\n", "is a map of Regions"),
        ("prices = {", "is not valid HCL"),
    ],
)
def test_a_wrong_price_file_is_refused_with_a_sentence(price_file, text, sentence):
    with pytest.raises(CommandError) as refusal:
        price_file(text)
    assert sentence in str(refusal.value)


def test_a_price_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CommandError, match="There is no file"):
        read_price_file(tmp_path / "gone.tfvars")
