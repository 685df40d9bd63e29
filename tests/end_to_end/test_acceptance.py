"""`make acceptance` on an applied environment of the local AWS, as an operator runs it in a sandbox."""

import json
import re
import stat
from dataclasses import dataclass

import pytest

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import PATHS, client
from tools.acceptance.catalogue import all_checks

OPERATIONS, CUSTOMER = "111111111111", "222222222222"
EXTERNAL_IDS = ("269170463fdc32af10a91e67a8fd77bd", "1caef3c2a7cf472eec73b3cb7ff8d250")
LOCAL = (
    LOCAL_ENVIRONMENT
    + f"""\
tenants = {{
  acme = {{
    accounts     = {{ "{CUSTOMER}" = {{ readers = ["arn:aws:iam::{CUSTOMER}:user/auditor"] }} }}
    deployer     = {{ external_id = "{EXTERNAL_IDS[1]}" }}
    external_ids = {{ current = "{EXTERNAL_IDS[0]}" }}
    models = {{
      claude = {{
        model   = "anthropic.claude-haiku-4-5-20251001-v1:0"
        regions = ["eu-central-1"]
        route   = "geographic"
        profile = "eu."
      }}
    }}
  }}
  globex = {{ # applies the module alone; its role is there to be tried
    accounts     = {{ "333333333333" = {{ managed_by = "customer" }} }}
    external_ids = {{ current = "0f6c28ad6d7d4f0b8a3b9d0c5e8f7a61" }}
    models       = {{ nova = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] }} }}
  }}
}}
"""
)
# The local AWS finds no events by an access key.
UNKNOWN_HERE = {check.name for check in all_checks() if check.group == "CloudTrail"}


def existing(control):
    """Everything that a run could leave in the two accounts, by kind."""
    operations, customer = (
        {name: client(control, account, name) for name in ("iam", "bedrock", "logs", "lambda")}
        for account in (OPERATIONS, CUSTOMER)
    )
    s3 = client(control, OPERATIONS, "s3", config=PATHS)
    roles = {
        role["RoleName"]: operations["iam"].list_role_policies(RoleName=role["RoleName"])[
            "PolicyNames"
        ]
        for role in operations["iam"].list_roles()["Roles"]
    }
    return {
        "roles": roles,
        "customer's roles": [role["RoleName"] for role in customer["iam"].list_roles()["Roles"]],
        "profiles": operations["bedrock"].list_inference_profiles()["inferenceProfileSummaries"],
        "functions": [
            [entry["FunctionName"] for entry in account["lambda"].list_functions()["Functions"]]
            for account in (operations, customer)
        ],
        "log groups": [
            [entry["logGroupName"] for entry in account["logs"].describe_log_groups()["logGroups"]]
            for account in (operations, customer)
        ],
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
    }


@dataclass(frozen=True)
class Run:
    """The command's result, what existed before and after it, and its evidence."""

    checkout: object
    data: dict
    errors: str
    before: dict
    after: dict
    evidence: object


@pytest.fixture(scope="module")
def run(checkout):
    (checkout.root / "environments" / "local" / "terraform.tfvars").write_text(LOCAL)
    checkout.done("make up")
    checkout.done("make apply ENV=local")
    before = existing(checkout.control)
    command = checkout.shell("make acceptance ENV=local TENANT=acme JSON=1")
    assert command.returncode == 0, command.stderr
    after = existing(checkout.control)
    [evidence] = (checkout.root / "evidence").iterdir()
    return Run(checkout, json.loads(command.stdout), command.stderr, before, after, evidence)


def test_every_fact_is_as_documented_or_only_aws_can_tell_it(run):
    results = {entry["name"]: entry["result"] for entry in run.data["checks"]}
    assert results.keys() == {check.name for check in all_checks()}
    assert {name for name, result in results.items() if result != "ok"} == UNKNOWN_HERE
    assert {results[name] for name in UNKNOWN_HERE} == {"cannot tell"}


def test_it_says_what_it_costs_before_the_first_call(run):
    estimate = run.errors.index("At most 250 calls of the model")
    assert estimate < run.errors.index("1/59 settings")
    assert 10 < run.data["calls"] < 30


def test_nothing_is_left_in_either_account(run):
    assert run.after == run.before
    assert run.data["left"] == []


def test_the_prompt_is_stored_in_the_customer_account_alone(run):
    prompts = [entry["seen"] for entry in run.data["checks"] if entry["group"] == "records"]
    assert prompts
    text = run.evidence.read_text()
    assert not re.search(r"Say [a-z]{20}", text)
    logs = client(run.checkout.control, CUSTOMER, "logs")
    [prompt] = {
        match[0]
        for event in logs.filter_log_events(logGroupName="/bedrock/local/acme/records")["events"]
        if (match := re.search(r"Say [a-z]{20}", event["message"]))
    }
    assert list(run.checkout.control.search(prompt)) == [CUSTOMER]


def test_the_evidence_is_dated_for_its_owner_and_without_external_ids(run):
    assert re.fullmatch(r"local-acme-\d{4}-\d\d-\d\dT\d{6}Z\.md", run.evidence.name)
    assert stat.S_IMODE(run.evidence.stat().st_mode) == 0o600
    text = run.evidence.read_text()
    assert not [external_id for external_id in EXTERNAL_IDS if external_id in text]
    assert "55 facts are as documented, 0 differ, and 4 could not be observed." in text


def test_a_fact_that_differs_fails_the_command(run):
    """Here somebody has set data retention back."""
    bedrock = client(run.checkout.control, OPERATIONS, "bedrock")
    bedrock.put_account_data_retention(mode="inherit")
    try:
        command = run.checkout.shell("make acceptance ENV=local TENANT=acme")
    finally:
        bedrock.put_account_data_retention(mode="none")
    assert command.returncode == 2
    assert re.search(r"Bedrock's data retention +differs +Another in eu-central-1", command.stdout)
    assert existing(run.checkout.control) == run.before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("TENANT=acme PRICE=100", "choose an alias with a cheaper model"),
        ("TENANT=acme PRICE=nan", "write a price above 0"),
        ("TENANT=acme MODEL=nova", "acme has no model nova that is applied"),
        ("TENANT=globex", "is managed by its customer"),
    ],
)
def test_a_run_that_cannot_be_made_says_why(run, words, sentence):
    command = run.checkout.shell(f"make acceptance ENV=local {words}")
    assert command.returncode == 2
    assert sentence in command.stderr
