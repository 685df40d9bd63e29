"""What `make doctor` says of this machine and of the operations account: each fault beside a state that is well."""

import json
import socket
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from tests.tools.live.account import OPERATIONS, Account
from tools.cli.boto3_session import boto3_session
from tools.command_error import CommandError
from tools.environment.model import CustomerAccount, Environment, load_environment
from tools.localaws.faults import FOREVER, Fault
from tools.localaws.local_aws import LocalAws
from tools.readiness import operations_readiness as operations
from tools.readiness.customer_readiness import customer_checks
from tools.readiness.operator_access import _clock, credentials, network
from tools.readiness.readiness_check import CANNOT_TELL, OK, TO_DO, each
from tools.readiness.trail_readiness import trails

LITE = "amazon.nova-lite-v1:0"
NOVA = {"model": LITE, "regions": ["eu-central-1"]}
ENVIRONMENT = Environment(
    name="dev",
    operations_account_id=OPERATIONS,
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(
        CustomerAccount("acme", "222222222222", "eu-west-1"),
        CustomerAccount("globex", "333333333333", "eu-west-1"),
    ),
    stanzas={
        "acme": {"models": {"nova": NOVA, "other": NOVA}},
        "globex": {
            "models": {"world": {"model": LITE, "regions": ["us-east-1"], "route": "global"}}
        },
    },
    backend={
        "allowed_account_ids": [OPERATIONS],
        "bucket": f"bedrock-dev-state-{OPERATIONS}-eu-central-1-an",
        "region": "eu-central-1",
    },
)


class Operations(Account):
    """The operations account, its state bucket, and a session as the commands open it."""

    @property
    def session(self):
        target = self.target
        return SimpleNamespace(
            environment=self.environment, target=target, bucket=target.state_bucket()
        )

    @property
    def s3(self):
        return self.target.client(
            self.target.operations(), "s3", "eu-central-1", s3={"addressing_style": "path"}
        )

    def bedrock(self, region="eu-central-1"):
        return self.target.bedrock_clients([region])[region]

    def deny(self, action):
        """Allow everything but an action."""
        self.allow({"NotAction": action})

    def checks(self, look, *parameters):
        """What a step finds, by subject."""
        checks = each("part", lambda: look(self.session, *parameters))
        return {check.subject: check for check in checks}


@pytest.fixture
def account(monkeypatch):
    for name in ("AWS_PROFILE", "HTTPS_PROXY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with LocalAws() as cloud:
        account = Operations(cloud, monkeypatch, ENVIRONMENT)
        account.session.bucket.make()
        yield account


# --- this machine ---


def test_the_callers_own_identity_is_shown_beside_the_clock(account):
    identity, clock = credentials(account.session)
    assert (identity.status, clock.status) == (OK, OK)
    assert identity.state.startswith(f"arn:aws:iam::{OPERATIONS}:user/")


def test_credentials_of_another_account_are_shown_with_where_they_come_from(account):
    keys = account.cloud.control.account("222222222222")
    account.monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key_id)
    account.monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_access_key)
    identity, _ = credentials(account.session)
    assert identity.status == TO_DO
    assert identity.state.endswith("of account 222222222222")
    assert identity.advice == (
        f"Use credentials of the operations account {OPERATIONS}. These come from the keys in AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY."
    )


def test_keys_that_aws_does_not_know_are_something_to_do(account):
    account.monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    identity, clock = credentials(account.session)
    assert (identity.status, identity.state) == (TO_DO, "not usable")
    assert "Export new keys" in identity.advice
    assert f"of the operations account {OPERATIONS}" in identity.advice
    assert clock.status == OK  # the refusal has a time too


def test_a_token_whose_file_is_missing_is_something_to_do(account, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        account.monkeypatch.delenv(name)
    token = tmp_path / "token"
    account.monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    account.monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    account.monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    account.monkeypatch.setenv("AWS_ROLE_ARN", f"arn:aws:iam::{OPERATIONS}:role/pipeline")
    [check] = credentials(account.session)
    assert (check.subject, check.status) == ("credentials", TO_DO)
    assert f"{token}: No such file or directory. Credentials of AWS come from" in check.advice


def test_credentials_cannot_be_told_when_aws_does_not_answer(account):
    account.monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    account.monkeypatch.setenv("AWS_ENDPOINT_URL", closed_port())
    (identity,) = credentials(account.session)
    assert identity.status == CANNOT_TELL
    assert "Could not connect to the endpoint" in identity.advice


@pytest.mark.parametrize(
    ("minutes", "status", "state"),
    [
        (0, OK, "as AWS's"),
        (-10, TO_DO, "600 s ahead of AWS's"),
        (10, TO_DO, "600 s behind AWS's"),
    ],
)
def test_a_clock_that_is_wrong_is_something_to_do(minutes, status, state):
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    headers = {"date": format_datetime(now, usegmt=True)}
    (check,) = _clock({"ResponseMetadata": {"HTTPHeaders": headers}})
    assert check.status == status
    seconds = int(check.state.split()[0]) if minutes else 0
    assert (
        abs(seconds - abs(minutes) * 60) <= 2
    )  # as long as the test takes, and the header's rounding
    assert check.state.split(" s ")[-1] == state.split(" s ")[-1]


def test_an_answer_without_a_time_tells_nothing_of_the_clock():
    (check,) = _clock({})
    assert check.status == CANNOT_TELL


def closed_port():
    """A URL on loopback at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_an_endpoint_that_is_out_of_reach_is_named_and_the_others_counted(account):
    accounts = account.environment.accounts
    assert account.checks(network, accounts)["network"].state == "1 endpoint answers"
    url = closed_port()
    account.monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
    checks = account.checks(network, accounts)
    assert checks["network"].status == OK
    host = url.removeprefix("http://")
    assert checks[f"network to {host}"].status == TO_DO
    assert f"Allow HTTPS to {host}" in checks[f"network to {host}"].advice


def test_no_request_that_looks_for_endpoints_is_signed(account):
    before = len(account.cloud.control.calls())
    account.checks(network, account.environment.accounts)
    entries = account.cloud.control.calls()[before:]
    assert [entry.principal_arn for entry in entries] == [""] * len(entries)


def test_no_refusal_shows_the_external_id_that_sts_quotes(account):
    external_id = "5f0c9b1e7a3d4c62 b8e9d0f1a2b3c4d5"
    acme = {**ENVIRONMENT.stanzas["acme"], "deployer": {"external_id": external_id}}
    account.environment = replace(ENVIRONMENT, stanzas={**ENVIRONMENT.stanzas, "acme": acme})
    customer = account.cloud.control.account("222222222222")
    keys = {"AccessKeyId": customer.access_key_id, "SecretAccessKey": customer.secret_access_key}
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OPERATIONS}:root"},
        "Action": "sts:AssumeRole",
    }
    account.target.client(boto3_session("eu-central-1", keys=keys), "iam").create_role(
        RoleName=ENVIRONMENT.deployer_role_name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    message = f"1 validation error detected: Value '{external_id}' at 'externalId' failed to satisfy constraint"
    fault = Fault("sts", "AssumeRole", times=FOREVER, code="ValidationError", message=message)
    account.cloud.control.fault(fault)
    with pytest.raises(CommandError, match=r"Value '\(an ExternalId of acme\)' at 'externalId'"):
        account.target.deployer(ENVIRONMENT.accounts[0])


# --- the operations account ---


def test_a_bucket_that_is_missing_or_unprotected_is_something_to_do(account):
    checks = account.checks(operations.state_bucket)
    assert {check.status for check in checks.values()} == {OK}
    s3, bucket = account.s3, account.session.bucket.name
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    check = account.checks(operations.state_bucket)["state bucket"]
    assert (check.status, check.state) == (TO_DO, "Versioning is not enabled")
    assert account.checks(operations.unusable_bucket) == {}
    s3.delete_bucket(Bucket=bucket)
    check = account.checks(operations.unusable_bucket)["state bucket"]
    assert (check.status, check.state) == (TO_DO, "not usable")
    assert "`make bootstrap ENV=dev`" in check.advice


def test_a_lock_that_terraform_did_not_write_is_shown(account):
    s3, bucket = account.s3, account.session.bucket.name
    s3.put_object(Bucket=bucket, Key="operations.tfstate.tflock", Body=b"mine")
    check = account.checks(operations.state_bucket)["lock on operations.tfstate"]
    assert check.status == TO_DO
    assert check.state.startswith("held by something other than Terraform")


def test_a_role_that_may_not_be_read_tells_nothing_of_its_hand_over(account):
    check = account.checks(operations.handovers, ["acme"])["acme hand-over"]
    assert (check.status, check.state) == (TO_DO, "not applied yet")
    account.deny("iam:GetRole")
    check = account.checks(operations.handovers, ["acme"])["acme role"]
    assert check.status == CANNOT_TELL
    assert "Allow iam:GetRole" in check.advice


def test_a_model_is_shown_once_for_all_aliases_and_tenants_that_call_it(account):
    checks = account.checks(operations.models, ["acme", "globex"])
    assert list(checks) == [f"{LITE} in eu-central-1", f"global.{LITE} in us-east-1"]
    assert {check.status for check in checks.values()} == {OK}
    assert checks[f"{LITE} in eu-central-1"].state == "active, access"


def test_a_model_without_access_is_something_to_do(account):
    account.cloud.control.post(
        "foundation_model",
        {"model": LITE, "availability": {"authorizationStatus": "NOT_AUTHORIZED"}},
    )
    check = account.checks(operations.models, ["acme"])[f"{LITE} in eu-central-1"]
    assert check.status == TO_DO
    assert check.state == "active, access: not authorized"
    assert check.advice.startswith(f"For acme: The account may not use {LITE} in eu-central-1")


def test_a_model_that_may_not_be_read_tells_nothing(account):
    account.deny("bedrock:GetFoundationModel")
    check = account.checks(operations.models, ["acme"])[f"{LITE} in eu-central-1"]
    assert check.status == CANNOT_TELL
    assert "AccessDenied" in check.advice


def test_data_retention_is_to_be_none_in_each_granted_region(account):
    account.bedrock().put_account_data_retention(mode="none")
    checks = account.checks(operations.retention, ["acme"])
    assert [(check.subject, check.status) for check in checks.values()] == [
        ("data retention in eu-central-1", OK)
    ]
    account.bedrock().put_account_data_retention(mode="default")
    check = account.checks(operations.retention, ["acme"])["data retention in eu-central-1"]
    assert (check.status, check.state) == (TO_DO, "default")
    account.deny("bedrock:GetAccountDataRetention")
    check = account.checks(operations.retention, ["acme"])["data retention in eu-central-1"]
    assert check.status == CANNOT_TELL


def test_a_region_that_only_the_global_profile_may_use_is_named_when_it_cannot_be_read(account):
    account.deny("bedrock:GetAccountDataRetention")
    checks = account.checks(operations.retention, ["globex"])
    assert checks["data retention in us-east-1"].status == CANNOT_TELL
    elsewhere = checks["data retention elsewhere"]
    assert elsewhere.status == OK
    assert "ap-northeast-1" in elsewhere.state


def test_invocation_logging_in_the_operations_account_is_to_be_off(account):
    subject = "invocation logging in eu-central-1"
    assert account.checks(operations.invocation_logging, ["acme"])[subject].status == OK
    config = {"cloudWatchConfig": {"logGroupName": "calls", "roleArn": "arn:aws:iam::1:role/x"}}
    account.bedrock().put_model_invocation_logging_configuration(loggingConfig=config)
    check = account.checks(operations.invocation_logging, ["acme"])[subject]
    assert (check.status, check.state) == (TO_DO, "on")
    assert "delete-model-invocation-logging-configuration --region eu-central-1" in check.advice
    account.deny("bedrock:GetModelInvocationLoggingConfiguration")
    assert account.checks(operations.invocation_logging, ["acme"])[subject].status == CANNOT_TELL


def test_a_quota_that_is_used_up_is_something_to_do(account):
    checks = account.checks(operations.quotas)
    assert {check.status for check in checks.values()} == {OK}
    assert checks["inference profiles"].state == "0 of 1,000 used"
    quotas = account.target.client(account.target.operations(), "service-quotas", "eu-central-1")
    quotas.request_service_quota_increase(
        ServiceCode="bedrock", QuotaCode="L-40EC9882", DesiredValue=0
    )
    check = account.checks(operations.quotas)["inference profiles"]
    assert (check.status, check.state) == (TO_DO, "0 of 0 used")
    assert "`make capacity ENV=dev`" in check.advice


def test_a_quota_that_may_not_be_read_tells_nothing_and_the_others_are_shown(account):
    account.deny("servicequotas:*")
    checks = account.checks(operations.quotas)
    assert checks["quotas"].status == CANNOT_TELL
    assert checks["roles"].status == OK


def test_a_service_that_breaks_its_connections_takes_no_other_lines_away(account):
    account.monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    account.cloud.control.fault(Fault(service="s3", drop="before", times=FOREVER))
    checks = account.checks(operations.operations_checks, ["acme"])
    assert checks["state bucket"].status == CANNOT_TELL
    assert checks[f"{LITE} in eu-central-1"].status == OK
    assert checks["roles"].status == OK


# --- the customer accounts ---


def test_a_stanza_without_a_deployer_takes_no_other_accounts_lines_away(account):
    stanzas = deepcopy(load_environment("local").stanzas)
    stanzas["acme"].pop("deployer")
    stanzas["initech"]["accounts"]["555555555555"]["readers"] = ["nobody"]
    account.environment = replace(load_environment("local"), stanzas=stanzas)
    checks = account.checks(customer_checks, None)
    acme, initech = checks["acme/222222222222 deployer"], checks["initech/555555555555 deployer"]
    assert (acme.status, initech.status) == (TO_DO, TO_DO)
    assert "has no deployer.external_id in its stanza" in acme.advice
    assert "A reader is the full ARN of one user or role" in " ".join(initech.advice.split())
    for name in ("globex/333333333333", "globex/444444444444"):
        assert "There is none, or it does not admit you" in checks[f"{name} deployer"].state


# --- a trail ---

GUARDED = {"operations": {"guard": {}}}


def with_trail(account, **settings):
    """Let the account have a trail that logs, with these settings."""
    account.environment = replace(ENVIRONMENT, variables=GUARDED)
    place = {"LocationConstraint": "eu-central-1"}
    account.s3.create_bucket(Bucket="trail", CreateBucketConfiguration=place)
    trail = account.target.client(account.target.operations(), "cloudtrail")
    trail.create_trail(Name="all", S3BucketName="trail", **{"IsMultiRegionTrail": True, **settings})
    trail.start_logging(Name="all")
    return trail


def test_a_trail_that_logs_management_events_of_all_regions_is_well(account):
    with_trail(account)
    assert account.checks(trails)["trail"].status == OK
    account.deny("cloudtrail:DescribeTrails")
    (check,) = account.checks(trails).values()
    assert check.status == CANNOT_TELL


def test_without_such_a_trail_the_rules_about_access_are_told_nothing(account):
    trail = with_trail(account)
    trail.put_event_selectors(TrailName="all", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    assert account.checks(trails)["trail"].status == TO_DO
    trail.put_event_selectors(TrailName="all", EventSelectors=[{"ReadWriteType": "All"}])
    assert account.checks(trails)["trail"].status == OK
    trail.stop_logging(Name="all")
    check = account.checks(trails)["trail"]
    assert (check.status, check.state) == (TO_DO, "none logs management events of all Regions")
    assert "access_rules = false" in check.advice


def test_a_trail_of_one_region_is_not_enough(account):
    with_trail(account, IsMultiRegionTrail=False)
    assert account.checks(trails)["trail"].status == TO_DO


@pytest.mark.parametrize("guard", [None, {"access_rules": False}])
def test_no_trail_is_looked_for_where_no_rule_needs_one(account, guard):
    account.environment = replace(ENVIRONMENT, variables={"operations": {"guard": guard}})
    assert account.checks(trails) == {}
