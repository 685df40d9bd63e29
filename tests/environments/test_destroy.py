import pytest

from tests.terraform import LOCAL, role_resources
from tools.isolation import plan_reader
from tools.isolation.claims import claims_for

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
