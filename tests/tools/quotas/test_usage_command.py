"""What `make usage` shows of tenants on the local AWS, by the schedules that the guard has."""

import csv
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.tools.live.account import Account
from tools.bench.guarded_tenants import MODEL, REGION, GuardedTenants, event, quota
from tools.command_error import CommandError
from tools.commands import usage
from tools.environment.model import CustomerAccount, Environment
from tools.localaws.local_aws import LocalAws

ENVIRONMENT = Environment(
    name="dev",
    operations_account_id="111111111111",
    operations_region=REGION,
    deployer_role_name="terraform-deployer",
    accounts=(
        CustomerAccount("acme", "222222222222", REGION),
        CustomerAccount("globex", "333333333333", REGION),
    ),
    stanzas={},
    backend={},
)
PRICES = {MODEL: {"input": 2, "output": 4, "cache_read": 1, "cache_write": 3}}
ROLE = "arn:aws:iam::111111111111:role/bedrock-dev_guard-scheduler"


def schedule(aws, shard, content):
    function = f"arn:aws:lambda:{REGION}:111111111111:function:bedrock-dev_guard"
    aws.client("scheduler").create_schedule(
        Name=f"bedrock-dev-quotas-{shard}",
        ScheduleExpression="rate(5 minutes)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": function, "RoleArn": ROLE, "Input": json.dumps(content)},
    )


class Noon(datetime):
    """A clock that stands still, so that no test meets the end of a day."""

    TIME = datetime.now(UTC).replace(hour=12, minute=0, second=0) + timedelta(days=1)

    @classmethod
    def now(cls, tz=None):
        return cls.TIME.astimezone(tz)


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setattr(usage, "datetime", Noon)
    with LocalAws() as local_aws:
        local_aws.control.advance_clock((Noon.TIME - datetime.now(UTC)).total_seconds())
        tenants = GuardedTenants(local_aws.control)
        tenants.prepare()
        tenants.add_tenant("acme", "fast", "large")
        tenants.add_tenant("globex", "fast")
        tenants.use("acme", "fast", 600)
        tenants.use("acme", "large", 250)
        tenants.use("globex", "fast", 1_000_000)
        account = Account(local_aws, monkeypatch, ENVIRONMENT)
        session = SimpleNamespace(environment=ENVIRONMENT, target=account.target)
        monkeypatch.setattr(usage, "open_session", lambda *_, **__: session)
        monkeypatch.setenv("COLUMNS", "200")
        yield tenants


@pytest.fixture
def guarded(aws):
    acme = quota("fast", "large", by_alias={"fast": {"tokens_per_day": 500}}, tokens_per_day=1_000)
    members = {"prices": PRICES, "shards": 2}
    schedule(aws, 0, event({"acme": acme}, tokens_per_minute={MODEL: 100}, **members))
    schedule(aws, 1, event({"globex": quota("fast", usd_per_month=10)}, shard=1, **members))
    return aws


def printed(monkeypatch, capsys, *options):
    monkeypatch.setattr(sys, "argv", ["usage", "--env", "dev", *options])
    assert usage.main() == 0
    return capsys.readouterr().out


def rows(monkeypatch, capsys, *options):
    found = json.loads(printed(monkeypatch, capsys, "--json", *options))["windows"]
    return {(row["tenant"], row["alias"], row["window"]): row for row in found}


def test_each_alias_and_all_of_them_are_shown_against_their_limits(guarded, monkeypatch, capsys):
    found = rows(monkeypatch, capsys)
    assert found["acme", None, "day"]["tokens"] == 850
    assert found["acme", None, "day"]["state"] == "warned"
    assert found["acme", "fast", "day"]["state"] == "reached"
    assert found["acme", "large", "day"]["state"] == "no limit"
    assert found["globex", None, "month"]["dollars"] == 2
    assert found["globex", None, "month"]["dollar_limit"] == 10
    assert ("globex", None, "day") not in found


def test_what_a_smaller_number_of_shards_has_left_behind_is_not_shown(guarded, monkeypatch, capsys):
    """The guard does nothing for such a schedule."""
    old = event({"old": quota("fast", tokens_per_day=1)}, shard=2, shards=3)
    schedule(guarded, 2, old)
    assert {key[0] for key in rows(monkeypatch, capsys)} == {"acme", "globex"}


def test_one_tenant_is_shown_alone(guarded, monkeypatch, capsys):
    assert {key[0] for key in rows(monkeypatch, capsys, "--tenant", "globex")} == {"globex"}


def test_the_table_ends_with_the_bound_of_each_limit(guarded, monkeypatch, capsys):
    text = printed(monkeypatch, capsys)
    assert "850" in text
    assert (
        "acme can use some 1,100 tokens more than 1,000 tokens a day: what the account's quota"
        in text
    )
    assert "acme can use some 1,100 tokens more than 500 tokens a day for fast" in text
    assert "globex can use more than 10.00 US dollars a month for some 11 minutes" in text
    assert "is not known without operations.guard.tokens_per_minute" in text


def test_csv_has_a_line_for_each_window(guarded, monkeypatch, capsys):
    text = printed(monkeypatch, capsys, "--csv", "--tenant", "globex")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["alias"], line["tokens"]) for line in lines] == [
        ("", "1000000.0"),
        ("fast", "1000000.0"),
    ]


def test_since_shows_the_windows_before(guarded, monkeypatch, capsys):
    found = json.loads(printed(monkeypatch, capsys, "--json", "--since", "400d"))["windows"]
    months = [row for row in found if (row["tenant"], row["alias"]) == ("globex", None)]
    assert len(months) in (14, 15)
    assert [row["tokens"] for row in months[:-1]] == [0] * (len(months) - 1)
    assert months[-1]["tokens"] == 1_000_000
    end = datetime.fromisoformat(months[-1]["end"])
    assert end > Noon.TIME


@pytest.mark.parametrize("since", ["460d", "2100-01-01"])
def test_a_time_without_counts_is_refused(guarded, monkeypatch, capsys, since):
    with pytest.raises(CommandError, match="keeps Bedrock's counts for 455 days"):
        printed(monkeypatch, capsys, "--since", since)


def test_a_called_model_without_a_price_has_no_dollars(aws, monkeypatch, capsys):
    schedule(aws, 0, event({"acme": quota("fast", "large", tokens_per_day=1_000)}))
    found = rows(monkeypatch, capsys)
    assert found["acme", None, "day"]["dollars"] is None
    assert found["acme", None, "day"]["tokens"] == 850


def test_without_a_guard_the_command_says_so(aws, monkeypatch, capsys):
    with pytest.raises(CommandError, match=r"set operations\.guard and apply"):
        printed(monkeypatch, capsys)
