# What the guard may do: read counts and configuration, write its own counts, notify, and
# attach or detach the two denials. It may write no policy, so it cannot allow anything.
locals {
  profiles   = "arn:${var.partition}:bedrock:${local.region}:application-inference-profile/*"
  parameters = "arn:${var.partition}:ssm:${local.region}:parameter/bedrock/${var.environment}/usage/*"

  permissions = [for statement in [
    # A list of profiles has no resource to name, and metrics have none either.
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
    {
      Sid      = "ReadCountsAndListProfiles"
      Effect   = "Allow"
      Action   = ["bedrock:ListInferenceProfiles", "cloudwatch:GetMetricData"]
      Resource = "*"
    },
    {
      Sid      = "ReadTagsOfProfiles"
      Effect   = "Allow"
      Action   = ["bedrock:ListTagsForResource"]
      Resource = local.profiles
    },
    # The tags by which grants identify a profile are other ones. Without Null, a request
    # with no tag key would meet ForAllValues.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    {
      Sid      = "MarkProfilesWithoutQuotaLeft"
      Effect   = "Allow"
      Action   = ["bedrock:TagResource", "bedrock:UntagResource"]
      Resource = local.profiles
      Condition = {
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "quota-reached" }
        Null                        = { "aws:TagKeys" = "false" }
        StringEquals                = { "aws:ResourceTag/environment" = var.environment }
      }
    },
    {
      Sid       = "AttachAndDetachTheDenials"
      Effect    = "Allow"
      Action    = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
      Resource  = local.tenant_roles
      Condition = { ArnEquals = { "iam:PolicyARN" = values(local.policy_arns) } }
    },
    {
      Sid      = "ListWhereTheDenialsAreAttached"
      Effect   = "Allow"
      Action   = ["iam:ListEntitiesForPolicy"]
      Resource = values(local.policy_arns)
    },
    {
      Sid      = "KeepTheCountsOfEachTenant"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter"]
      Resource = local.parameters
    },
    {
      Sid      = "SendEvents"
      Effect   = "Allow"
      Action   = ["events:PutEvents"]
      Resource = local.event_buses
    },
    {
      Sid      = "RenewTheLease"
      Effect   = "Allow"
      Action   = ["scheduler:UpdateSchedule"]
      Resource = local.has_lease ? ["arn:${var.partition}:scheduler:${local.region}:schedule/default/bedrock-${var.environment}-lease-*"] : []
    },
    {
      Sid       = "LetSchedulerInvokeTheEndOfTheLease"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = local.has_lease ? [local.scheduler_role_arn] : []
      Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
    },
  ] : statement if length(statement.Resource) > 0]

  # What each function may do beside its own permissions, by the function's name.
  function_permissions = {
    for name in [local.name, local.lease, local.verification] : name => [
      {
        Sid      = "NotifyTheOperator"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = local.topic_arn
      },
      {
        Sid      = "WriteItsOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:${var.partition}:logs:${local.region}:log-group:/aws/lambda/${name}:log-stream:*"
      },
    ]
  }

  # The end of a lease stops every tenant with a quota and cannot undo that.
  lease_permissions = [
    {
      Sid       = "AttachTheDenial"
      Effect    = "Allow"
      Action    = ["iam:AttachRolePolicy"]
      Resource  = local.tenant_roles
      Condition = { ArnEquals = { "iam:PolicyARN" = [local.policy_arns.quota] } }
    },
  ]

  scheduler_permissions = [
    {
      Sid      = "InvokeTheGuard"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = concat([local.function_arn, local.verification_arn], local.has_lease ? [local.lease_arn] : [])
    },
  ]

  forwarder_permissions = [
    {
      Sid      = "ForwardEvents"
      Effect   = "Allow"
      Action   = ["events:PutEvents"]
      Resource = local.event_buses[0]
    },
  ]

  event_buses = concat(["arn:${var.partition}:events:${local.region}:event-bus/default"], sort(var.event_buses))
}
