"""Data retention: what bootstrap sets in which Regions, and when an apply is not done."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.tools.live.account import OPERATIONS, Account
from tools.commands import apply, bootstrap
from tools.environment.model import CustomerAccount, Environment
from tools.localaws.faults import FOREVER, Fault
from tools.localaws.local_aws import LocalAws
from tools.terraform.state import customer_state, operations_states

MODEL = "amazon.nova-lite-v1:0"
ENVIRONMENT = Environment(
    name="dev",
    operations_account_id=OPERATIONS,
    operations_region="eu-central-1",
    deployer_role_name="terraform-deployer",
    accounts=(
        CustomerAccount("acme", "222222222222", "eu-central-1"),
        CustomerAccount("globex", "333333333333", "eu-central-1"),
    ),
    stanzas={
        "acme": {
            "models": {
                "nova": {
                    "model": MODEL,
                    "regions": ["eu-west-1"],
                    "route": "geographic",
                    "profile": "eu.",
                    "destinations": ["eu-north-1"],
                    "previous": {"model": MODEL, "regions": ["eu-west-2"]},
                }
            }
        },
        "globex": {"models": {"nova": {"model": MODEL, "regions": ["us-east-1"]}}},
    },
    backend={},
)
REGIONS = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "us-east-1"]
READ, SET = "bedrock:GetAccountDataRetention", "bedrock:PutAccountDataRetention"


class RetentionAccount(Account):
    """The operations account, its data retention, and the two commands."""

    def set(self, mode, region):
        self.target.bedrock_clients([region])[region].put_account_data_retention(mode=mode)

    def modes(self, regions=REGIONS):
        clients = self.target.bedrock_clients(regions)
        return {clients[name].get_account_data_retention()["mode"] for name in regions}

    def bootstrap(self):
        """Run the command beside a bucket that exists; returns its lines and its error."""
        bucket = SimpleNamespace(make=lambda: False, name="state")
        session = SimpleNamespace(target=self.target, bucket=bucket)
        self.monkeypatch.setattr(bootstrap, "open_session", lambda _: session)
        self.monkeypatch.setattr("sys.argv", ["bootstrap", "--env=dev"])
        try:
            assert bootstrap.main() == 0
            error = ""
        except bootstrap.CommandError as problem:
            error = str(problem)
        return self.capsys.readouterr().out.splitlines()[1:], error

    def finish(self, states=None, failed=0):
        """End an apply of these states, or of all; returns its exit code and what it prints."""
        states = operations_states(self.environment) if states is None else states
        code = apply._finish(SimpleNamespace(target=self.target), states, failed)
        return code, self.capsys.readouterr().err


@pytest.fixture
def account(monkeypatch, capsys):
    with LocalAws() as cloud:
        account = RetentionAccount(cloud, monkeypatch, ENVIRONMENT)
        account.capsys = capsys
        yield account


def test_bootstrap_sets_none_in_every_region_of_the_stanzas_and_says_what_it_found(account):
    account.set("none", "eu-west-2")
    account.set("provider_data_share", "us-east-1")
    lines, error = account.bootstrap()
    assert error == ""
    assert lines == [
        "  Data retention in eu-central-1 was inherit and is none now.",
        "  Data retention in eu-north-1 was inherit and is none now.",
        "  Data retention in eu-west-1 was inherit and is none now.",
        "  Data retention in eu-west-2 is none already.",
        "  Data retention in us-east-1 was provider_data_share and is none now.",
    ]
    assert account.modes() == {"none"}
    assert account.modes(["eu-west-3"]) == {"inherit"}


def test_bootstrap_asks_each_region_once_and_changes_nothing_that_is_right(account):
    account.bootstrap()
    reads, changes = account.calls(READ), account.calls(SET)
    assert reads == changes == REGIONS
    lines, _ = account.bootstrap()
    assert [line.endswith("is none already.") for line in lines] == [True] * len(REGIONS)
    assert account.calls(READ) == sorted(2 * REGIONS)
    assert account.calls(SET) == REGIONS


def test_bootstrap_sets_every_region_of_bedrock_for_the_global_profile(account):
    model = {"model": MODEL, "regions": ["eu-central-1"], "route": "global"}
    account.environment = replace(ENVIRONMENT, stanzas={"acme": {"models": {"nova": model}}})
    lines, error = account.bootstrap()
    assert error == ""
    assert len(lines) > 25
    assert account.modes(["sa-east-1", "ap-south-1", "us-west-2"]) == {"none"}
    assert account.finish() == (0, "")


def test_bootstrap_names_a_region_that_it_may_not_set_and_sets_the_others(account):
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": "eu-north-1"}}
    account.allow({"Action": [READ, "sts:*"]}, {"Action": SET, "Condition": elsewhere})
    lines, error = account.bootstrap()
    assert len(lines) == len(REGIONS) - 1
    assert 'in eu-north-1 it is "inherit" and cannot be changed: AccessDeniedException' in error
    assert f"with {READ} and {SET}" in error
    assert "eu-west-1" not in error
    account.allow({"Action": "*"})
    assert account.modes([region for region in REGIONS if region != "eu-north-1"]) == {"none"}


def test_an_apply_is_done_where_nothing_is_kept(account):
    account.bootstrap()
    assert account.finish() == (0, "")
    assert account.finish(failed=1) == (1, "")


def test_an_apply_ends_with_the_region_where_another_mode_is_set(account):
    account.bootstrap()
    for mode in ("default", "inherit", "aws_review", "provider_data_share"):
        account.set(mode, "eu-north-1")
        code, printed = account.finish()
        assert code == 1
        assert f'in eu-north-1 it is "{mode}".' in printed
        assert "`make bootstrap ENV=dev`" in printed
        assert "eu-west-1" not in printed


def test_an_apply_ends_with_the_region_that_a_stanza_got_since(account):
    account.bootstrap()
    new = {"model": MODEL, "regions": ["us-east-1", "ap-south-1"]}
    stanzas = {**ENVIRONMENT.stanzas, "globex": {"models": {"nova": new}}}
    account.environment = replace(ENVIRONMENT, stanzas=stanzas)
    code, printed = account.finish()
    assert code == 1
    assert 'in ap-south-1 it is "inherit".' in printed


def test_an_apply_of_one_tenant_asks_only_where_its_calls_may_run(account):
    account.bootstrap()
    account.set("inherit", "us-east-1")
    acme, globex = map(customer_state, ENVIRONMENT.accounts)
    assert account.finish([acme]) == (0, "")
    assert account.finish(operations_states(ENVIRONMENT, "acme")) == (0, "")
    for states in ([globex], operations_states(ENVIRONMENT, "globex"), [acme, globex]):
        assert account.finish(states)[0] == 1


def test_an_apply_that_may_not_read_it_is_not_done(account):
    account.bootstrap()
    account.allow({"Action": "sts:*"})
    code, printed = account.finish()
    assert code == 1
    for region in REGIONS:
        assert f"in {region} it cannot be read: AccessDeniedException" in printed


def test_a_region_that_the_account_has_not_enabled_is_named_with_the_command(account):
    account.cloud.control.fault(
        Fault(service="bedrock", code="UnrecognizedClientException", status=403, times=FOREVER)
    )
    account.environment = replace(ENVIRONMENT, stanzas={})
    code, printed = account.finish()
    assert code == 1
    assert "run `aws account enable-region --region-name eu-central-1`" in printed


def test_regions_that_only_the_global_profile_uses_are_named_if_they_cannot_be_read(account):
    model = {"model": MODEL, "regions": ["eu-central-1"], "route": "global"}
    account.environment = replace(ENVIRONMENT, stanzas={"acme": {"models": {"nova": model}}})
    here = {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}
    account.allow({"Action": "sts:*"}, {"Action": [READ, SET], "Condition": here})
    lines, error = account.bootstrap()
    assert lines == ["  Data retention in eu-central-1 was inherit and is none now."]
    assert error == ""
    code, printed = account.finish()
    assert code == 0
    assert "Data retention is not known in af-south-1, ap-east-2" in printed
    assert "eu-central-1" not in printed
    account.allow({"Action": "*"})
    code, printed = account.finish()
    assert code == 1
    assert 'in us-west-2 it is "inherit"' in printed
