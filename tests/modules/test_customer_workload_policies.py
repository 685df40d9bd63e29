import json

import pytest

from tools.isolation import plan_reader


def test_the_function_assumes_one_role_writes_its_two_groups_and_may_not_touch_what_is_written(
    plain,
):
    assert json.loads(plain.granted("aws_iam_role.execution[0]")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AssumeOnlyTheTenantsRole",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": "arn:aws:iam::111111111111:role/bedrock-prod-acme",
            },
            {
                "Sid": "WriteRecordsAndTheFunctionsLog",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": [
                    (
                        "arn:aws:logs:eu-central-1:222222222222:"
                        "log-group:/aws/lambda/bedrock-prod-acme:log-stream:*"
                    ),
                    (
                        "arn:aws:logs:eu-central-1:222222222222:"
                        "log-group:/bedrock/prod/acme/records:log-stream:*"
                    ),
                ],
            },
            {
                "Sid": "NeverAlterReadOrCopyTheRecords",
                "Effect": "Deny",
                "NotAction": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": [
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/lambda/bedrock-prod-acme",
                    (
                        "arn:aws:logs:eu-central-1:222222222222:"
                        "log-group:/aws/lambda/bedrock-prod-acme:*"
                    ),
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/prod/acme/records",
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/prod/acme/records:*",
                ],
            },
            {
                "Sid": "NeverUseCloudWatchLogsElsewhere",
                "Effect": "Deny",
                "Action": "logs:*",
                "NotResource": [
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/lambda/bedrock-prod-acme",
                    (
                        "arn:aws:logs:eu-central-1:222222222222:"
                        "log-group:/aws/lambda/bedrock-prod-acme:*"
                    ),
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/prod/acme/records",
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/prod/acme/records:*",
                ],
            },
        ],
    }


def test_only_lambda_runs_as_the_execution_role(plain):
    assert plain.policy("aws_iam_role.execution[0]", "assume_role_policy") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LambdaRunsTheFunction",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }


def test_only_cloudwatch_logs_uses_the_key_and_only_for_the_two_groups(plain):
    use = plain.policy("aws_kms_key.records[0]")["Statement"][1]
    assert use == {
        "Sid": "CloudWatchLogsEncryptsOnlyTheseTwoGroups",
        "Effect": "Allow",
        "Principal": {"Service": "logs.eu-central-1.amazonaws.com"},
        "Action": [
            "kms:Decrypt*",
            "kms:Describe*",
            "kms:Encrypt*",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
        ],
        "Resource": "*",
        "Condition": {
            "ArnEquals": {
                "kms:EncryptionContext:aws:logs:arn": [
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/lambda/bedrock-prod-acme",
                    "arn:aws:logs:eu-central-1:222222222222:log-group:/bedrock/prod/acme/records",
                ]
            }
        },
    }


def test_the_customers_own_account_manages_the_key_and_cannot_decrypt_with_it(plain):
    statements = plain.policy("aws_kms_key.records[0]")["Statement"]
    assert len(statements) == 2
    assert statements[0] == {
        "Sid": "ThisAccountAdministersTheKey",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Action": [
            "kms:CancelKeyDeletion",
            "kms:CreateAlias",
            "kms:DeleteAlias",
            "kms:Describe*",
            "kms:Disable*",
            "kms:Enable*",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:List*",
            "kms:PutKeyPolicy",
            "kms:RevokeGrant",
            "kms:RotateKeyOnDemand",
            "kms:ScheduleKeyDeletion",
            "kms:TagResource",
            "kms:UntagResource",
            "kms:UpdateAlias",
            "kms:UpdateKeyDescription",
        ],
        "Resource": "*",
    }


def test_only_the_readers_named_become_the_reader(full):
    assert full.policy('aws_iam_role.reader["reader"]', "assume_role_policy") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyThoseNamed",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {
                    "AWS": [
                        "arn:aws-cn:iam::222222222222:root",
                        "arn:aws-cn:iam::999999999999:root",
                    ]
                },
                "Condition": {
                    "ArnEquals": {
                        "aws:PrincipalArn": [
                            "arn:aws-cn:iam::222222222222:role/audit/lead",
                            "arn:aws-cn:iam::222222222222:user/auditor",
                            "arn:aws-cn:iam::999999999999:role/security",
                        ]
                    }
                },
            }
        ],
    }


GROUPS = [
    "arn:aws-cn:logs:cn-north-1:222222222222:log-group:/aws/lambda/bedrock-prod-acme",
    "arn:aws-cn:logs:cn-north-1:222222222222:log-group:/aws/lambda/bedrock-prod-acme:*",
    "arn:aws-cn:logs:cn-north-1:222222222222:log-group:/bedrock/prod/acme/records",
    "arn:aws-cn:logs:cn-north-1:222222222222:log-group:/bedrock/prod/acme/records:*",
]
READ = {
    "Sid": "ReadTheRecords",
    "Effect": "Allow",
    "Action": [
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "logs:GetQueryResults",
        "logs:StartQuery",
    ],
    "Resource": GROUPS,
}


def test_the_reader_reads_the_two_groups_and_nothing_else(full):
    assert json.loads(full.granted('aws_iam_role.reader["reader"]')) == {
        "Version": "2012-10-17",
        "Statement": [READ],
    }


def test_only_the_unmasker_sees_what_is_masked(full):
    assert json.loads(full.granted('aws_iam_role.reader["unmasker"]')) == {
        "Version": "2012-10-17",
        "Statement": [
            READ,
            {
                "Sid": "SeeWhatIsMasked",
                "Effect": "Allow",
                "Action": "logs:Unmask",
                "Resource": GROUPS,
            },
        ],
    }
    (trusted,) = full.policy('aws_iam_role.reader["unmasker"]', "assume_role_policy")["Statement"]
    assert trusted["Principal"] == {"AWS": ["arn:aws-cn:iam::222222222222:root"]}
    assert trusted["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": ["arn:aws-cn:iam::222222222222:role/audit/lead"]}
    }


def test_nobody_reads_or_unmasks_who_is_not_named(plain):
    roles = [address for address in plain.addresses if "reader" in address or "unmask" in address]
    assert roles == []
    assert plain.outputs["reader_role_arn"] is None


def test_a_vpc_gives_lambda_its_network_interfaces_and_the_code_none(full):
    assert json.loads(full.granted("aws_iam_role.execution[0]"))["Statement"][4:] == [
        {
            "Sid": "LambdaManagesItsNetworkInterfaces",
            "Effect": "Allow",
            "Action": [
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:UnassignPrivateIpAddresses",
            ],
            "Resource": [
                "arn:aws-cn:ec2:cn-north-1:222222222222:network-interface/*",
                "arn:aws-cn:ec2:cn-north-1:222222222222:security-group/sg-1",
                "arn:aws-cn:ec2:cn-north-1:222222222222:subnet/subnet-1",
                "arn:aws-cn:ec2:cn-north-1:222222222222:subnet/subnet-2",
            ],
            "Condition": {"Null": {"lambda:SourceFunctionArn": "true"}},
        },
        {
            "Sid": "LambdaFindsItsNetworkInterfaces",
            "Effect": "Allow",
            "Action": ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"],
            "Resource": "*",
            "Condition": {"Null": {"lambda:SourceFunctionArn": "true"}},
        },
    ]


EXECUTION = "arn:aws-cn:iam::222222222222:role/bedrock-prod-acme-execution"
OPERATIONS = "arn:aws-cn:iam::111111111111:role/bedrock-prod-acme"


def test_the_endpoint_of_bedrock_lets_only_the_tenants_role_invoke_and_apply_its_guardrail(full):
    assert full.policy('aws_vpc_endpoint.this["bedrock-runtime"]') == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyTheTenantsRoleInvokesModels",
                "Effect": "Allow",
                "Action": [
                    "bedrock:ApplyGuardrail",
                    "bedrock:CountTokens",
                    "bedrock:InvokeModel",
                    "bedrock:InvokeModelWithResponseStream",
                ],
                "Principal": "*",
                "Resource": "*",
                "Condition": {"ArnEquals": {"aws:PrincipalArn": OPERATIONS}},
            },
        ],
    }


def test_the_endpoint_of_sts_lets_only_the_function_assume_only_the_tenants_role(full):
    assert full.policy('aws_vpc_endpoint.this["sts"]') == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyTheFunctionAssumesTheTenantsRole",
                "Effect": "Allow",
                "Action": ["sts:AssumeRole"],
                "Principal": "*",
                "Resource": OPERATIONS,
                "Condition": {"ArnEquals": {"aws:PrincipalArn": EXECUTION}},
            }
        ],
    }


def test_the_endpoint_of_logs_lets_only_the_function_write_only_its_two_groups(full):
    assert full.policy('aws_vpc_endpoint.this["logs"]') == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyTheFunctionWritesItsTwoGroups",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Principal": "*",
                "Resource": [
                    (
                        "arn:aws-cn:logs:cn-north-1:222222222222:"
                        "log-group:/aws/lambda/bedrock-prod-acme:log-stream:*"
                    ),
                    (
                        "arn:aws-cn:logs:cn-north-1:222222222222:"
                        "log-group:/bedrock/prod/acme/records:log-stream:*"
                    ),
                ],
                "Condition": {"ArnEquals": {"aws:PrincipalArn": EXECUTION}},
            }
        ],
    }


def test_cloudwatch_logs_has_the_partitions_own_name_in_the_key_policy(full):
    use = full.policy("aws_kms_key.records[0]")["Statement"][1]
    assert use["Principal"] == {"Service": "logs.cn-north-1.amazonaws.com.cn"}


def test_no_policy_names_another_partition(full):
    everything = [full.resource(address) for address in full.addresses]
    assert "arn:aws:" not in json.dumps(everything)


# A file that is merged into execution.tf: https://developer.hashicorp.com/terraform/language/files/override
LATE_POLICY = """\
resource "aws_iam_role_policy" "execution" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [], Id = timestamp() })
}
"""


def test_a_policy_that_only_an_apply_tells_is_refused_by_the_proof(workload, inputs):
    override = workload.path / "late_override.tf"
    override.write_text(LATE_POLICY)
    try:
        late = plan_reader.read(workload.plan_json(**inputs))
    finally:
        override.unlink()
    with pytest.raises(plan_reader.PlanError, match="policy of .* is known only after apply"):
        late.roles()
