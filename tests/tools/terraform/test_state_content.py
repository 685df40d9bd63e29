"""A state as Terraform stores it, and what in it must be completed in place."""

import json

import pytest

from tools.command_error import CommandError
from tools.terraform.healing import tainted
from tools.terraform.state_content import StateContent

PROVIDER = 'provider["registry.terraform.io/hashicorp/aws"]'


def resource(type_, name, *instances, module=None, mode="managed"):
    written = {"mode": mode, "type": type_, "name": name, "provider": PROVIDER}
    return {**written, **({"module": module} if module else {}), "instances": list(instances)}


def content(*resources, **parts):
    return StateContent.parse(
        json.dumps({"version": 4, "resources": list(resources), **parts}).encode()
    )


WORKLOAD = "module.customer_workload"
ROLE = 'module.operations_role["acme"]'
TAINTED = content(
    resource("aws_cloudwatch_log_group", "records", {"status": "tainted"}, module=WORKLOAD),
    resource("aws_cloudwatch_log_group", "function", {"attributes": {"id": "x"}}, module=WORKLOAD),
    resource(
        "aws_iam_role", "reader", {"index_key": "reader", "status": "tainted"}, module=WORKLOAD
    ),
    resource("aws_iam_role", "execution", {"index_key": 0, "status": "tainted"}, module=WORKLOAD),
    resource("aws_kms_key", "records", {"index_key": 0, "status": "tainted"}),
    resource("aws_lambda_function", "this", {"index_key": 0, "status": "tainted"}, module=WORKLOAD),
    resource("aws_iam_role", "this", {"status": "tainted"}, module=ROLE),
)


def test_what_holds_records_or_access_is_completed_in_place_and_a_function_is_replaced():
    assert tainted(TAINTED, ()) == [
        "module.customer_workload.aws_cloudwatch_log_group.records",
        'module.customer_workload.aws_iam_role.reader["reader"]',
        "module.customer_workload.aws_iam_role.execution[0]",
        "aws_kms_key.records[0]",
        'module.operations_role["acme"].aws_iam_role.this',
    ]


def test_an_apply_of_one_tenant_leaves_the_roles_of_others_alone():
    assert tainted(TAINTED, (ROLE,)) == [f"{ROLE}.aws_iam_role.this"]
    assert tainted(TAINTED, ('module.operations_role["ac"]',)) == []


def test_an_object_that_waits_to_be_destroyed_is_no_instance():
    assert content(resource("aws_iam_role", "this", {"deposed": "a1b2"})).addresses() == []


def test_reads_outputs_and_addresses_without_data_sources():
    state = content(
        resource("aws_partition", "current", {"attributes": {}}, mode="data"),
        resource("aws_iam_role", "this", {"attributes": {"name": "a"}}),
        outputs={"handover": {"value": {"acme": 1}, "type": "dynamic", "sensitive": True}},
    )
    assert state.outputs == {"handover": {"acme": 1}}
    assert state.addresses() == ["aws_iam_role.this"]
    [data, role] = state.prior_state()["values"]["root_module"]["resources"]
    assert data["address"] == "data.aws_partition.current"
    assert role["provider_name"] == "registry.terraform.io/hashicorp/aws"
    assert role["values"] == {"name": "a"}


def test_a_state_that_was_never_applied_is_empty():
    assert StateContent({}).addresses() == []
    assert StateContent({}).outputs == {}


def test_another_version_of_the_format_is_refused():
    with pytest.raises(CommandError, match="version 5 of Terraform's format"):
        StateContent.parse(b'{"version": 5}')
