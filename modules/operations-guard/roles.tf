locals {
  has_lease     = var.on_failure == "closed"
  has_forwarder = var.access_rules && var.iam_events_region != null

  # Policy documents by role. The name of each role's policy is that of the role here.
  roles = {
    for role, details in {
      forwarder    = { name = local.forwarder, service = "events", statements = jsonencode(local.forwarder_permissions) }
      guard        = { name = local.name, service = "lambda", statements = jsonencode(concat(local.permissions, local.function_permissions[local.name])) }
      lease        = { name = local.lease, service = "lambda", statements = jsonencode(concat(local.lease_permissions, local.function_permissions[local.lease])) }
      scheduler    = { name = local.scheduler, service = "scheduler", statements = jsonencode(local.scheduler_permissions) }
      verification = { name = local.verification, service = "lambda", statements = jsonencode(concat(local.verification_permissions, local.function_permissions[local.verification])) }
    } : role => merge(details, { policy = "{\"Statement\":${details.statements},\"Version\":\"2012-10-17\"}" })
    if lookup({ forwarder = local.has_forwarder, lease = local.has_lease }, role, true)
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name        = each.value.name
  description = "Part of the guard of ${var.environment}, which enforces quotas and verifies that nothing is kept."
  # The services have the same names in every partition. Scheduler and EventBridge say for whose
  # schedule or rule they call, and Lambda, for whose function it always is, says nothing.
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Sid       = "OnlyTheServiceUsesTheRole"
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "${each.value.service}.amazonaws.com" }
      },
      each.value.service == "lambda" ? {} : { Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } } },
    )]
  })
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary
}

# An edit is one PutRolePolicy; see modules/operations-role/role.tf.
resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = each.key
  role   = aws_iam_role.this[each.key].name
  policy = each.value.policy

  lifecycle {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(each.value.policy) <= 10240
      error_message = "The guard's permissions have ${length(each.value.policy)} characters, ${length(each.value.policy) - 10240} more than the 10,240 that IAM allows; let fewer stanzas have quota.event_bus."
    }
  }
}

# What somebody added by hand is in a plan, and an apply removes it.
resource "aws_iam_role_policies_exclusive" "this" {
  for_each = local.roles

  role_name    = aws_iam_role.this[each.key].name
  policy_names = [aws_iam_role_policy.this[each.key].name]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  for_each = local.roles

  role_name   = aws_iam_role.this[each.key].name
  policy_arns = []
}
