"""Writes Cost and Usage Reports 2.0 in Parquet, with the names and types of AWS's dictionary.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAP = "MAP(VARCHAR, VARCHAR)"
COLUMNS = {
    "bill_bill_type": "VARCHAR",
    "bill_billing_entity": "VARCHAR",
    "bill_billing_period_end_date": "TIMESTAMP",
    "bill_billing_period_start_date": "TIMESTAMP",
    "bill_payer_account_id": "VARCHAR",
    "identity_line_item_id": "VARCHAR",
    "identity_time_interval": "VARCHAR",
    "line_item_currency_code": "VARCHAR",
    "line_item_iam_principal": "VARCHAR",
    "line_item_legal_entity": "VARCHAR",
    "line_item_line_item_description": "VARCHAR",
    "line_item_line_item_type": "VARCHAR",
    "line_item_net_unblended_cost": "DOUBLE",
    "line_item_operation": "VARCHAR",
    "line_item_product_code": "VARCHAR",
    "line_item_resource_id": "VARCHAR",
    "line_item_unblended_cost": "DOUBLE",
    "line_item_usage_account_id": "VARCHAR",
    "line_item_usage_amount": "DOUBLE",
    "line_item_usage_end_date": "TIMESTAMP",
    "line_item_usage_start_date": "TIMESTAMP",
    "line_item_usage_type": "VARCHAR",
    "pricing_unit": "VARCHAR",
    "product": MAP,
    "product_region_code": "VARCHAR",
    "resource_tags": MAP,
    "tags": MAP,
}
OPERATIONS = "111111111111"
HOUR = datetime(2026, 11, 2, 3, tzinfo=UTC)
_numbers = itertools.count()


def principal(tenant: str, environment: str = "local", account: str = OPERATIONS) -> str:
    """The session of a tenant's role, as it stands in line_item_iam_principal."""
    return f"arn:aws:sts::{account}:assumed-role/bedrock-{environment}-{tenant}/{tenant}"


def line(
    usage_type: str,
    tokens: float,
    cost: float,
    *,
    caller: str | None,
    begin: datetime = HOUR,
    tags: Mapping[str, str] | None = None,
    product: str = "Amazon Bedrock",
    **columns: Any,  # noqa: ANN401 - a value of the column's type
) -> dict[str, Any]:
    """A line of an hour, in units of 1,000 tokens; ``columns`` replaces any of its values."""
    end = begin + timedelta(hours=1)
    first_day = begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    is_own = product == "Amazon Bedrock"
    return {
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS" if is_own else "AWS Marketplace",
        "bill_billing_period_end_date": (first_day + timedelta(days=32)).replace(day=1),
        "bill_billing_period_start_date": first_day,
        "bill_payer_account_id": "999999999999",
        "identity_line_item_id": f"line{next(_numbers)}",
        "identity_time_interval": f"{begin:%Y-%m-%dT%H:00:00Z}/{end:%Y-%m-%dT%H:00:00Z}",
        "line_item_currency_code": "USD",
        "line_item_iam_principal": caller,
        "line_item_legal_entity": "Amazon Web Services, Inc.",
        "line_item_line_item_description": f"for {usage_type}",
        "line_item_line_item_type": "Usage",
        "line_item_net_unblended_cost": None,
        "line_item_operation": "",
        "line_item_product_code": "AmazonBedrock" if is_own else "6dw3qvchef7zy444r5ourau60",
        "line_item_resource_id": None,
        "line_item_unblended_cost": cost,
        "line_item_usage_account_id": OPERATIONS,
        "line_item_usage_amount": tokens / 1000,
        "line_item_usage_end_date": end,
        "line_item_usage_start_date": begin,
        "line_item_usage_type": usage_type,
        "pricing_unit": "1K tokens",
        "product": {"product_name": product},
        "product_region_code": "eu-central-1",
        "resource_tags": {},
        "tags": tags or {},
        **columns,
    }


def write_report(
    file: Path, lines: Iterable[Mapping[str, Any]], columns: Iterable[str] = tuple(COLUMNS)
) -> Path:
    """Write the lines with these columns of a report."""
    names = list(columns)
    with duckdb.connect() as connection:
        shape = ", ".join(f"{name} {COLUMNS[name]}" for name in names)
        connection.execute(f"CREATE TABLE report ({shape})")
        for values in lines:
            row = [_value(values[name]) for name in names]
            marks = ", ".join("?" for _ in names)
            connection.execute(f"INSERT INTO report VALUES ({marks})", row)  # noqa: S608
        connection.table("report").write_parquet(str(file))
    return file


def _value(value: object) -> object:
    if isinstance(value, dict):  # a MAP
        return {"key": list(value), "value": list(value.values())}
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
