# The only roles that may read the records: a reader sees what is masked as
# asterisks, an unmasker sees it. Like the tenant's role they name accounts and
# pin the callers by aws:PrincipalArn, so they can be made before the callers
# are; a caller still needs sts:AssumeRole on the role from its own account.
locals {
  reading_trusts = {
    for role, arns in { reader = var.readers, unmasker = var.unmaskers } : role => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid    = "OnlyThoseNamed"
        Effect = "Allow"
        Action = "sts:AssumeRole"
        Principal = {
          AWS = [for id in sort(distinct([for arn in arns : split(":", arn)[4]])) : "arn:${local.partition}:iam::${id}:root"]
        }
        Condition = { ArnEquals = { "aws:PrincipalArn" = sort(arns) } }
      }]
    })
  }

  # The function's own log holds the records that could not be put into the
  # record group, and the start marks.
  both_log_groups = [
    local.function_log_group_arn,
    "${local.function_log_group_arn}:*",
    local.record_log_group_arn,
    "${local.record_log_group_arn}:*",
  ]

  reading_statement = {
    Sid    = "ReadTheRecords"
    Effect = "Allow"
    Action = [
      "logs:DescribeLogStreams",
      "logs:FilterLogEvents",
      "logs:GetLogEvents",
      "logs:GetQueryResults",
      "logs:StartQuery",
    ]
    Resource = local.both_log_groups
  }

  reader_permissions = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.reading_statement]
  })

  unmasker_permissions = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.reading_statement,
      {
        Sid      = "SeeWhatIsMasked"
        Effect   = "Allow"
        Action   = "logs:Unmask"
        Resource = local.both_log_groups
      },
    ]
  })
}

resource "aws_iam_role" "reader" {
  count = length(var.readers) > 0 ? 1 : 0

  name                 = "${local.name}-reader"
  description          = "May read the records of ${local.name}."
  assume_role_policy   = local.reading_trusts.reader
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "reader" {
  count = length(var.readers) > 0 ? 1 : 0

  name   = "reader"
  role   = aws_iam_role.reader[0].name
  policy = local.reader_permissions
}

resource "aws_iam_role" "unmasker" {
  count = length(var.unmaskers) > 0 ? 1 : 0

  name                 = "${local.name}-unmasker"
  description          = "May read the records of ${local.name} and see what is masked in them."
  assume_role_policy   = local.reading_trusts.unmasker
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "unmasker" {
  count = length(var.unmaskers) > 0 ? 1 : 0

  name   = "unmasker"
  role   = aws_iam_role.unmasker[0].name
  policy = local.unmasker_permissions
}
