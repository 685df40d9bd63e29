import json

import pytest

from tenant_bedrock import settings
from tests.terraform import role_resources
from tools.release import release_version


def test_makes_one_function_its_role_its_two_groups_and_their_key(plain):
    assert plain.addresses == {
        "aws_cloudwatch_log_group.function",
        "aws_cloudwatch_log_group.records",
        *role_resources("aws_iam_role.execution[0]"),
        "aws_kms_alias.records[0]",
        "aws_kms_key.records[0]",
        "aws_lambda_function.this[0]",
    }


def test_the_function_runs_the_package_on_arm64_by_default(plain, inputs):
    function = plain.resource("aws_lambda_function.this[0]")
    assert function["function_name"] == "bedrock-prod-acme"
    assert function["runtime"] == "python3.13"
    assert function["handler"] == "tenant_bedrock.handler.handler"
    assert function["architectures"] == ["arm64"]
    assert function["memory_size"] == 1024
    assert function["timeout"] == 300
    assert function["reserved_concurrent_executions"] == -1
    assert function["vpc_config"] == []
    assert function["filename"] == inputs["package_path"]
    # The SHA-256 of an empty zip in base64, so that the code changes exactly when the package does.
    assert function["source_code_hash"] == "hznHbmgfkAkjuQDJ3w73XPQh05yrtUZQxLmtGbanbYU="


def test_the_function_logs_json_at_levels_that_are_both_set(plain):
    assert plain.resource("aws_lambda_function.this[0]")["logging_config"] == [
        {
            "application_log_level": "INFO",
            "log_format": "JSON",
            "log_group": "/aws/lambda/bedrock-prod-acme",
            "system_log_level": "INFO",
        }
    ]


def test_the_settings_hold_the_hand_over_and_the_record_log_group(plain):
    variables = plain.resource("aws_lambda_function.this[0]")["environment"][0]["variables"]
    assert {name: json.loads(value) for name, value in variables.items()} == {
        "TENANT_BEDROCK": {
            "audit": "best-effort",
            "content": "full",
            "environment": "prod",
            "external_id": "269170463fdc32af10a91e67a8fd77bd",
            "guardrail": None,
            "models": {
                "nova": {
                    "base_model_id": "amazon.nova-lite-v1:0",
                    "count_tokens": False,
                    "fallbacks": [],
                    "model": "amazon.nova-lite-v1:0",
                    "regions": ["eu-central-1"],
                    "streaming": True,
                }
            },
            "quota": {
                "max_tokens_per_call": None,
                "requests_per_second": None,
                "tokens_per_day": None,
                "tokens_per_month": None,
            },
            "record_log_group": "/bedrock/prod/acme/records",
            "role_arn": "arn:aws:iam::111111111111:role/bedrock-prod-acme",
            "tenant": "acme",
            "timeout": 300,
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
        "local.key_arn",
    }


def test_both_groups_are_encrypted_with_the_customers_key_that_is_named(workload, inputs):
    key = "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    plan = workload.plan(**inputs, key_arn=key)
    for group in ("function", "records"):
        assert plan.resource(f"aws_cloudwatch_log_group.{group}")["kms_key_id"] == key
    assert not [address for address in plan.addresses if "aws_kms" in address]


def test_the_key_rotates_and_waits_thirty_days_before_it_goes(plain):
    key = plain.resource("aws_kms_key.records[0]")
    assert key["enable_key_rotation"] is True
    assert key["deletion_window_in_days"] == 30
    assert plain.resource("aws_kms_alias.records[0]")["name"] == "alias/bedrock-prod-acme"


def test_the_settings_given_are_the_settings_used(full):
    function = full.resource("aws_lambda_function.this[0]")
    assert function["architectures"] == ["x86_64"]
    assert function["memory_size"] == 2048
    assert function["timeout"] == 900
    assert function["reserved_concurrent_executions"] == 20
    assert function["vpc_config"][0]["subnet_ids"] == ["subnet-1", "subnet-2"]
    assert function["vpc_config"][0]["security_group_ids"] == ["sg-1"]
    assert full.resource("aws_cloudwatch_log_group.records")["retention_in_days"] == 3653
    assert full.resource("aws_cloudwatch_log_group.function")["retention_in_days"] == 3653


@pytest.mark.parametrize("role", ["aws_iam_role.execution[0]", 'aws_iam_role.reader["reader"]'])
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
        "version": release_version(),
        "vpc_endpoint_ids": None,  # made at apply
    }


@pytest.mark.parametrize("group", ["function", "records"])
def test_both_groups_mask_what_the_stanza_names(full, group):
    masking = full.resource(f'aws_cloudwatch_log_data_protection_policy.this["{group}"]')
    identifiers = [
        "arn:aws-cn:dataprotection::aws:data-identifier/BankAccountNumber-DE",
        "arn:aws-cn:dataprotection::aws:data-identifier/EmailAddress",
    ]
    audit, hide = json.loads(masking["policy_document"])["Statement"]
    assert audit["Operation"] == {"Audit": {"FindingsDestination": {}}}
    assert hide["Operation"] == {"Deidentify": {"MaskConfig": {}}}
    assert audit["DataIdentifier"] == hide["DataIdentifier"] == identifiers


def test_the_settings_hold_audit_and_content(full):
    function_settings = full.variables_of("aws_lambda_function.this[0]")["TENANT_BEDROCK"]
    assert (function_settings["audit"], function_settings["content"]) == ("required", "hashed")


def test_the_settings_hold_guardrail_quota_routes_and_fallbacks(full):
    function_settings = full.variables_of("aws_lambda_function.this[0]")["TENANT_BEDROCK"]
    assert function_settings["guardrail"] == {
        "arn": "arn:aws-cn:bedrock:cn-north-1:111111111111:guardrail/abc",
        "version": "1",
    }
    assert function_settings["quota"] == {
        "max_tokens_per_call": 4096,
        "requests_per_second": 0.5,
        "tokens_per_day": 1000000,
        "tokens_per_month": 20000000,
    }
    assert function_settings["models"]["nova"] == {
        "base_model_id": "amazon.nova-lite-v1:0",
        "count_tokens": True,
        "fallbacks": ["pro"],
        "model": "cn.amazon.nova-lite-v1:0",
        "regions": ["cn-north-1"],
        "streaming": False,
    }


def test_the_settings_say_where_the_use_is_told_only_if_a_quota_is_enforced(plain, full):
    settings_of = {
        name: plan.variables_of("aws_lambda_function.this[0]")["TENANT_BEDROCK"]
        for name, plan in (("plain", plain), ("full", full))
    }
    usage = {"parameter": "/bedrock/prod/usage/acme", "region": "cn-north-1"}
    assert settings_of["full"]["usage"] == usage
    assert "usage" not in settings_of["plain"]


def test_the_package_can_read_the_settings(full):
    function_settings = full.variables_of("aws_lambda_function.this[0]")["TENANT_BEDROCK"]
    assert settings.parse(json.dumps(function_settings)).quota.max_tokens_per_call == 4096


def test_a_vpc_that_is_named_has_an_endpoint_for_each_service_the_function_calls(full):
    for service in ("bedrock-runtime", "logs", "sts"):
        endpoint = full.resource(f'aws_vpc_endpoint.this["{service}"]')
        assert endpoint["service_name"] == f"cn.com.amazonaws.cn-north-1.{service}"
        assert endpoint["vpc_id"] == "vpc-0123456789abcdef0"
        assert endpoint["vpc_endpoint_type"] == "Interface"
        assert endpoint["private_dns_enabled"] is True
        assert endpoint["subnet_ids"] == ["subnet-1", "subnet-2"]
        assert endpoint["security_group_ids"] == ["sg-1"]


def test_there_is_no_endpoint_for_bedrock_in_a_region_without_a_model(workload, inputs):
    vpc = {"id": "vpc-0123456789abcdef0", "security_group_ids": ["sg-1"], "subnet_ids": ["s-1"]}
    planned = workload.plan(region="eu-west-3", **inputs, vpc=vpc)
    assert {name for name in planned.addresses if "endpoint" in name} == {
        'aws_vpc_endpoint.this["logs"]',
        'aws_vpc_endpoint.this["sts"]',
    }


def test_a_vpc_that_is_not_named_keeps_its_own_endpoints(workload, inputs):
    vpc = {"security_group_ids": ["sg-1"], "subnet_ids": ["subnet-1"]}
    planned = workload.plan(**inputs, vpc=vpc)
    assert not [name for name in planned.addresses if "endpoint" in name]


def test_offboarding_leaves_the_records_their_key_and_their_readers(workload, inputs):
    reader = "arn:aws:iam::222222222222:user/auditor"
    vpc = {"id": "vpc-0123456789abcdef0", "security_group_ids": ["sg-1"], "subnet_ids": ["s-1"]}
    planned = workload.plan(**inputs, readers=[reader], state="offboarding", vpc=vpc)
    assert planned.addresses == {
        "aws_cloudwatch_log_group.function",
        "aws_cloudwatch_log_group.records",
        *role_resources('aws_iam_role.reader["reader"]'),
        *role_resources("aws_iam_role.execution[0]"),
        "aws_kms_alias.records[0]",
        "aws_kms_key.records[0]",
    }
    assert planned.outputs["function_name"] is None
    # Lambda deletes the network interfaces with the rights of this role, which has no others.
    statements = json.loads(planned.granted("aws_iam_role.execution[0]"))["Statement"]
    assert [each["Sid"] for each in statements if each["Effect"] == "Allow"] == [
        "LambdaManagesItsNetworkInterfaces",
        "LambdaFindsItsNetworkInterfaces",
    ]


def test_offboarding_outside_a_vpc_leaves_no_execution_role(workload, inputs):
    assert "aws_iam_role.execution[0]" not in workload.plan(**inputs, state="offboarding").addresses


def test_the_tags_of_a_customer_are_on_every_resource_that_takes_tags(workload, inputs):
    vpc = {"id": "vpc-0123456789abcdef0", "security_group_ids": ["sg-1"], "subnet_ids": ["s-1"]}
    reader = "arn:aws:iam::222222222222:user/auditor"
    planned = workload.plan(**inputs, readers=[reader], tags={"cost-center": "7"}, vpc=vpc)
    resources = {address: planned.resource(address) for address in planned.addresses}
    taggable = {
        address: values["tags"] for address, values in resources.items() if "tags" in values
    }
    types = {address.split(".")[0] for address in resources.keys() - taggable.keys()}
    assert types == {
        "aws_iam_role_policies_exclusive",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachments_exclusive",
        "aws_kms_alias",
    }
    assert {tags["cost-center"] for tags in taggable.values()} == {"7"}


def test_a_suspended_tenant_keeps_its_function_which_can_tell_why(workload, inputs, plain):
    assert workload.plan(**inputs, state="suspended").addresses == plain.addresses


def test_more_than_lambda_takes_is_refused_with_the_tenants_name(workload, inputs):
    models = {f"model-{index:02}": inputs["models"]["nova"] for index in range(30)}
    refusal = workload.refuses(**{**inputs, "models": models})
    assert "Tenant acme: the settings of its function have" in refusal
    assert "more than the 4,096 that Lambda allows; grant fewer models." in refusal


@pytest.fixture(scope="module")
def snapped(workload, inputs):
    return workload.plan(**inputs, snap_start=True)


def test_snapshots_are_of_published_versions_behind_an_alias(snapped):
    function = snapped.resource("aws_lambda_function.this[0]")
    assert function["publish"] is True
    assert [block["apply_on"] for block in function["snap_start"]] == ["PublishedVersions"]
    alias = snapped.resource("aws_lambda_alias.live[0]")
    assert (alias["name"], alias["function_name"]) == ("live", "bedrock-prod-acme")
    assert snapped.outputs["function_name"] == "bedrock-prod-acme:live"


def test_without_snapshots_nothing_is_published(plain):
    function = plain.resource("aws_lambda_function.this[0]")
    assert function["publish"] is False
    assert function["snap_start"] == []
    assert plain.outputs["function_name"] == "bedrock-prod-acme"
