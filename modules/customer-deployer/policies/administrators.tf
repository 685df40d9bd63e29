# A policy that a customer can put on its own administrators, as a service control
# policy or beside their permissions. It is an output only: without it, whoever
# administers the account can read the records.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
locals {
  administrator_denial = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Also writing, deleting and any action that AWS adds later.
        Sid       = "OnlyTheWorkloadsRolesUseItsLogGroups"
        Effect    = "Deny"
        NotAction = ["logs:Describe*", "logs:ListTagsForResource"]
        Resource  = local.both_log_groups
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = concat(local.workload_role_arns, [local.role.arn]) } }
      },
      {
        # These act on every log group of the account and are not bound to an ARN.
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
        Sid    = "CopyNoLogGroupsOfTheWholeAccount"
        Effect = "Deny"
        Action = [
          "logs:AssociateSourceToS3TableIntegration",
          "logs:CreateScheduledQuery",
          "logs:Link",
          "logs:PutAccountPolicy",
          "logs:PutIntegration",
          "logs:PutPipelineRule",
          "logs:UpdateScheduledQuery",
        ]
        Resource = ["*"]
      },
      {
        # Whoever writes the trust policy of a reader role decides who reads, and so
        # does whoever becomes the deployer, which cannot change itself.
        Sid       = "OnlyTheDeployerChangesTheWorkloadsRoles"
        Effect    = "Deny"
        NotAction = ["iam:Get*", "iam:List*", "iam:PassRole", "sts:AssumeRole"]
        Resource  = concat(local.workload_role_arns, [local.role.arn])
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.role.arn } }
      },
    ]
  })
}
