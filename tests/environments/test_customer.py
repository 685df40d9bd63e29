import json
import re

import pytest
from botocore.exceptions import ClientError

from tests.terraform import ENVIRONMENTS, LOCAL
from tools.command_error import CommandError
from tools.environment.hcl import hcl_attributes, read_hcl
from tools.environment.model import load_environment
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for
from tools.proof.planned_handover import planned_handovers
from tools.proof.saved_plan import sha256_of_json
from tools.release import release_version


def chosen(tenant, account_id):
    return LOCAL, f"-var=tenant={tenant}", f"-var=account_id={account_id}"


@pytest.fixture(scope="module")
def acme(handed_over):
    return handed_over.customer("acme", "222222222222").plan(*chosen("acme", "222222222222"))


@pytest.fixture(scope="module")
def unchanged(handed_over):
    """The operations plan as JSON after the apply."""
    return handed_over.operations().plan_json(LOCAL)


@pytest.fixture(scope="module")
def globex(handed_over):
    """The tenant's second account, which is in another Region."""
    return handed_over.customer("globex", "444444444444").plan(*chosen("globex", "444444444444"))


def test_both_sides_of_the_handshake_name_the_same_role_caller_and_external_id(acme, local):
    trust = local.policy('module.operations_role["acme"].aws_iam_role.this', "assume_role_policy")
    condition = trust["Statement"][0]["Condition"]
    settings = acme.variables_of("module.customer_workload.aws_lambda_function.this[0]")[
        "TENANT_BEDROCK"
    ]
    assert settings["role_arn"] == "arn:aws:iam::111111111111:role/bedrock-local-acme"
    assert condition["ArnEquals"]["aws:PrincipalArn"] == [acme.outputs["execution_role_arn"]]
    assert condition["StringEquals"]["sts:ExternalId"] == [settings["external_id"]]
    assert condition["StringEquals"]["sts:RoleSessionName"] == settings["tenant"]


def test_the_roots_with_their_own_providers_have_no_fault(acme, globex, unchanged):
    """The proof's own tests replace the providers, since only the local AWS can answer these."""
    for plan in (acme.json, globex.json):
        assert claims_for(plan_reader.read(plan)).faults == ()
    for state in (False, True):
        assert claims_for(plan_reader.read(unchanged, state=state)).faults == ()


def test_a_tenant_with_a_file_of_its_own_is_planned_as_with_the_map(acme, handed_over, tmp_path):
    """By plain Terraform."""
    variables = read_hcl(ENVIRONMENTS / "local" / "terraform.tfvars")
    (tmp_path / "tenants").mkdir()
    for name in ("acme", "initech"):
        stanza = hcl_attributes(variables["tenants"].pop(name))
        (tmp_path / "tenants" / f"{name}.tfvars").write_text(stanza)
    inputs = {**variables, "data_folder": str(tmp_path), "account_id": "222222222222"}
    root = handed_over.customer("acme", "222222222222")
    plan = root.plan(**inputs, tenant="acme")
    assert plan.json["planned_values"] == acme.json["planned_values"]
    [fault] = claims_for(plan_reader.read(plan.json)).faults  # its variables have no stanza
    assert fault.problem == "no stanza of local has the account 222222222222 for the tenant acme"
    refusal = root.refuses(**inputs, tenant="umbrella")
    assert 'There is no tenant "umbrella"; add its stanza to environments/local, or' in refusal
    assert "use one of acme, globex, initech." in refusal


def test_an_operations_plan_without_changes_has_exactly_what_was_handed_over(
    unchanged, handed_over
):
    """The hashes too, by which an apply decides whether a customer's plan still fits."""
    bucket = handed_over.bucket_as(handed_over.operations_keys)
    planned = planned_handovers(unchanged)
    assert planned.keys() == bucket.tenants_with_handover()
    for tenant, handover in planned.items():
        assert handover.unknown == ()
        assert sha256_of_json(handover.content) == sha256_of_json(bucket.handover(tenant))


def test_the_execution_role_may_assume_the_role_that_was_handed_over(acme):
    policy = json.loads(acme.granted("module.customer_workload.aws_iam_role.execution[0]"))
    assert policy["Statement"][0]["Resource"] == "arn:aws:iam::111111111111:role/bedrock-local-acme"


def test_the_settings_hold_the_models_of_the_tenant(acme):
    settings = acme.variables_of("module.customer_workload.aws_lambda_function.this[0]")[
        "TENANT_BEDROCK"
    ]
    assert settings["models"] == {
        "claude": {
            "base_model_id": "anthropic.claude-haiku-4-5-20251001-v1:0",
            "count_tokens": False,
            "fallbacks": ["nova"],
            "model": "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
            "regions": ["eu-central-1", "eu-west-1"],
            "streaming": True,
        },
        "nova": {
            "base_model_id": "amazon.nova-lite-v1:0",
            "count_tokens": False,
            "fallbacks": [],
            "model": "eu.amazon.nova-lite-v1:0",
            "regions": ["eu-central-1"],
            "streaming": True,
        },
    }


def test_the_function_of_a_tracked_tenant_calls_through_the_profile_that_was_made(handed_over):
    root = handed_over.customer("initech", "555555555555")
    planned = root.plan(*chosen("initech", "555555555555"))
    settings = planned.variables_of("module.customer_workload.aws_lambda_function.this[0]")
    model = settings["TENANT_BEDROCK"]["models"]["claude"]
    assert model["model"].startswith(
        "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/"
    )
    assert model["base_model_id"] == "anthropic.claude-haiku-4-5-20251001-v1:0"
    assert settings["TENANT_BEDROCK"]["quota"]["max_tokens_per_call"] == 4096


def test_everything_is_tagged_with_tenant_and_environment(acme):
    group = acme.resource("module.customer_workload.aws_cloudwatch_log_group.records")
    assert group["tags_all"] == {
        "environment": "local",
        "managed-by": "terraform",
        "tenant": "acme",
    }


def test_outputs_say_what_to_invoke_and_where_to_read(globex):
    assert globex.outputs == {
        "execution_role_arn": "arn:aws:iam::444444444444:role/bedrock-local-globex-execution",
        "function_name": "bedrock-local-globex",
        "reader_role_arn": "arn:aws:iam::444444444444:role/bedrock-local-globex-reader",
        "record_log_group": "/bedrock/local/globex/records",
        "region": "eu-west-1",
        "version": release_version(),
        "vpc_endpoint_ids": {},
    }


def test_terraform_works_in_the_customer_account_as_its_deployer(acme, handed_over):
    assumed = handed_over.control.calls(
        service="sts", action="sts:AssumeRole", account="111111111111"
    )
    assert {call.resource for call in assumed} >= {
        "arn:aws:iam::222222222222:role/terraform-deployer"
    }


def test_the_deployer_cannot_be_assumed_with_another_external_id(handed_over):
    """A confused deputy would pass the ExternalId of another tenant."""
    root = handed_over.customer("acme", "222222222222")
    text = (root.path.parent / "local" / "terraform.tfvars").read_text()
    minted = load_environment("local").stanzas["acme"]["deployer"]["external_id"]
    (root.path / "confused.tfvars").write_text(text.replace(minted, "0123456789abcdef" * 2))
    refusal = root.refuses("-var-file=confused.tfvars", *chosen("acme", "222222222222")[1:])
    assert "Cannot assume IAM Role" in refusal


def test_a_tenant_without_a_deployer_is_refused(handed_over):
    root = handed_over.customer("acme", "222222222222")
    text = (root.path.parent / "local" / "terraform.tfvars").read_text()
    (root.path / "undeployed.tfvars").write_text(re.sub(r"\n +deployer += .*", "", text))
    refusal = root.refuses("-var-file=undeployed.tfvars", *chosen("acme", "222222222222")[1:])
    assert (
        'Tenant "acme" has no deployer; write deployer = { external_id = "…" } in its stanza, with '
        "an ExternalId from `openssl rand -hex 16`, and have the customer apply what `make "
        "deployer` prints."
    ) in refusal


def test_an_account_that_its_customer_manages_is_refused(handed_over):
    root = handed_over.customer("acme", "222222222222")
    text = (root.path.parent / "local" / "terraform.tfvars").read_text()
    managed = text.replace('"222222222222" = {', '"222222222222" = { managed_by = "customer",', 1)
    (root.path / "managed.tfvars").write_text(managed)
    refusal = root.refuses("-var-file=managed.tfvars", *chosen("acme", "222222222222")[1:])
    assert "The account 222222222222 is managed by its customer" in refusal


def test_an_unknown_tenant_is_refused(handed_over):
    root = handed_over.customer("acme", "222222222222")
    assert (
        'There is no tenant "hooli"; add its stanza to environments/local, or '
        "use one of acme, globex, initech."
    ) in root.refuses(*chosen("hooli", "222222222222"))


def test_an_account_of_another_tenant_is_refused(handed_over):
    root = handed_over.customer("acme", "222222222222")
    assert (
        'Tenant "acme" has no account 333333333333; add it to the stanza\'s accounts, or use one '
        "of 222222222222."
    ) in root.refuses(*chosen("acme", "333333333333"))


def test_a_customer_root_reads_no_state_but_its_own_and_the_hand_over_of_its_tenant(
    acme, handed_over
):
    [deployment] = {
        call.principal_arn
        for call in handed_over.control.calls(service="s3")
        if call.principal_arn.endswith("user/deploys-acme")
    }
    calls = handed_over.control.calls(service="s3", principal_arn=deployment)
    bucket = f"arn:aws:s3:::{handed_over.environment.backend['bucket']}"
    objects = {call.resource for call in calls} - {bucket}
    assert f"{bucket}/handovers/acme.json" in objects
    assert {path.removeprefix(bucket).split("/")[1:3][-1] for path in objects} <= {
        "acme",
        "acme.json",
    }
    assert all(call.allowed for call in calls)


@pytest.mark.parametrize("widened", [False, True], ids=["as documented", "with all of S3"])
def test_a_tenants_deployment_is_refused_what_belongs_to_others(handed_over, widened):
    """The bucket's policy refuses it even if the identity's own policies allow all of S3."""
    keys = handed_over.deployment_of("acme")
    if widened:
        all_of_s3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        policies = [{"Version": "2012-10-17", "Statement": [all_of_s3]}]
        operations = handed_over.environment.operations_account_id
        handed_over.control.account(operations, user="deploys-acme", policies=policies)
    others = (
        "operations.tfstate",
        "handovers/globex.json",
        "customers/globex/k.applied.json",
        "customers/globex/k.tfstate",
    )
    bucket = handed_over.environment.backend["bucket"]
    s3 = handed_over.client("s3", keys)
    administrator = handed_over.client("s3", handed_over.operations_keys)
    for key in others[2:]:
        administrator.put_object(Bucket=bucket, Key=key, Body=b"{}")
    assert s3.get_object(Bucket=bucket, Key="handovers/acme.json")
    for key in others:
        assert administrator.get_object(Bucket=bucket, Key=key)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=bucket, Key=key)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="handovers/acme.json", Body=b"{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_bucket_policy(Bucket=bucket)
    with pytest.raises(CommandError, match="cannot be read"):
        handed_over.bucket_as(keys).handover("globex")


def test_a_tenants_deployment_stores_with_what_it_applied_an_account(handed_over):
    bucket = handed_over.bucket_as(handed_over.deployment_of("acme"))
    key = "customers/acme/999999999999.tfstate"
    state = {"Bucket": bucket.name, "Key": key}
    handed_over.client("s3", handed_over.operations_keys).put_object(**state, Body=b"{}")
    etag = bucket.etags(key)[key]
    bucket.write_applied_record(key, "digest", etag)
    assert bucket.applied_records([key]) == {key: {"inputs_sha256": "digest", "state_etag": etag}}
    bucket.clear_applied_record(key)
    assert bucket.applied_records([key]) == {}
    handed_over.client("s3", handed_over.operations_keys).delete_object(**state)


def test_a_hand_over_holds_the_external_id_of_its_tenant_only(handed_over):
    bucket = handed_over.bucket_as(handed_over.operations_keys)
    stanzas = handed_over.environment.stanzas
    for tenant in stanzas:
        text = json.dumps(bucket.handover(tenant))
        minted = {
            name for name, stanza in stanzas.items() if stanza["external_ids"]["current"] in text
        }
        assert minted == {tenant}


def test_a_workload_that_cannot_be_is_refused(handed_over):
    root = handed_over.customer("acme", "222222222222")
    assert "There is no zip at missing.zip; build it with `make package` first." in root.refuses(
        "-var=package_path=missing.zip", *chosen("acme", "222222222222")
    )


def test_the_package_built_for_the_architecture_is_the_default(acme):
    function = acme.resource("module.customer_workload.aws_lambda_function.this[0]")
    assert function["filename"].endswith("/build/tenant-bedrock-arm64-py3.13.zip")


def test_credentials_of_another_account_are_refused(accounts):
    refusal = accounts.operations().refuses(
        LOCAL, operations={"account_id": "999999999999", "region": "eu-central-1"}
    )
    assert "AWS account ID not allowed: 111111111111" in refusal
