"""The capacity table: what is counted, against what, and for how many more tenants there is room."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.tools.live.account import OPERATIONS, Account
from tools.commands import capacity
from tools.environment.model import CustomerAccount, Environment
from tools.live.account_usage import AccountUsage
from tools.localaws.faults import FOREVER, Fault
from tools.localaws.local_aws import LocalAws
from tools.localaws.moto_state import backend
from tools.paths import ROOT

ENVIRONMENT = Environment(
    name="prod",
    operations_account_id="111111111111",
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(
        CustomerAccount("acme", "222222222222", "eu-central-1"),
        CustomerAccount("globex", "333333333333", "eu-central-1"),
        CustomerAccount("globex", "444444444444", "eu-west-1"),
    ),
    stanzas={},
    backend={},
)
NOVA = {
    "base_model_id": "amazon.nova-lite-v1:0",
    "fallbacks": [],
    "model": "amazon.nova-lite-v1:0",
    "regions": ["eu-central-1"],
    "streaming": True,
}


def handover(tenant, models):
    return {
        "external_id": "269170463fdc32af10a91e67a8fd77bd",
        "guardrail": None,
        "models": models,
        "quota": {"tokens_per_day": 1000000},
        "regions": ["eu-central-1"],
        "role_arn": f"arn:aws:iam::111111111111:role/bedrock-prod-{tenant}",
        "state": "active",
    }


def plan(profiles, policy_sizes, handovers, tenants=2):
    """What `terraform show -json` tells of one shard, as far as it is read."""
    return {
        "output_changes": {
            "capacity": {
                "after": {
                    "inference_profiles": {"limit": 1000, "used": profiles},
                    "policy_limits": {"permissions": 10240, "trust": 2048},
                    "policy_sizes": policy_sizes,
                    "roles": {"limit": 1000, "used": tenants},
                }
            },
            "handover": {"after": handovers},
        },
    }


def plans(profiles=3):
    """Two tenants, each in a shard of its own."""
    return [
        plan(
            profiles,
            {"acme": {"permissions": 900, "trust": 400}},
            {"acme": handover("acme", {"nova": NOVA})},
        ),
        plan(
            profiles,
            {"globex": {"permissions": 300, "trust": 512}},
            {"globex": handover("globex", {"nova": NOVA, "claude": NOVA})},
        ),
    ]


@pytest.fixture
def limits():
    return {limit.name: limit for limit in capacity.find_limits(ENVIRONMENT, plans())}


def test_every_role_less_than_the_limit_is_room_for_a_tenant(limits):
    roles = limits["roles in the account"]
    assert (roles.used, roles.limit, roles.more_tenants) == (2, 1000, 998)


def test_more_tenants_are_limited_by_their_average_use_of_profiles(limits):
    profiles = limits["inference profiles in eu-central-1"]
    assert (profiles.used, profiles.more_tenants) == (3, 997 * 2 // 3)


def test_without_profiles_they_are_no_limit_to_tenants():
    profiles = capacity.find_limits(ENVIRONMENT, plans(profiles=0))[1]
    assert profiles.more_tenants is None


def test_a_policy_is_full_by_its_fullest_tenant(limits):
    trust = limits["trust policy, characters"]
    assert (trust.fullest_tenant, trust.used, trust.share) == ("globex", 512, 0.25)
    permissions = limits["inline policies with the denial of a suspension, characters"]
    assert (permissions.fullest_tenant, permissions.used) == ("acme", 900)


def test_the_hand_over_is_measured_as_lambda_would_count_it(limits):
    expected = json.dumps(
        {
            "audit": "best-effort",
            "content": "full",
            "environment": "prod",
            "external_id": "269170463fdc32af10a91e67a8fd77bd",
            "guardrail": None,
            "models": {"claude": NOVA, "nova": NOVA},
            "quota": {"tokens_per_day": 1000000},
            "record_log_group": "/bedrock/prod/globex/records",
            "role_arn": "arn:aws:iam::111111111111:role/bedrock-prod-globex",
            "tenant": "globex",
            "timeout": 300,
        },
        separators=(",", ":"),
    )
    variable = limits["TENANT_BEDROCK, bytes"]
    assert (variable.fullest_tenant, variable.limit) == ("globex", 4096)
    assert variable.used == len(f"TENANT_BEDROCK{expected}")


def test_a_profile_that_is_not_made_yet_counts_as_long_as_it_will_be():
    unknown = {name: value for name, value in NOVA.items() if name != "model"}
    settings = json.loads(
        capacity.settings_json(ENVIRONMENT, "acme", handover("acme", {"nova": unknown}))
    )
    assert settings["models"]["nova"]["model"] == (
        "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/000000000000"
    )


def test_the_table_names_the_room_left_and_where_the_limits_are_written(capsys):
    capacity.show(ENVIRONMENT, capacity.find_limits(ENVIRONMENT, plans()))
    printed = capsys.readouterr().out
    assert "664 more of the same kind fit" in printed
    assert "docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html" in printed


def test_an_environment_without_tenants_has_room_for_all():
    empty = replace(ENVIRONMENT, accounts=())
    found_limits = capacity.find_limits(empty, [plan(0, {}, {}, tenants=0)])
    assert [limit.share for limit in found_limits] == [0, 0, 0, 0, 0]
    assert found_limits[0].more_tenants == 1000


# --- what the account has ---

COUNTED = {"policies": 3, "policies_limit": 1500, "trust_policy_limit": 2048}


def change(type_, *actions):
    return {"type": type_, "change": {"actions": list(actions)}}


def by_name(usage, *changes):
    changed_plans = plans()
    changed_plans[0]["resource_changes"] = list(changes)
    return {limit.name: limit for limit in capacity.find_limits(ENVIRONMENT, changed_plans, usage)}


def test_what_others_made_in_the_account_counts_and_so_does_what_an_apply_adds():
    usage = AccountUsage(roles=950, roles_limit=1000, profiles=990, profiles_limit=1000, **COUNTED)
    limits = by_name(
        usage,
        change("aws_iam_role", "create"),
        change("aws_iam_role", "no-op"),
        change("aws_iam_role", "delete", "create"),
        change("aws_bedrock_inference_profile", "create"),
        change("aws_bedrock_inference_profile", "create"),
        change("aws_bedrock_inference_profile", "delete"),
    )
    roles = limits["roles in the account"]
    assert (roles.in_account, roles.used, roles.more_tenants) == (950, 951, 49)
    profiles = limits["inference profiles in eu-central-1"]
    assert (profiles.in_account, profiles.used, profiles.more_tenants) == (990, 991, 9 * 2 // 3)
    policies = limits["managed policies in the account"]
    assert (policies.used, policies.limit, policies.more_tenants) == (3, 1500, None)


@pytest.mark.parametrize(("quota", "limit"), [(800, 800), (5000, 1000)])
def test_the_lower_of_awss_quota_and_the_stated_limit_holds(quota, limit):
    usage = AccountUsage(roles=2, roles_limit=quota, **COUNTED)
    assert by_name(usage)["roles in the account"].limit == limit


def test_a_stated_limit_that_is_not_awss_is_named_with_what_to_write():
    usage = AccountUsage(roles_limit=800, profiles_limit=4000, trust_policy_limit=2048)
    roles, profiles = capacity.differing_limits(ENVIRONMENT, plans(), usage)
    assert roles == (
        "limits.roles is 1,000 in terraform.tfvars, and AWS's quota in account 111111111111 is 800: a plan accepts "
        "what AWS will refuse. Have AWS raise the quota, or write roles = 800 in limits."
    )
    assert profiles == (
        "limits.inference_profiles is 1,000 in terraform.tfvars, and AWS's quota in account 111111111111 is 4,000: a "
        "plan refuses what AWS would accept. Write inference_profiles = 4000 in limits."
    )
    equal = AccountUsage(roles_limit=1000, profiles_limit=1000, trust_policy_limit=2048)
    assert capacity.differing_limits(ENVIRONMENT, plans(), equal) == []


class Capacity(Account):
    """The operations account and the command, with the plans of two tenants that are not applied."""

    def run(self, *options):
        """The exit code, the standard output and the errors of the command."""
        terraform = SimpleNamespace(plan_json=self.plans.__getitem__)
        session = SimpleNamespace(
            environment=self.environment,
            target=self.target,
            terraform=terraform,
            operations_states=lambda: range(len(self.plans)),
        )
        self.monkeypatch.setattr(capacity, "open_session", lambda _: session)
        self.monkeypatch.setattr("sys.argv", ["capacity", "--env=prod", *options])
        code = capacity.main()
        printed = self.capsys.readouterr()
        return code, printed.out, " ".join(printed.err.split())

    def printed_limits(self):
        """The exit code and the limits by name, from JSON."""
        code, printed, _ = self.run("--json")
        report = json.loads(printed)
        assert report["counted"] == "account"
        return code, {limit["name"]: limit for limit in report["limits"]}


@pytest.fixture
def account(monkeypatch, capsys):
    with LocalAws() as cloud:
        account = Capacity(cloud, monkeypatch, ENVIRONMENT)
        account.capsys = capsys
        account.plans = plans()
        account.plans[0]["resource_changes"] = [change("aws_iam_role", "create")]
        account.plans[1]["resource_changes"] = [change("aws_iam_role", "create")]
        yield account


def add_role(account, name):
    trust = {"Version": "2012-10-17", "Statement": []}
    iam = account.target.client(account.target.operations(), "iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))


def test_the_command_counts_what_iam_and_bedrock_say(account):
    for number in range(5):
        add_role(account, f"team-{number}")
    client = account.target.client(account.target.operations(), "bedrock", "eu-central-1")
    source = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
    client.create_inference_profile(inferenceProfileName="theirs", modelSource={"copyFrom": source})
    code, limits = account.printed_limits()
    roles, profiles = limits["roles in the account"], limits["inference profiles in eu-central-1"]
    assert code == 0
    assert (roles["in_account"], roles["used"], roles["limit"]) == (5, 7, 1000)
    assert (profiles["in_account"], profiles["limit"]) == (1, 1000)


def test_an_account_that_others_fill_has_no_room_although_the_stanzas_have(account):
    backend("iam", OPERATIONS).account_summary._roles_quota = 6
    for number in range(5):
        add_role(account, f"team-{number}")
    code, limits = account.printed_limits()
    assert code == 1
    roles = limits["roles in the account"]
    assert (roles["used"], roles["limit"], roles["more_tenants"]) == (7, 6, 0)


def test_a_quota_that_aws_raised_is_told_with_what_to_write(account):
    client = account.target.client(account.target.operations(), "service-quotas", "eu-central-1")
    quota = {"ServiceCode": "bedrock", "QuotaCode": "L-40EC9882"}
    client.request_service_quota_increase(**quota, DesiredValue=3000)
    code, printed, errors = account.run()
    assert code == 0
    assert "Counted: all that account 111111111111 has" in " ".join(printed.split())
    assert "Write inference_profiles = 3000 in limits." in errors


def test_without_a_quota_of_the_account_awss_default_holds(account):
    fault = Fault(
        service="service-quotas",
        operation="GetServiceQuota",
        code="NoSuchResourceException",
        times=FOREVER,
    )
    account.cloud.control.fault(fault)
    code, limits = account.printed_limits()
    assert (code, limits["inference profiles in eu-central-1"]["limit"]) == (0, 1000)


def test_what_may_not_be_read_is_named_and_the_rest_is_counted(account):
    account.allow({"Action": ["bedrock:*", "servicequotas:*", "sts:*"]})
    code, printed, errors = account.run()
    assert code == 1
    assert "roles and policies of operations account 111111111111 could not be counted" in errors
    assert "iam:GetAccountSummary" in errors
    assert "OFFLINE=1" in errors
    assert "inference profiles in eu-central-1" in printed


# --- the stanzas alone ---


def test_offline_counts_the_stanzas_alone_and_asks_nobody(tmp_path):
    """Every address of AWS is a port at which nobody answers, and there are no credentials."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_CONFIG_FILE": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-m", "tools.commands.capacity", "--env=prod", "--offline"],
        cwd=ROOT,
        env={**inherited, **nobody, "COLUMNS": "240"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [re.split(r"  +", line.strip()) for line in done.stdout.splitlines()]
    assert ["roles in the account", "1", "1,000", "0.1%", "999"] in rows
    assert "Only the stanzas were counted" in done.stdout
