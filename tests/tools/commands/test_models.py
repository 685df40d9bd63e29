"""`make models` and the warning of `make plan`: what AWS says of the models, and what the stanzas get from it."""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.tools.live.account import Account
from tools.commands import models as command
from tools.environment import model as environment_model
from tools.environment.hcl import decode_hcl
from tools.environment.model import CustomerAccount, Environment
from tools.live.model_warning import warn_of_ends
from tools.localaws.faults import FOREVER, Fault
from tools.localaws.local_aws import LocalAws

LITE, PRO, SONNET = (
    "amazon.nova-lite-v1:0",
    "amazon.nova-pro-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
)
# The local AWS's profile eu. sends calls to these.
EUROPE = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"]
TFVARS = f"""\
environment = "dev"
operations = {{ account_id = "111111111111", region = "eu-central-1" }}
tenants = {{
  acme = {{
    accounts     = {{ "222222222222" = {{}} }}
    external_ids = {{ current = "957de22fad53ba4a185d28da6ab59943" }}
    models = {{
      nova = {{ model = "{LITE}", regions = ["eu-central-1", "eu-west-1"] }} # ours
      sonnet = {{
        model        = "{SONNET}"
        regions      = ["eu-central-1"]
        route        = "geographic"
        profile      = "eu."
        destinations = ["eu-central-1", "eu-north-1", "eu-south-1"]
      }}
    }}
  }}
  globex = {{
    accounts     = {{ "333333333333" = {{}} }}
    external_ids = {{ current = "f98f7c17e9867145035ca51382f4d295" }}
    models = {{
      nova = {{
        model    = "{LITE}"
        regions  = ["eu-central-1"]
        previous = {{ model = "{PRO}", regions = ["us-east-1"] }}
      }}
      world = {{ model = "{SONNET}", regions = ["eu-west-1"], route = "global" }}
      wide  = {{ model = "{LITE}", regions = ["eu-central-1"], route = "geographic", profile = "eu." }}
    }}
  }}
}}
"""
READ = (
    "bedrock:GetFoundationModel",
    "bedrock:GetFoundationModelAvailability",
    "bedrock:GetInferenceProfile",
)


def day(days):
    """A day from today as ISO 8601, in UTC."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


class Models(Account):
    """The operations account with its models, and the commands that read them."""

    def say(self, model, **settings):
        """Let the local AWS say something else of a model."""
        self.cloud.control.post("foundation_model", {"model": model, **settings})

    def ends(self, model, days, **settings):
        lifecycle = {"status": "LEGACY", "endOfLifeTime": f"{day(days)}T12:00:00Z"}
        self.say(model, lifecycle=lifecycle, **settings)

    def run(self, *options):
        """The exit code, the standard output and the errors of the command."""
        session = SimpleNamespace(environment=self.environment, target=self.target)
        self.monkeypatch.setattr(command, "open_session", lambda _, **__: session)
        self.monkeypatch.setattr("sys.argv", ["models", "--env=dev", *options])
        code = command.main()
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def rows(self, *options):
        """What the command says of each alias and Region, by both."""
        entries = json.loads(self.run("--json", *options)[1])
        return {(row["tenant"], row["alias"], row["region"]): row for row in entries}

    def warnings(self, tenants=None):
        """What a plan says of the models' ends."""
        warn_of_ends(self.target, tenants)
        return self.capsys.readouterr().err

    def stanza(self, tenant, alias):
        return self.environment.stanzas[tenant]["models"][alias]

    def write(self, text):
        """Put a text into the tfvars, and read the stanzas from it."""
        self.environment.tfvars.write_text(text)
        self.read()

    def read(self):
        stanzas = decode_hcl(self.environment.tfvars.read_bytes())["tenants"]
        self.environment = replace(self.environment, stanzas=stanzas)


@pytest.fixture(scope="module")
def variables():
    """What Terraform reads from the tfvars, once for all tests."""
    return decode_hcl(TFVARS.encode())


@pytest.fixture
def models(variables, tmp_path, monkeypatch, capsys):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "terraform.tfvars").write_text(TFVARS)
    monkeypatch.setattr(environment_model, "ENVIRONMENTS", tmp_path)
    operations, tenants = variables["operations"], deepcopy(variables["tenants"])
    environment = Environment(
        name="dev",
        operations_account_id=operations["account_id"],
        operations_region=operations["region"],
        deployer_role_name="terraform-deployer",
        accounts=tuple(
            CustomerAccount(tenant, account, operations["region"])
            for tenant, stanza in tenants.items()
            for account in stanza["accounts"]
        ),
        stanzas=tenants,
        backend={},
    )
    with LocalAws() as cloud:
        account = Models(cloud, monkeypatch, environment)
        account.capsys = capsys
        yield account


@pytest.fixture
def granted(models):
    """The same, after every destination is granted."""
    models.stanza("acme", "sonnet")["destinations"] = EUROPE
    return models


def test_all_is_well_while_every_model_lives_and_every_destination_is_granted(granted):
    code, table, errors = granted.run()
    assert (code, errors) == (0, "")
    lines = [line.split() for line in table.splitlines()]
    assert lines[1] == ["acme", "nova", "eu-central-1", LITE, "active", "yes", "-"]
    assert [
        "acme",
        "sonnet",
        "eu-central-1",
        f"eu.{SONNET}",
        "active",
        "yes",
        "as",
        "granted",
    ] in lines
    assert ["globex", "nova,", "previous", "us-east-1", PRO, "active", "yes", "-"] in lines
    assert [
        "globex",
        "world",
        "eu-west-1",
        f"global.{SONNET}",
        "active",
        "yes",
        "worldwide",
    ] in lines


def test_each_question_is_asked_once_however_many_aliases_have_the_model(granted):
    granted.run()
    # nova in two Regions for two tenants, its previous model, and sonnet in two Regions
    regions = ["eu-central-1", "eu-central-1", "eu-west-1", "eu-west-1", "us-east-1"]
    assert granted.calls(READ[0]) == granted.calls(READ[1]) == regions
    assert granted.calls(READ[2]) == ["eu-central-1", "eu-central-1", "eu-west-1"]


def test_it_reads_with_three_permissions_and_no_other(granted):
    granted.allow({"Action": [*READ, "sts:GetCallerIdentity"]})
    assert granted.run()[0] == 0


def test_what_may_not_be_read_is_named_and_fails(granted):
    for action in READ:
        granted.allow({"Action": [name for name in READ if name != action]})
        code, table, errors = granted.run("--tenant=acme")
        assert code == 1
        assert "not read" in table
        sentence = f"is not known: {action} in eu-central-1 failed with AccessDeniedException"
        assert sentence in " ".join(errors.split())


def test_a_model_that_ends_within_60_days_fails_and_one_that_ends_later_is_shown(granted):
    granted.ends(LITE, 60)
    granted.ends(SONNET, 61)
    code, table, errors = granted.run()
    assert code == 1
    assert f"legacy until {day(61)}" in table
    sentence = (
        f"{LITE} ends in eu-central-1 on {day(60)}, in 60 days; replace it with `make model`."
    )
    assert f"acme nova, globex nova, globex wide: {sentence}" in " ".join(errors.split())
    assert SONNET not in errors


def test_a_model_that_is_gone_in_one_region_fails_there(granted):
    def errors():
        code, _, errors = granted.run("--tenant=acme")
        assert code == 1
        assert "eu-central-1" not in errors
        return errors

    granted.say(LITE, region="eu-west-1", is_gone=True)
    assert f"acme nova: Bedrock does not know {LITE} in eu-west-1" in errors()
    for days in (-1, 0):
        granted.ends(LITE, days, region="eu-west-1")
        assert f"acme nova: {LITE} ended in eu-west-1 on {day(days)}" in errors()


def test_a_model_that_the_account_may_not_use_fails(granted):
    for availability, words in (
        ({"authorizationStatus": "NOT_AUTHORIZED"}, "not authorized"),
        ({"entitlementAvailability": "NOT_AVAILABLE"}, "no entitlement"),
        ({"agreementAvailability": {"status": "NOT_AVAILABLE"}}, "agreement not available"),
        ({"agreementAvailability": {"status": "PENDING"}}, "agreement pending"),
        ({"regionAvailability": "NOT_AVAILABLE"}, "not in this Region"),
    ):
        granted.say(PRO, availability=availability)
        code, table, errors = granted.run("--tenant=globex")
        assert code == 1
        assert words in table
        sentence = f"globex nova: The account may not use {PRO} in us-east-1 ({words});"
        assert sentence in " ".join(errors.split())


def test_a_profile_may_serve_a_model_that_is_not_in_the_region_of_the_call(granted):
    granted.say(SONNET, region="eu-central-1", availability={"regionAvailability": "NOT_AVAILABLE"})
    assert granted.run("--tenant=acme")[0] == 0
    granted.say(SONNET, region="eu-central-1", is_gone=True)
    assert granted.run("--tenant=acme")[0] == 0
    granted.say(SONNET, is_gone=True)
    granted.say(SONNET, region="eu-central-1", is_gone=True)
    assert granted.run("--tenant=acme")[0] == 1


def test_a_model_that_has_no_such_route_fails(granted):
    granted.stanza("globex", "world")["route"] = "on-demand"
    granted.stanza("globex", "wide")["regions"] = ["eu-south-2"]
    errors = granted.run()[2]
    assert (
        f"globex world: {SONNET} is called only through an inference profile in eu-west-1" in errors
    )
    assert f"globex wide: There is no profile eu.{LITE} in eu-south-2" in errors


def test_missing_and_superfluous_destinations_are_named_and_only_missing_ones_fail(models):
    code, table, errors = models.run("--tenant=acme")
    assert code == 1
    assert "missing eu-west-1, eu-west-3; superfluous eu-south-1" in table
    assert (
        f"acme sonnet: eu.{SONNET} also sends calls from eu-central-1 to eu-west-1, eu-west-3"
        in errors
    )
    code, table, errors = models.run("--tenant=globex")
    assert (code, errors) == (0, "")
    assert "superfluous eu-south-1, eu-south-2" in table


def test_write_puts_awss_destinations_into_the_stanzas_and_leaves_the_rest(models):
    code, printed, errors = models.run("--write")
    assert (code, errors) == (0, "")
    models.read()
    assert models.stanza("acme", "sonnet")["destinations"] == EUROPE
    assert models.stanza("globex", "wide")["destinations"] == EUROPE
    assert "Wrote the destinations of sonnet of acme: eu-central-1, eu-north-1" in printed
    assert "`make bootstrap ENV=dev`" in printed
    assert "asks for CONFIRM=" in printed
    written = models.environment.tfvars.read_text()
    before, after = (
        [line for line in text.splitlines() if "destinations" not in line and "wide" not in line]
        for text in (TFVARS, written)
    )
    assert before == after
    code, printed, errors = models.run("--write")
    assert (code, errors) == (0, "")
    assert "Nothing was written" in printed
    assert models.environment.tfvars.read_text() == written


def test_write_of_one_tenant_leaves_the_others_and_previous_models_are_written_too(models):
    old = f'{{ model = "{PRO}", regions = ["us-east-1"] }}'
    new = f'{{ model = "{PRO}", regions = ["us-east-1"], route = "geographic", profile = "us." }}'
    models.write(TFVARS.replace(old, new))
    models.run("--tenant=globex", "--write")
    models.read()
    previous = models.stanza("globex", "nova")["previous"]
    assert previous["destinations"] == ["us-east-1", "us-east-2", "us-west-2"]
    assert models.stanza("acme", "sonnet")["destinations"][-1] == "eu-south-1"


def test_destinations_are_not_written_while_one_region_cannot_be_read(models):
    models.cloud.control.fault(
        Fault(
            service="bedrock",
            operation="GetInferenceProfile",
            code="AccessDeniedException",
            status=403,
            times=FOREVER,
        )
    )
    code, printed, _ = models.run("--write")
    assert code == 1
    assert "Nothing was written" in printed
    assert models.environment.tfvars.read_text() == TFVARS


def test_json_tells_all_of_it(models):
    models.ends(LITE, 10)
    rows = models.rows("--tenant=acme")
    nova, sonnet = rows["acme", "nova", "eu-west-1"], rows["acme", "sonnet", "eu-central-1"]
    assert (nova["status"], nova["end"], nova["access"]) == ("LEGACY", day(10), "yes")
    assert sonnet["destinations"] == EUROPE
    assert sonnet["ungranted"] == ["eu-west-1", "eu-west-3"]
    assert sonnet["unused"] == ["eu-south-1"]
    assert len(sonnet["problems"]) == len(nova["problems"]) == 1


def test_json_stays_json_while_destinations_are_written(models):
    code, printed, errors = models.run("--write", "--json")
    assert (code, len(json.loads(printed))) == (0, len(models.rows()))
    assert "Wrote the destinations of sonnet of acme" in errors
    models.read()
    _, printed, errors = models.run("--write", "--json")
    assert json.loads(printed)
    assert "Nothing was written" in errors


def test_a_plan_warns_of_ends_with_one_question_for_each_model_and_region(granted):
    granted.ends(LITE, 59)
    granted.ends(SONNET, 61)
    printed = granted.warnings()
    assert f"{LITE} ends in eu-central-1 on {day(59)}, in 59 days" in printed
    assert SONNET not in printed
    assert len(granted.calls(READ[0])) == 5
    assert granted.calls(READ[1]) == granted.calls(READ[2]) == []


def test_a_plan_of_one_tenant_asks_about_its_models_only(granted):
    granted.ends(PRO, 5)
    assert granted.warnings(["acme"]) == ""
    assert "us-east-1" not in granted.calls(READ[0])
    assert f"globex nova: {PRO} ends in us-east-1" in granted.warnings(["globex"])


def test_a_plan_says_in_one_line_that_it_may_not_read_the_models(granted):
    granted.allow({"Action": "sts:*"})
    [line] = granted.warnings().splitlines()
    assert "Whether models end soon is not known for 5 of 5 models in their Regions" in line
    assert "bedrock:GetFoundationModel in eu-central-1 failed with AccessDeniedException" in line
