# What Terraform needs to manage modules/customer-workload for this one tenant.
# The last statement denies reading the records, whatever else the role allows.
locals {
  permissions = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid    = "ManageAndInvokeTheFunction"
          Effect = "Allow"
          Action = [
            "lambda:CreateAlias",
            "lambda:CreateFunction",
            "lambda:DeleteAlias",
            "lambda:DeleteFunction",
            "lambda:DeleteFunctionConcurrency",
            "lambda:GetAlias",
            "lambda:GetFunction",
            "lambda:GetFunctionCodeSigningConfig",
            "lambda:GetFunctionConfiguration",
            "lambda:InvokeFunction",
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
          Resource = [
            format(local.regional_arn, "lambda", "function:${local.name}"),
            format(local.regional_arn, "lambda", "function:${local.name}:*"), # versions and the alias, with snap_start
          ]
        },
        {
          Sid    = "ManageTheWorkloadsRoles"
          Effect = "Allow"
          Action = [
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
            "iam:ListRoleTags",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateRole",
          ]
          Resource = local.workload_role_arns
        },
        # Whoever writes a role's policies decides what it may do. A boundary, where
        # the stanza names one, limits what can be written.
        merge(
          {
            Sid    = "WriteTheRolesPolicies"
            Effect = "Allow"
            Action = [
              "iam:CreateRole",
              "iam:PutRolePermissionsBoundary",
              "iam:PutRolePolicy",
              "iam:UpdateAssumeRolePolicy",
            ]
            Resource = local.workload_role_arns
          },
          var.permissions_boundary == null ? {} : {
            Condition = { StringEquals = { "iam:PermissionsBoundary" = var.permissions_boundary } }
          },
        ),
        {
          Sid       = "PassTheExecutionRoleToLambda"
          Effect    = "Allow"
          Action    = ["iam:PassRole"]
          Resource  = [local.execution_role_arn]
          Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } # the same in every partition
        },
        {
          Sid    = "ManageTheLogGroups"
          Effect = "Allow"
          Action = [
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
          Resource = concat(local.log_contents, [local.record_log_group_arn, local.function_log_group_arn])
        },
        {
          # A key has no ARN before it is created; its tag ties it to the tenant.
          Sid       = "CreateTheKey"
          Effect    = "Allow"
          Action    = ["kms:CreateKey", "kms:TagResource"]
          Resource  = ["*"]
          Condition = local.requested_with_the_tenants_tag
        },
        {
          # These actions take no resource.
          Sid    = "ListAndDescribe"
          Effect = "Allow"
          Action = concat(
            var.vpc == null ? [] : ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
            local.creates_endpoints ? ["ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists", "ec2:DescribeVpcEndpoints"] : [],
            ["kms:ListAliases", "logs:DescribeLogGroups"],
          )
          Resource = ["*"]
        },
        {
          Sid    = "ManageTheKey"
          Effect = "Allow"
          Action = [
            "kms:CreateAlias",
            "kms:DescribeKey",
            "kms:EnableKeyRotation",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListResourceTags",
            "kms:PutKeyPolicy",
            "kms:TagResource",
            "kms:UntagResource",
            "kms:UpdateKeyDescription",
          ]
          Resource  = [format(local.regional_arn, "kms", "key/*")]
          Condition = local.tagged_with_the_tenant
        },
        {
          Sid      = "CreateTheKeysAlias"
          Effect   = "Allow"
          Action   = ["kms:CreateAlias"]
          Resource = [format(local.regional_arn, "kms", "alias/${local.name}")]
        },
      ],
      local.endpoint_statements,
      [{
        Sid      = "NeverReadTheRecords"
        Effect   = "Deny"
        Action   = local.reading_actions
        Resource = local.log_contents
      }],
    )
  })
}
