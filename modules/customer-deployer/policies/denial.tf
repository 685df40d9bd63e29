# What the deployer is denied, whatever else is attached to its role.
locals {
  denials = [
    {
      # Everything but the management above, so that an action that AWS adds later is
      # denied as well.
      Sid       = "NeverReadOrCopyTheRecords"
      Effect    = "Deny"
      NotAction = local.log_group_actions
      Resource  = local.both_log_groups
    },
    {
      # Deliveries, account policies, scheduled queries and the like copy logs and are
      # not bound to a group's ARN. Only actions that describe are left out.
      # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
      Sid    = "NeverCopyLogsInAnotherWay"
      Effect = "Deny"
      Action = [
        "logs:Associate*",
        "logs:Call*",
        "logs:Cancel*",
        "logs:Create*",
        "logs:Delete*",
        "logs:Disassociate*",
        "logs:Filter*",
        "logs:Get*",
        "logs:Integrate*",
        "logs:Link",
        "logs:List*",
        "logs:Process*",
        "logs:Put*",
        "logs:Start*",
        "logs:Stop*",
        "logs:Tag*",
        "logs:Test*",
        "logs:Unmask",
        "logs:Untag*",
        "logs:Update*",
      ]
      NotResource = local.both_log_groups
    },
    {
      # The deployer writes the trust policies of these roles and could name itself.
      Sid      = "NeverBecomeARoleOfTheWorkload"
      Effect   = "Deny"
      Action   = ["sts:*"]
      Resource = local.workload_role_arns
    },
  ]
}
