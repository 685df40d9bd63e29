"""Reads a Cost and Usage Report 2.0 in Parquet with the query that also runs in Athena.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

QUERY = Path(__file__).with_name("bedrock_cost.sql")
TABLE = "cost_and_usage_report"
# What the query and the search for repeated lines read.
COLUMNS = (
    "bill_billing_period_start_date",
    "identity_line_item_id",
    "identity_time_interval",
    "line_item_currency_code",
    "line_item_iam_principal",
    "line_item_line_item_description",
    "line_item_line_item_type",
    "line_item_net_unblended_cost",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_unblended_cost",
    "line_item_usage_account_id",
    "line_item_usage_amount",
    "line_item_usage_end_date",
    "line_item_usage_start_date",
    "line_item_usage_type",
    "pricing_unit",
    "product",
    "tags",
)
# Nothing is fetched from the network, and a query sees a map's value as Athena shows it: NULL for a key that it lacks.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# The report's times are in UTC. DuckDB would convert times that have a zone to the zone of this machine.
_IN_UTC = "SET TimeZone = 'UTC'"
_ELEMENT_AT = "CREATE MACRO element_at(pairs, name) AS pairs[name]"
# Two exports of the same month side by side have each line twice. An id is unique in one partition, which is a month.
_REPEATED = f"""
SELECT count(*) FROM (
  SELECT 1 FROM {TABLE}
  GROUP BY bill_billing_period_start_date, identity_line_item_id, identity_time_interval
  HAVING count(*) > 1
)
"""  # noqa: S608 - the table's name is ours
# AWS writes a month into one folder, which it overwrites, or into a new folder for each delivery. A line has another id
# in each export and in each delivery, so only the folders show that a month is there twice.
# https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-line-item.html
_SEVERAL_FOLDERS = f"""
SELECT DISTINCT strftime(period, '%Y-%m') FROM (
  SELECT cast(bill_billing_period_start_date AS timestamp) AS period FROM {TABLE}
  GROUP BY bill_billing_period_start_date, line_item_usage_account_id
  HAVING count(DISTINCT regexp_replace(filename, '[^/]*$', '')) > 1
) ORDER BY 1
"""  # noqa: S608 - the table's name is ours


@dataclass(frozen=True)
class CostLine:
    """What one principal has paid for one usage type on one day (UTC); amounts are exact.

    ``environment`` and ``tenant`` are those of the principal, None for one that is no tenant's role. ``net_cost`` is
    what is paid after private discounts.
    """

    usage_date: date
    account_id: str
    environment: str | None
    tenant: str | None
    iam_principal: str | None
    tenant_tag: str | None
    alias_tag: str | None
    resource_id: str | None
    product_name: str
    line_item_type: str
    usage_type: str
    description: str | None
    pricing_unit: str | None
    currency: str
    usage_amount: Decimal
    cost: Decimal
    net_cost: Decimal
    first_start: datetime
    last_end: datetime


def read_cost_lines(path: Path) -> list[CostLine]:
    """Return the lines of Bedrock in a Parquet file, or in every one of a folder.

    Raises CommandError for a file that is no such report, that lacks a column, or that has lines twice, for a month in
    several folders, and for a line without a time.
    """
    files = _parquet_files(path)
    connection = duckdb.connect(config=_SETTINGS)
    try:
        connection.execute(_IN_UTC)
        connection.execute(_ELEMENT_AT)
        patterns = [escape(file) for file in files]  # DuckDB takes a path for a pattern
        for file, pattern in zip(files, patterns, strict=True):
            _refuse_other_columns(file, connection.read_parquet(pattern).columns)
        connection.read_parquet(patterns, union_by_name=True, filename=True).create_view(TABLE)
        months = [month for (month,) in connection.execute(_SEVERAL_FOLDERS).fetchall()]
        if months:
            raise CommandError(
                f"{path} has {', '.join(months)} in several folders, so its cost would count twice; give CUR= the "
                "folder of one delivery alone."
            )
        (repeated,) = connection.execute(_REPEATED).fetchone() or (0,)
        if repeated:
            raise CommandError(
                f"{path} has {repeated:,} lines of the report more than once, so their cost would count twice; give "
                "CUR= the files of one delivery alone."
            )
        rows = connection.execute(QUERY.read_text(encoding="utf-8")).fetchall()
    except duckdb.Error as error:
        raise CommandError(
            f"{path} cannot be read as a Cost and Usage Report 2.0 in Parquet: {str(error).splitlines()[0]}"
        ) from None
    finally:
        connection.close()
    lines = [CostLine(*(_value(item) for item in row)) for row in rows]
    if any(line.usage_date is None or line.last_end is None for line in lines):
        raise CommandError(
            f"{path} has lines of Amazon Bedrock without the time of their usage; let AWS deliver the export again."
        )
    return lines


def _parquet_files(path: Path) -> list[str]:
    """Return the files to read; CommandError when there is none."""
    if not path.exists():
        raise CommandError(
            f"There is no file or folder {path}; write CUR= and an export in Parquet."
        )
    files: Sequence[Path] = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise CommandError(
            f"The folder {path} has no file that ends in .parquet; copy an export in Parquet into it."
        )
    return [str(file) for file in files]


def _refuse_other_columns(file: str, columns: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise CommandError(
            f"{file} lacks the columns {', '.join(missing)}; let the export have them, as "
            "docs/how-to/charge-tenants.md says."
        )


def _value(item: Any) -> Any:  # noqa: ANN401 - of the type of its column
    """Return a value of a row; the report's times are in UTC and have no time zone."""
    return item.replace(tzinfo=UTC) if isinstance(item, datetime) else item
