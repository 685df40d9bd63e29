import json

import pytest


def test_makes_one_function_its_role_its_two_groups_and_their_key(plain):
    assert plain.addresses == {
        "aws_cloudwatch_log_group.function",
        "aws_cloudwatch_log_group.records",
        "aws_iam_role.execution",
        "aws_iam_role_policy.execution",
        "aws_kms_alias.records",
        "aws_kms_key.records",
        "aws_lambda_function.this",
    }


def test_the_function_runs_the_package_on_arm64_by_default(plain, given):
    function = plain.resource("aws_lambda_function.this")
    assert function["function_name"] == "bedrock-prod-acme"
    assert function["runtime"] == "python3.13"
    assert function["handler"] == "tenant_bedrock.handler.handler"
    assert function["architectures"] == ["arm64"]
    assert function["memory_size"] == 1024
    assert function["timeout"] == 300
    assert function["reserved_concurrent_executions"] == -1
    assert function["vpc_config"] == []
    assert function["filename"] == given["package_path"]
    # SHA-256 of an empty zip, in base64: the code changes when and only when the package does.
    assert function["source_code_hash"] == "hznHbmgfkAkjuQDJ3w73XPQh05yrtUZQxLmtGbanbYU="


def test_the_function_logs_json_at_levels_that_are_both_set(plain):
    assert plain.resource("aws_lambda_function.this")["logging_config"] == [
        {
            "application_log_level": "INFO",
            "log_format": "JSON",
            "log_group": "/aws/lambda/bedrock-prod-acme",
            "system_log_level": "INFO",
        }
    ]


def test_the_function_is_told_what_was_handed_over_and_where_its_records_go(plain):
    variables = plain.resource("aws_lambda_function.this")["environment"][0]["variables"]
    assert {name: json.loads(value) for name, value in variables.items()} == {
        "TENANT_BEDROCK": {
            "environment": "prod",
            "external_id": "269170463fdc32af10a91e67a8fd77bd",
            "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
            "record_log_group": "/bedrock/prod/acme/records",
            "role_arn": "arn:aws:iam::111111111111:role/bedrock-prod-acme",
            "tenant": "acme",
        }
    }


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("aws_cloudwatch_log_group.function", "/aws/lambda/bedrock-prod-acme"),
        ("aws_cloudwatch_log_group.records", "/bedrock/prod/acme/records"),
    ],
)
def test_both_groups_are_standard_kept_a_year_and_left_by_a_destroy(plain, group, name):
    planned = plain.resource(group)
    assert planned["name"] == name
    assert planned["log_group_class"] == "STANDARD"
    assert planned["retention_in_days"] == 365
    assert planned["skip_destroy"] is True


@pytest.mark.parametrize("group", ["function", "records"])
def test_both_groups_are_encrypted_with_the_key(plain, group):
    assert plain.references(f"aws_cloudwatch_log_group.{group}", "kms_key_id") == {
        "aws_kms_key.records.arn",
        "aws_kms_key.records",
    }


def test_the_key_rotates_and_waits_thirty_days_before_it_goes(plain):
    key = plain.resource("aws_kms_key.records")
    assert key["enable_key_rotation"] is True
    assert key["deletion_window_in_days"] == 30
    assert plain.resource("aws_kms_alias.records")["name"] == "alias/bedrock-prod-acme"


def test_the_settings_given_are_the_settings_used(full):
    function = full.resource("aws_lambda_function.this")
    assert function["architectures"] == ["x86_64"]
    assert function["memory_size"] == 2048
    assert function["timeout"] == 900
    assert function["reserved_concurrent_executions"] == 20
    assert function["vpc_config"][0]["subnet_ids"] == ["subnet-1", "subnet-2"]
    assert function["vpc_config"][0]["security_group_ids"] == ["sg-1"]
    assert full.resource("aws_cloudwatch_log_group.records")["retention_in_days"] == 3653
    assert full.resource("aws_cloudwatch_log_group.function")["retention_in_days"] == 3653


@pytest.mark.parametrize("role", ["aws_iam_role.execution", "aws_iam_role.reader[0]"])
def test_the_boundary_is_on_both_roles(full, role):
    assert (
        full.resource(role)["permissions_boundary"]
        == "arn:aws-cn:iam::222222222222:policy/boundary"
    )


def test_outputs_are_known_before_apply(full):
    assert full.outputs == {
        "execution_role_arn": "arn:aws-cn:iam::222222222222:role/bedrock-prod-acme-execution",
        "function_name": "bedrock-prod-acme",
        "reader_role_arn": "arn:aws-cn:iam::222222222222:role/bedrock-prod-acme-reader",
        "record_log_group": "/bedrock/prod/acme/records",
        "region": "cn-north-1",
    }
