# What Terraform needs to manage modules/customer-workload for this one tenant.
# The last statements deny reading and copying the records, whatever else the role
# allows.
locals {
  function_arns = [
    format(local.regional_arn, "lambda", "function:${local.name}"),
    format(local.regional_arn, "lambda", "function:${local.name}:*"), # versions and the alias, with snap_start
  ]

  log_group_actions = [
    "logs:AssociateKmsKey",
    "logs:CreateLogGroup",
    "logs:DeleteDataProtectionPolicy",
    "logs:DescribeLogGroups",
    "logs:GetDataProtectionPolicy",
    "logs:ListTagsForResource",
    "logs:PutDataProtectionPolicy",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
    "logs:UntagResource",
  ]

  permissions = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid    = "ManageAndInvokeTheFunction"
          Effect = "Allow"
          Action = [
            "lambda:CreateAlias",
            "lambda:DeleteAlias",
            "lambda:DeleteFunction",
            "lambda:DeleteFunctionConcurrency",
            "lambda:GetAlias",
            "lambda:GetFunction",
            "lambda:GetFunctionCodeSigningConfig",
            "lambda:GetFunctionConfiguration",
            "lambda:InvokeFunction",
            "lambda:ListAliases",
            "lambda:ListTags",
            "lambda:ListVersionsByFunction",
            "lambda:PublishVersion",
            "lambda:PutFunctionConcurrency",
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:UpdateAlias",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
          ]
          Resource = local.function_arns
        },
        # With a code signing configuration of the customer's, the function cannot be
        # created without it, and no permission here changes or removes it.
        # https://docs.aws.amazon.com/lambda/latest/dg/governance-code-signing.html
        merge(
          {
            Sid      = "CreateTheFunction"
            Effect   = "Allow"
            Action   = ["lambda:CreateFunction"]
            Resource = local.function_arns
          },
          var.code_signing_config_arn == null ? {} : {
            Condition = { StringEquals = { "lambda:CodeSigningConfigArn" = var.code_signing_config_arn } }
          },
        ),
        {
          Sid    = "ReadAndTagTheRoles"
          Effect = "Allow"
          Action = [
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
            "iam:TagRole",
            "iam:UntagRole",
          ]
          Resource = local.workload_role_arns
        },
        {
          # Whoever writes a role's policies decides what it may do, so the deployer
          # changes only roles within the boundary. It cannot put the boundary on a
          # role that exists: such a role is somebody else's.
          # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
          Sid    = "ManageRolesWithinTheBoundary"
          Effect = "Allow"
          Action = [
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy", # what somebody attached by hand
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
            "iam:UpdateRoleDescription",
          ]
          Resource  = local.workload_role_arns
          Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
        },
        {
          # `make doctor` compares the version in its tags with the newest.
          Sid      = "ReadTheVersionOfThisRole"
          Effect   = "Allow"
          Action   = ["iam:GetRole"]
          Resource = [local.role.arn]
        },
        {
          Sid       = "PassTheExecutionRoleToLambda"
          Effect    = "Allow"
          Action    = ["iam:PassRole"]
          Resource  = [local.execution_role_arn]
          Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } # the same in every partition
        },
        {
          Sid      = "ManageTheLogGroups"
          Effect   = "Allow"
          Action   = local.log_group_actions
          Resource = local.both_log_groups
        },
        {
          # The customer makes the key and its alias, and names the key by the alias. No
          # other permission on a key is needed: CloudWatch Logs encrypts with its own.
          # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-request-alias
          Sid       = "FindTheKeyByItsAlias"
          Effect    = "Allow"
          Action    = ["kms:DescribeKey"]
          Resource  = [format(local.regional_arn, "kms", "key/*")]
          Condition = { StringEquals = { "kms:RequestAlias" = local.key.alias } }
        },
        {
          # These actions take no resource.
          Sid    = "ListAndDescribe"
          Effect = "Allow"
          Action = concat(
            var.vpc == null ? [] : ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
            local.creates_endpoints ? ["ec2:DescribePrefixLists", "ec2:DescribeVpcEndpoints"] : [],
            ["logs:DescribeLogGroups"],
          )
          Resource = ["*"]
        },
      ],
      local.endpoint_statements,
      local.denials,
    )
  })
}
