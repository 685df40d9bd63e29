# Whose calls the rules of access-rules.tf are about, and how a sentence names a caller.
locals {
  is_tenant_role = [{ prefix = "${local.iam}:role/bedrock-${var.environment}-" }]

  # What a caller asks for is written as the caller wrote it, and IAM does not distinguish names
  # by case: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
  names_tenant_role = [{ prefix = { equals-ignore-case = "${local.iam}:role/bedrock-${var.environment}-" } }]
  names_own_role    = [for name in ["bedrock-${var.environment}-", local.name] : { prefix = { equals-ignore-case = name } }]
  names_denial      = [for arn in values(local.policy_arns) : { equals-ignore-case = arn }]

  # `exists = false` lets the other kind of caller through: a user has no session, and the
  # ARN of a session is not that of its role.
  trusted = concat([for role in ["guard", "lease"] : "${local.iam}:role/${local.roles[role].name}" if contains(keys(local.roles), role)], sort([for arn in var.deployers : arn if strcontains(arn, ":role/")]))
  users   = sort([for arn in var.deployers : arn if !strcontains(arn, ":role/")])
  is_stranger = merge(
    { sessionContext = { sessionIssuer = { arn = [{ exists = false }, { anything-but = local.trusted }] } } },
    length(local.users) == 0 ? {} : { arn = [{ exists = false }, { anything-but = local.users }] },
  )

  succeeded = [{ exists = false }]
  refused   = [{ prefix = "AccessDenied" }, { suffix = "UnauthorizedOperation" }]

  # A pattern has room for some 100 accounts. With more, or none, only callers of this account,
  # whom no trust policy admits, and AWS services can be told from the customers.
  has_accounts   = contains(range(1, 101), length(var.customer_accounts))
  other_accounts = concat([{ exists = false }], [for accounts in [var.customer_accounts] : { anything-but = sort(accounts) } if local.has_accounts], [for id in [var.account_id] : id if !local.has_accounts])

  caller       = "<type> <role><user>" # a path that an event does not have is empty
  caller_paths = { role = "$.detail.userIdentity.sessionContext.sessionIssuer.arn", type = "$.detail.userIdentity.type", user = "$.detail.userIdentity.userName" }
}
