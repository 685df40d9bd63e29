"""A bill in Parquet beside what Bedrock counted of two tenants' calls, through `make chargeback`."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import Caller, client
from tests.tools.charges.sample_report import line, principal, write_report

OPERATIONS = "111111111111"
LOCAL = (
    LOCAL_ENVIRONMENT
    + """\
tenants = {
  acme = {
    accounts     = { "222222222222" = {} }
    deployer     = { external_id = "90c5a2d5c7a94b5bb3bb0b1f2b8a2f11" }
    external_ids = { current = "269170463fdc32af10a91e67a8fd77bd" }
    models       = { nova = { model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] } }
  }
  initech = {
    accounts     = { "555555555555" = {} }
    deployer     = { external_id = "8d12210f29b004f81d34ee49ade57494" }
    external_ids = { current = "211bbbdc3d8bb28c79b54b02f0386fbd" }
    models = {
      claude = { model = "anthropic.claude-3-5-haiku-20241022-v1:0", regions = ["eu-central-1"], track = true }
    }
  }
}
"""
)
HAIKU = "Claude Haiku 3.5 (Amazon Bedrock Edition)"
TAGS = {"iamPrincipal/tenant": "initech", "resourceTags/alias": "claude"}


@dataclass(frozen=True)
class Bill:
    """An applied environment, the tokens of its calls, and lines that bill them."""

    checkout: object
    lines: list
    tokens: dict  # input and output by tenant

    def run(self, lines, options=""):
        """`make chargeback` of a report with these lines."""
        write_report(self.checkout.root / "report.parquet", lines)
        return self.checkout.shell(f"make chargeback ENV=local CUR=report.parquet {options}")


def token_lines(tenant, tokens, begin, **members):
    kinds = zip(("Input", "Output"), tokens, (0.001, 0.002), strict=True)
    return [
        line(
            f"EUC1-MP:EUC1_{kind}TokenCount-Units",
            count,
            cost,
            caller=principal(tenant),
            begin=begin,
            **members,
        )
        for kind, count, cost in kinds
    ]


@pytest.fixture(scope="module")
def bill(checkout):
    (checkout.root / "environments" / "local" / "terraform.tfvars").write_text(LOCAL)
    checkout.done("make up")
    checkout.done("make apply ENV=local")
    # In one hour, so that the report ends after the last call.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    tokens = {}
    for tenant, account in (("acme", "222222222222"), ("initech", "555555555555")):
        caller = Caller(checkout.control, account, f"bedrock-local-{tenant}")
        usages = [
            caller.call(f"What is a confused deputy, part {part}?")["usage"] for part in (1, 2)
        ]
        tokens[tenant] = tuple(
            sum(usage[name] for usage in usages) for name in ("input_tokens", "output_tokens")
        )
    begin = min(hour, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    lines = [
        *token_lines("acme", tokens["acme"], begin, product="Amazon Nova Lite"),
        *token_lines("initech", tokens["initech"], begin, product=HAIKU, tags=TAGS),
        line("EUC1-NovaLite-input-tokens", 1000, 0.5, caller=principal("acme", "dev"), begin=begin),
    ]
    for entry in lines:  # the bill may cover the hour in which the calls ended
        entry["line_item_usage_end_date"] = begin + timedelta(hours=2)
    return Bill(checkout, lines, tokens)


def test_the_bill_is_divided_by_tenant_and_agrees_with_bedrocks_counts(bill):
    run = bill.run(bill.lines, "JSON=1")
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    charges = {
        charge["tenant"]: (charge["alias"], charge["model"], float(charge["cost"]))
        for charge in document["charges"]
    }
    assert charges == {
        "acme": (None, "Amazon Nova Lite", 0.003),
        "initech": ("claude", "Claude Haiku 3.5", 0.003),
    }
    (comparison,) = document["comparisons"]
    assert (comparison["tenant"], comparison["alias"]) == ("initech", "claude")
    assert comparison["counted"]["calls"] == 2
    for side in ("billed", "counted"):
        assert (
            comparison[side]["input_tokens"],
            comparison[side]["output_tokens"],
        ) == bill.tokens["initech"]
    assert comparison["differences"] == {}
    (rest,) = document["unassigned"]
    assert (rest["reason"], rest["is_fault"]) == ("environment dev", False)


def test_the_table_names_every_cost_and_the_total(bill):
    run = bill.run(bill.lines)
    assert "1 of 1 comparisons with Bedrock's counts agree in every kind of token." in run.stdout
    assert "no tenant: environment dev, 0.5000 USD" in run.stdout
    assert "all together: 0.5060 USD" in run.stdout


def test_csv_has_a_row_for_each_day_tenant_and_model(bill):
    run = bill.run(bill.lines, "CSV=1 BY=day")
    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert [row["tenant"] for row in rows] == ["acme", "initech"]
    assert {row["period"] for row in rows} == {
        bill.lines[0]["line_item_usage_start_date"].date().isoformat()
    }
    assert int(rows[0]["input_tokens"]) == bill.tokens["acme"][0]


def test_a_tenant_is_shown_alone(bill):
    run = bill.run(bill.lines, "CSV=1 TENANT=acme")
    assert [row["tenant"] for row in csv.DictReader(io.StringIO(run.stdout))] == ["acme"]


def test_an_alias_without_its_tag_is_known_by_the_profile_or_compared_as_a_whole(bill):
    bedrock = client(bill.checkout.control, OPERATIONS, "bedrock")
    (profile,) = bedrock.list_inference_profiles(typeEquals="APPLICATION")[
        "inferenceProfileSummaries"
    ]
    plain = [{**entry, "tags": {}} for entry in bill.lines]
    ids = [
        {**entry, "line_item_resource_id": profile["inferenceProfileArn"]}
        if entry["product"]["product_name"] == HAIKU
        else entry
        for entry in plain
    ]
    for lines, alias in ((ids, "claude"), (plain, None)):
        run = bill.run(lines, "JSON=1")
        (comparison,) = json.loads(run.stdout)["comparisons"]
        assert (comparison["alias"], comparison["differences"]) == (alias, {})


def test_calls_that_are_not_billed_yet_are_named(bill):
    run = bill.run([entry for entry in bill.lines if "Output" not in entry["line_item_usage_type"]])
    assert run.returncode != 0
    count = bill.tokens["initech"][1]
    assert f"{count:,} output tokens fewer billed than counted" in run.stderr
    assert "The bill is less than two days old" in run.stderr


def test_tokens_that_bedrock_did_not_count_are_named(bill):
    extra = {**bill.lines[2], "identity_line_item_id": "another"}
    run = bill.run([*bill.lines, extra])
    assert run.returncode != 0
    assert f"{bill.tokens['initech'][0]:,} input tokens more billed than counted" in run.stderr


def test_a_role_without_a_stanza_is_a_fault(bill):
    stranger = line(
        "EUC1-NovaLite-input-tokens",
        1000,
        0.5,
        caller=principal("umbrella"),
        begin=bill.lines[0]["line_item_usage_start_date"],
    )
    run = bill.run([*bill.lines, stranger])
    assert run.returncode != 0
    assert "no tenant: the role of umbrella, which has no stanza, 0.5000 USD" in run.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("JSON=1 CSV=1", "Write JSON=1 or CSV=1, and not both."),
        ("BY=week", "BY=: invalid choice"),
        ("TENANT=nobody", 'has no tenant "nobody"'),
    ],
)
def test_options_that_make_no_sense_are_refused(bill, options, sentence):
    run = bill.run(bill.lines, options)
    assert run.returncode != 0
    assert sentence in run.stderr


def test_a_report_of_another_account_is_refused(bill):
    run = bill.run(
        [{**entry, "line_item_usage_account_id": "999999999999"} for entry in bill.lines]
    )
    assert "has no cost of Amazon Bedrock in the operations account 111111111111" in run.stderr
