locals {
  # modules/customer-workload computes its execution role from the same words.
  # Neither side reads the other's state, so either can be made first.
  name = "bedrock-${var.environment}-${var.tenant}"
  arn  = "arn:${var.partition}:iam::${var.operations_account_id}:role/${local.name}"
}

resource "aws_iam_role" "this" {
  name                 = local.name
  description          = "What tenant ${var.tenant} may do in Amazon Bedrock."
  assume_role_policy   = local.trust
  max_session_duration = 3600 # the caller is a role itself, and STS caps chained roles at an hour
  permissions_boundary = var.permissions_boundary

  tags = { tenant = var.tenant }
}

resource "aws_iam_role_policy" "models" {
  name   = "models"
  role   = aws_iam_role.this.name
  policy = local.permissions
}
