"""The query that ships for Athena, run by a real SQL engine on reports with AWS's column names."""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest

from tests.tools.charges.sample_report import COLUMNS, OPERATIONS, line, principal, write_report
from tools.charges.cost_report import COLUMNS as NEEDED
from tools.charges.cost_report import read_cost_lines
from tools.command_error import CommandError

INPUT = "EUC1-NovaLite-input-tokens"


def read(tmp_path, *lines):
    return read_cost_lines(write_report(tmp_path / "report.parquet", lines))


def test_a_line_names_environment_tenant_and_tags_of_its_principal(tmp_path):
    (found,) = read(
        tmp_path,
        line(
            INPUT,
            1500,
            0.25,
            caller=principal("acme-2", "prod"),
            tags={"iamPrincipal/tenant": "acme-2", "resourceTags/alias": "nova"},
            line_item_resource_id="arn:aws:bedrock:eu-central-1:1:application-inference-profile/x",
        ),
    )
    assert (found.environment, found.tenant) == ("prod", "acme-2")
    assert (found.tenant_tag, found.alias_tag) == ("acme-2", "nova")
    assert found.resource_id.endswith("application-inference-profile/x")
    assert found.account_id == OPERATIONS
    assert found.usage_date == date(2026, 11, 2)
    assert (found.usage_amount, found.cost) == (Decimal("1.5"), Decimal("0.25"))
    assert found.last_end == datetime(2026, 11, 2, 4, tzinfo=UTC)


def test_lines_of_one_day_are_added_exactly(tmp_path):
    hours = [datetime(2026, 11, 2, hour, tzinfo=UTC) for hour in (1, 2, 23)]
    (found,) = read(
        tmp_path, *(line(INPUT, 100, 0.1, caller=principal("acme"), begin=hour) for hour in hours)
    )
    assert found.cost == Decimal("0.3")  # 0.1 + 0.1 + 0.1 is another number in binary
    assert found.last_end == datetime(2026, 11, 3, tzinfo=UTC)


def test_a_day_a_principal_and_a_usage_type_are_lines_of_their_own(tmp_path):
    found = read(
        tmp_path,
        line(INPUT, 1, 1.0, caller=principal("acme")),
        line(INPUT, 1, 1.0, caller=principal("globex")),
        line("EUC1-NovaLite-output-tokens", 1, 1.0, caller=principal("acme")),
        line(INPUT, 1, 1.0, caller=principal("acme"), begin=datetime(2026, 11, 3, tzinfo=UTC)),
    )
    assert len(found) == 4


@pytest.mark.parametrize(
    "caller",
    [
        "arn:aws:iam::111111111111:user/alice",
        "arn:aws:sts::111111111111:assumed-role/administrator/alice",
        "arn:aws:sts::111111111111:assumed-role/not-bedrock-local-acme/acme",
        None,
    ],
)
def test_another_principal_is_no_tenant(tmp_path, caller):
    (found,) = read(tmp_path, line(INPUT, 1, 1.0, caller=caller))
    assert (found.tenant, found.environment, found.iam_principal) == (None, None, caller)


def test_models_of_other_providers_are_found_and_other_services_are_not(tmp_path):
    claude = line(
        "EUC1-MP:EUC1_InputTokenCount-Units",
        1,
        1.0,
        caller=principal("acme"),
        product="Claude Haiku 4.5 (Amazon Bedrock Edition)",
    )
    storage = line("EUC1-TimedStorage", 1, 9.0, caller=None, product="Amazon S3")
    (found,) = read(tmp_path, claude, storage)
    assert found.product_name == "Claude Haiku 4.5 (Amazon Bedrock Edition)"


def test_the_net_cost_is_after_discounts_where_there_are_some(tmp_path):
    (found,) = read(
        tmp_path,
        line(INPUT, 1, 1.0, caller=principal("acme"), line_item_net_unblended_cost=0.75),
        line(INPUT, 1, 1.0, caller=principal("acme")),
    )
    assert (found.cost, found.net_cost) == (Decimal(2), Decimal("1.75"))


def test_a_folder_is_read_as_one_report(tmp_path):
    for month in (11, 12):
        folder = tmp_path / f"BILLING_PERIOD=2026-{month}"
        folder.mkdir()
        begin = datetime(2026, month, 2, tzinfo=UTC)
        lines = [line(INPUT, 1, 1.0, caller=principal("acme"), begin=begin)]
        write_report(folder / "part-00001.snappy.parquet", lines)
    assert [found.usage_date.month for found in read_cost_lines(tmp_path)] == [11, 12]


def test_two_deliveries_of_the_same_lines_are_refused(tmp_path):
    lines = [line(INPUT, 1, 1.0, caller=principal("acme"))]
    write_report(tmp_path / "first.parquet", lines)
    assert len(read_cost_lines(tmp_path)) == 1
    write_report(tmp_path / "second.parquet", lines)
    with pytest.raises(CommandError, match="has 1 lines of the report more than once"):
        read_cost_lines(tmp_path)


@pytest.mark.parametrize("name", NEEDED)
def test_a_report_without_a_needed_column_is_refused_by_the_columns_name(tmp_path, name):
    columns = [other for other in COLUMNS if other != name]
    file = write_report(tmp_path / "report.parquet", [line(INPUT, 1, 1.0, caller=None)], columns)
    with pytest.raises(CommandError, match=f"lacks the columns {name};"):
        read_cost_lines(file)


def test_what_is_no_parquet_is_refused_with_a_sentence(tmp_path):
    file = tmp_path / "report.parquet"
    file.write_text("line_item_usage_type\n")
    with pytest.raises(CommandError, match=r"cannot be read as a Cost and Usage Report 2\.0"):
        read_cost_lines(file)
    with pytest.raises(CommandError, match="There is no file or folder"):
        read_cost_lines(tmp_path / "gone.parquet")
    file.unlink()
    with pytest.raises(CommandError, match=r"has no file that ends in \.parquet"):
        read_cost_lines(tmp_path)


def test_a_file_that_lacks_a_column_is_refused_beside_one_that_has_it(tmp_path):
    lines = [line(INPUT, 1, 1.0, caller=principal("acme"))]
    write_report(tmp_path / "1.parquet", lines)
    columns = [name for name in COLUMNS if name != "line_item_unblended_cost"]
    write_report(tmp_path / "2.parquet", [line(INPUT, 1, 1.0, caller=None)], columns)
    with pytest.raises(
        CommandError, match=r"2\.parquet lacks the columns line_item_unblended_cost"
    ):
        read_cost_lines(tmp_path)


def test_a_month_in_two_folders_is_refused_although_its_lines_have_other_ids(tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        lines = [line(INPUT, 1, 1.0, caller=principal("acme"))]
        write_report(tmp_path / folder / "part.parquet", lines)
    with pytest.raises(CommandError, match="has 2026-11 in several folders"):
        read_cost_lines(tmp_path)
    assert len(read_cost_lines(tmp_path / "first")) == 1


def test_one_month_of_another_account_may_be_in_a_folder_of_its_own(tmp_path):
    for account in (OPERATIONS, "222222222222"):
        (tmp_path / account).mkdir()
        cost_line = line(INPUT, 1, 1.0, caller=None, line_item_usage_account_id=account)
        write_report(tmp_path / account / "part.parquet", [cost_line])
    assert len(read_cost_lines(tmp_path)) == 2


def test_a_file_whose_name_looks_like_a_pattern_is_read_alone(tmp_path):
    for name, cost in (("report[1]*.parquet", 1.0), ("report1-more.parquet", 2.0)):
        write_report(tmp_path / name, [line(INPUT, 1, cost, caller=principal("acme"))])
    (found,) = read_cost_lines(tmp_path / "report[1]*.parquet")
    assert found.cost == 1


def test_times_are_in_utc_whatever_the_zone_of_the_machine(tmp_path, monkeypatch):
    late = datetime(2026, 11, 30, 23, tzinfo=UTC)
    file = write_report(
        tmp_path / "plain.parquet", [line(INPUT, 1, 1.0, caller=principal("acme"), begin=late)]
    )
    zoned, text = tmp_path / "zoned.parquet", tmp_path / "text.parquet"
    times = [name for name in COLUMNS if name.endswith("_date")]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for target, kind in ((zoned, "TIMESTAMPTZ"), (text, "VARCHAR")):
            casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name in times)
            query = f"SELECT * REPLACE ({casts}) FROM '{file}'"  # noqa: S608 - names of this test
            connection.sql(query).write_parquet(str(target))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    (expected,) = read_cost_lines(file)
    assert (expected.usage_date, expected.last_end) == (
        date(2026, 11, 30),
        datetime(2026, 12, 1, tzinfo=UTC),
    )
    assert read_cost_lines(zoned) == read_cost_lines(text) == [expected]


def test_a_line_without_an_amount_or_a_cost_counts_as_nothing(tmp_path):
    empty = {"line_item_usage_amount": None, "line_item_unblended_cost": None}
    (found,) = read(tmp_path, line(INPUT, 1, 1.0, caller=principal("acme"), **empty))
    assert (found.usage_amount, found.cost, found.net_cost) == (0, 0, 0)


@pytest.mark.parametrize("name", ["line_item_usage_start_date", "line_item_usage_end_date"])
def test_a_line_without_a_time_is_refused(tmp_path, name):
    with pytest.raises(CommandError, match="without the time of their usage"):
        read(tmp_path, line(INPUT, 1, 1.0, caller=principal("acme"), **{name: None}))
