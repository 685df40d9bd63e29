import pytest

from tests.modules.provider_calls import CALLS
from tests.terraform import LOCAL, role_resources
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for
from tools.live.function_versions import delete_unused_versions
from tools.localaws.sts.sessions import Credentials
from tools.tenants.workload import FUNCTION

TENANT = (LOCAL, "-var=tenant=initech", "-var=account_id=555555555555")
WORKLOAD = {
    *role_resources("module.customer_workload.aws_iam_role.execution[0]"),
    "module.customer_workload.aws_lambda_function.this[0]",
}


@pytest.fixture(scope="module")
def applied(handed_over):
    """A customer account to which Terraform was applied with only the deployer's rights."""
    root = handed_over.customer("initech", "555555555555")
    root.apply(*TENANT)
    return root


def test_a_second_plan_changes_nothing_and_what_exists_has_no_fault(applied):
    """The plan and the state contain every value that AWS chooses."""
    planned = applied.plan(*TENANT)
    assert planned.changed == set()
    for state in (False, True):
        assert claims_for(plan_reader.read(planned.json, state=state)).faults == ()


def test_every_call_of_the_apply_is_in_the_table_of_the_providers_calls(applied, handed_over):
    deployer = ":assumed-role/terraform-deployer/"
    calls = [
        entry
        for entry in handed_over.control.calls(account="555555555555")
        if deployer in entry.principal_arn and entry.action != "sts:GetCallerIdentity"
    ]
    assert {"iam:CreateRole", "lambda:CreateFunction"} <= {entry.action for entry in calls}
    needed = {call.action for call in CALLS if not call.refusal}
    assert {entry.action for entry in calls} <= needed
    assert [entry for entry in calls if not entry.allowed] == []


def test_a_destroy_of_the_function_leaves_the_role_for_its_network_interfaces(applied):
    planned = applied.plan("-destroy", f"-target={FUNCTION}", *TENANT)
    assert planned.changed == {"module.customer_workload.aws_lambda_function.this[0]"}


@pytest.fixture
def function(applied, handed_over):
    """The deployer's client of Lambda, with the function in five versions."""
    environment = handed_over.environment
    keys = handed_over.deployment_of("initech")
    session = handed_over.client("sts", keys).assume_role(
        RoleArn=environment.role_arn("555555555555", environment.deployer_role_name),
        RoleSessionName="make",
        ExternalId=environment.deployer_external_id("initech"),
    )["Credentials"]
    client = handed_over.client(
        "lambda",
        Credentials(
            session["AccessKeyId"],
            session["SecretAccessKey"],
            session["SessionToken"],
            session["Expiration"],
        ),
    )
    for number in range(5):  # Lambda publishes only what has changed
        client.update_function_configuration(FunctionName=NAME, Description=str(number))
        client.publish_version(FunctionName=NAME)
    yield client
    for version in versions_of(client):
        client.delete_function(FunctionName=NAME, Qualifier=version)


NAME = "bedrock-local-initech"


def versions_of(client):
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=NAME)
    versions = [version["Version"] for page in pages for version in page["Versions"]]
    return [version for version in versions if version != "$LATEST"]


def test_versions_before_the_last_that_the_alias_had_are_deleted(function):
    *_, before, current, newer = versions_of(function)
    function.create_alias(FunctionName=NAME, Name="live", FunctionVersion=current)
    deleted = delete_unused_versions(function, NAME)
    assert len(deleted) == 2
    assert versions_of(function) == [before, current, newer]
    assert delete_unused_versions(function, NAME) == []
    function.update_function_configuration(FunctionName=NAME, Description="the sixth")
    published = function.publish_version(FunctionName=NAME)["Version"]
    assert int(published) == int(newer) + 1  # a number is never used again
    function.delete_alias(FunctionName=NAME, Name="live")


def test_versions_of_the_customers_own_aliases_stay(function):
    first, weighted, *_, current = versions_of(function)
    function.create_alias(FunctionName=NAME, Name="live", FunctionVersion=current)
    function.create_alias(FunctionName=NAME, Name="blue", FunctionVersion=first)
    weights = {"AdditionalVersionWeights": {weighted: 0.1}}
    function.create_alias(
        FunctionName=NAME, Name="green", FunctionVersion=first, RoutingConfig=weights
    )
    assert len(delete_unused_versions(function, NAME)) == 1
    assert {first, weighted, current} < {*versions_of(function)}
    function.delete_alias(FunctionName=NAME, Name="live")
    delete_unused_versions(function, NAME)
    assert versions_of(function) == [first, weighted]
    for alias in ("blue", "green"):
        function.delete_alias(FunctionName=NAME, Name=alias)


def test_without_the_alias_all_versions_are_deleted_and_the_function_stays(function):
    assert len(delete_unused_versions(function, NAME)) == 5
    assert versions_of(function) == []
    assert function.get_function(FunctionName=NAME)["Configuration"]["FunctionName"] == NAME


def test_a_destroy_of_everything_is_refused_for_the_sake_of_the_records(applied):
    """Terraform reports the groups; it does not get to the key, which they depend on."""
    refusal = applied.refuses("-destroy", *TENANT)
    for group in ("records", "function"):
        address = f"module.customer_workload.aws_cloudwatch_log_group.{group}"
        assert f"Resource {address} has lifecycle.prevent_destroy set" in refusal


def test_destroying_the_execution_role_takes_the_workload_and_leaves_records_key_and_reader(
    applied,
):
    planned = applied.plan(
        "-destroy", "-target=module.customer_workload.aws_iam_role.execution", *TENANT
    )
    assert planned.changed == WORKLOAD


def test_offboarding_takes_the_workload_and_leaves_records_key_and_reader(applied):
    leaving = applied.path / "leaving.tfvars"
    text = (applied.path.parent / "local" / "terraform.tfvars").read_text()
    leaving.write_text(text.replace("initech = {", 'initech = {\n    state = "offboarding"'))
    planned = applied.plan("-var-file=leaving.tfvars", *TENANT[1:])
    assert planned.changed == WORKLOAD
