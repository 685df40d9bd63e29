"""The HCL of the documentation, planned by real Terraform."""

import pytest

from tests.docs.pages import blocks
from tests.terraform import MODULES


@pytest.mark.parametrize("block", blocks("plan", "stanza"), ids=str)
def test_a_stanza_plans(operations, tmp_path, block):
    tfvars = tmp_path / "terraform.tfvars"
    tfvars.write_text(
        'environment = "prod"\n'
        'operations  = { account_id = "111111111111", region = "eu-central-1" }\n'
        f"tenants = {{\n{block.text}}}\n"
    )
    planned = operations.plan(f"-var-file={tfvars}")
    assert 'module.operations_role["acme"].aws_iam_role.this' in planned.addresses


@pytest.mark.parametrize("block", blocks("plan", "tenant-file"), ids=str)
def test_a_file_of_a_tenant_plans(operations, tmp_path, block):
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "acme.tfvars").write_text(block.text)
    tfvars = tmp_path / "terraform.tfvars"
    tfvars.write_text(
        'environment = "prod"\n'
        'operations  = { account_id = "111111111111", region = "eu-central-1" }\n'
        "tenants     = {}\n"
    )
    planned = operations.plan(f"-var-file={tfvars}", f"-var=data_folder={tmp_path}")
    assert 'module.operations_role["acme"].aws_iam_role.this' in planned.addresses


@pytest.mark.parametrize("block", blocks("plan", "environment"), ids=str)
def test_an_environment_plans(operations, tmp_path, block):
    tfvars = tmp_path / "terraform.tfvars"
    tfvars.write_text(block.text)
    assert operations.accepts(f"-var-file={tfvars}")


@pytest.mark.parametrize("block", blocks("plan", "workload"), ids=str)
def test_a_module_call_plans(module_call, block):
    planned = module_call(block.text.replace('"./modules', f'"{MODULES}')).plan()
    function = planned.resource("module.customer_workload.aws_lambda_function.this[0]")
    assert function["function_name"] == "bedrock-prod-acme"
