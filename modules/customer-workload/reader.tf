# The only role that may read the records. Like the tenant's role it names
# accounts and pins the callers by aws:PrincipalArn, so it can be made before
# they are; a reader still needs sts:AssumeRole on it from its own account.
locals {
  reader_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "OnlyTheReadersNamed"
      Effect = "Allow"
      Action = "sts:AssumeRole"
      Principal = {
        AWS = [for id in sort(distinct([for arn in var.readers : split(":", arn)[4]])) : "arn:${local.partition}:iam::${id}:root"]
      }
      Condition = { ArnEquals = { "aws:PrincipalArn" = sort(var.readers) } }
    }]
  })

  # Without logs:Unmask, so that a data protection policy holds for readers too.
  reader_permissions = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "ReadTheRecords"
      Effect = "Allow"
      Action = [
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "logs:GetQueryResults",
        "logs:StartQuery",
      ]
      Resource = [local.record_log_group_arn, "${local.record_log_group_arn}:*"]
    }]
  })
}

resource "aws_iam_role" "reader" {
  count = length(var.readers) > 0 ? 1 : 0

  name                 = "${local.name}-reader"
  description          = "May read the records of ${local.name}."
  assume_role_policy   = local.reader_trust
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "reader" {
  count = length(var.readers) > 0 ? 1 : 0

  name   = "reader"
  role   = aws_iam_role.reader[0].name
  policy = local.reader_permissions
}
