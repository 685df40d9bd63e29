"""Computes from a tenant's stanza what it costs on either side, beside the tokens that Bedrock bills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tools.charges.logged_bytes import logged_bytes
from tools.environment.model import OFFBOARDING
from tools.records.bedrock_counts import METRICS_OF_A_PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.charges.price_file import PriceFile
    from tools.environment.model import CustomerAccount, Environment

Side = Literal["operations", "customer"]
Basis = Literal["month", "million calls"]

CALLS = 1_000_000
HOURS = 730  # of an average month, as in AWS's own examples: https://aws.amazon.com/privatelink/pricing/
DAYS = 365 / 12  # of an average month
GIGABYTE = 10**9  # bytes; AWS's is up to 7 % larger, so a cost is never too low
MEMORY_SIZE = 1024  # MB, the default of modules/customer-workload
ENDPOINTS = 2  # for logs and sts, and one more for Bedrock where the function calls models in its own Region


@dataclass(frozen=True)
class CostItem:
    """One cost: ``quantity`` times ``price``, for each month or for each million calls.

    ``tenant`` is None for what the environment has once, and ``account`` is the one that pays. ``price_name`` is that
    of the price file; None for what AWS does not charge.
    """

    side: Side
    tenant: str | None
    account: str
    basis: Basis
    name: str
    quantity: float
    price_name: str | None
    price: float

    @property
    def cost(self) -> float:
        """The cost, in the currency of the price file."""
        return self.quantity * self.price


def environment_items(environment: Environment, prices: PriceFile) -> list[CostItem]:
    """Return what the environment costs once, whatever tenants it has."""
    alarms = prices.use("alarms")
    account, region = environment.operations_account_id, environment.operations_region
    price = prices.price(region, "alarm_month") if alarms else 0.0
    return [CostItem("operations", None, account, "month", "alarms", alarms, "alarm_month", price)]


def tenant_items(environment: Environment, tenant: str, prices: PriceFile) -> list[CostItem]:
    """Return the costs of a tenant in the operations account and in each of its accounts.

    A million calls are all made in one of the accounts. Raises CommandError for a price that is needed and missing.
    """
    items = list(_operations_items(environment, tenant, prices))
    for account in environment.accounts_of(tenant):
        items += _account_items(environment, account, prices)
    return items


def _operations_items(
    environment: Environment, tenant: str, prices: PriceFile
) -> Iterator[CostItem]:
    models = environment.stanzas[tenant]["models"].values()
    previous = [model["previous"] for model in models if model.get("previous")]
    profiles = sum(model.get("track", False) for model in (*models, *previous))
    account, region = environment.operations_account_id, environment.operations_region
    # AWS lists no price of a profile: https://aws.amazon.com/bedrock/pricing/
    yield CostItem(
        "operations", tenant, account, "month", "inference profiles", profiles, None, 0.0
    )
    metrics = profiles * METRICS_OF_A_PROFILE * prices.use("count_readings_per_month") / 1000
    name = "metric_thousand_requested"
    price = prices.price(region, name) if metrics else 0.0
    yield CostItem(
        "operations", tenant, account, "month", "metrics asked for, thousands", metrics, name, price
    )


def _account_items(
    environment: Environment, account: CustomerAccount, prices: PriceFile
) -> Iterator[CostItem]:
    stanza = environment.stanzas[account.tenant]
    workload = stanza.get("workload", {})
    logged = logged_bytes(
        stanza.get("content", "full"), prices.use("prompt_bytes"), prices.use("answer_bytes")
    )
    gigabytes = logged.total * CALLS / GIGABYTE

    def item(basis: Basis, name: str, quantity: float, price_name: str) -> CostItem:
        price = prices.price(account.region, price_name)
        return CostItem(
            "customer", account.tenant, account.account_id, basis, name, quantity, price_name, price
        )

    yield item("month", "KMS key", 1, "kms_key_month")
    if stanza.get("state") == OFFBOARDING:  # only the key and the records remain
        return
    yield item("million calls", "logs ingested, GB", gigabytes, "log_gb_ingested")
    months = environment.retention_days(account.tenant) / DAYS
    stored = gigabytes * prices.use("log_compression") * months
    yield item("million calls", "logs stored, GB-months", stored, "log_gb_month_stored")
    if stanza.get("masking"):
        yield item("million calls", "logs searched for masks, GB", gigabytes, "log_gb_masked")
    yield item("million calls", "requests of the function, millions", 1, "lambda_million_requests")
    memory = workload.get("memory_size", MEMORY_SIZE) / 1024
    seconds = prices.use("invocation_seconds") * CALLS
    architecture = workload.get("architecture", "arm64")
    yield item(
        "million calls",
        "function, GB-seconds",
        memory * seconds,
        f"lambda_gb_second_{architecture}",
    )
    network = environment.network_of(account)
    if network and network.get("id"):
        regions = {region for model in stanza["models"].values() for region in model["regions"]}
        in_region = account.region in regions
        endpoints = ENDPOINTS + in_region
        hours = endpoints * len(network["subnet_ids"]) * HOURS
        yield item("month", "VPC endpoints, hours in each zone", hours, "vpc_endpoint_hour")
        content = prices.use("prompt_bytes") + prices.use("answer_bytes")
        # Lambda itself ships what the function prints, the mark among it.
        sent = logged.record + (content if in_region else 0)
        through = sent * CALLS / GIGABYTE
        yield item("million calls", "through VPC endpoints, GB", through, "vpc_endpoint_gb")
