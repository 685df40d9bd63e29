"""`make deployer`: what a customer receives."""

import json
import re
from dataclasses import replace

import pytest

from tests.terraform import MODULES, OFFLINE_PROVIDER, Folder, folder_of
from tools.command_error import CommandError
from tools.commands import deployer
from tools.environment.model import load_environment
from tools.terraform.deployer_role import deployer_roles


@pytest.fixture
def printed(monkeypatch, capsys):
    """What the command prints for the example tenant of an environment."""

    def run(environment, *options):
        arguments = ["deployer", f"--env={environment}", "--tenant=example", *options]
        monkeypatch.setattr("sys.argv", arguments)
        assert deployer.main() == 0
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("environment", "boundary"),
    [("prod", "workload-boundary"), ("dev", "bedrock-dev-example-boundary")],
)
def test_the_template_has_the_role_and_the_boundary_of_the_stanza_or_of_the_default(
    printed, environment, boundary
):
    resources = json.loads(printed(environment, "--json"))["Resources"]
    assert resources["DeployerRole"]["Properties"]["RoleName"] == "terraform-deployer"
    assert resources["WorkloadBoundary"]["Properties"]["ManagedPolicyName"] == boundary


def test_the_module_call_plans_and_gives_the_same_policies_as_the_template(printed, tmp_path):
    call, _, template = printed("prod").partition("# Or, without Terraform")
    call = re.sub(r'source = ".*"', f'source = "{MODULES / "customer-deployer"}"', call)
    files = {"main.tf": call, "provider.tf": OFFLINE_PROVIDER}
    plan = Folder(folder_of(tmp_path / "root", [], files)).init().plan()
    role = json.loads(template.split("\n", 1)[1])["Resources"]["DeployerRole"]["Properties"]
    address = "module.customer_deployer.aws_iam_role.this"
    assert plan.policy(address, "assume_role_policy") == role["AssumeRolePolicyDocument"]
    assert json.loads(plan.granted(address)) == role["Policies"][0]["PolicyDocument"]


def test_a_role_that_is_wider_than_the_stanza_is_refused_with_a_counterexample():
    environment = load_environment("prod")
    (account,) = environment.accounts
    role = deployer_roles(environment, [account], print)[account]
    deployer.refuse_unless_proved(environment, account, role)
    wider = role.permissions.replace('function:bedrock-prod-example"', 'function:bedrock-prod-*"')
    assert wider != role.permissions
    documents = {**role.documents, "permissions": wider}
    with pytest.raises(CommandError, match="not proved") as refusal:
        deployer.refuse_unless_proved(environment, account, replace(role, documents=documents))
    assert "allow a request that the stanza does not grant" in str(refusal.value)
    assert environment.deployer_external_id("example") not in str(refusal.value)


def test_a_stanza_without_the_deployers_external_id_is_refused():
    environment = load_environment("dev")
    del environment.stanzas["example"]["deployer"]
    with pytest.raises(CommandError, match='Tenant "example" has no deployer.external_id'):
        deployer_roles(environment, environment.accounts, print)
