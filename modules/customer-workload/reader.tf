# The only roles that can read the records. A reader sees masked data as
# asterisks; an unmasker sees the data itself. Like the tenant's role, each names
# the callers' accounts as principals and pins the callers by aws:PrincipalArn, so
# that the role can be created before them. A caller also needs sts:AssumeRole on
# the role from its own account.
locals {
  # A role that nobody may assume is not created.
  reading_roles = {
    for role, callers in { reader = var.readers, unmasker = var.unmaskers } : role => {
      description                 = "May read the records of ${local.name}${role == "unmasker" ? " and see what is masked in them" : ""}."
      trust = jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid    = "OnlyThoseNamed"
          Effect = "Allow"
          Action = "sts:AssumeRole"
          Principal = {
            AWS = [for id in sort(distinct([for arn in callers : split(":", arn)[4]])) : "arn:${local.partition}:iam::${id}:root"]
          }
          Condition = { ArnEquals = { "aws:PrincipalArn" = sort(callers) } }
        }]
      })
      permissions = jsonencode({
        Version = "2012-10-17"
        Statement = concat(
          [{
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
          }],
          role != "unmasker" ? [] : [{
            Sid      = "SeeWhatIsMasked"
            Effect   = "Allow"
            Action   = "logs:Unmask"
            Resource = local.both_log_groups
          }],
        )
      })
    } if length(callers) > 0
  }

  # The function's own log holds the start marks and the spilled records.
  both_log_groups = [
    local.function_log_group_arn,
    "${local.function_log_group_arn}:*",
    local.record_log_group_arn,
    "${local.record_log_group_arn}:*",
  ]
}

resource "aws_iam_role" "reader" {
  for_each = local.reading_roles

  name                 = "${local.name}-${each.key}"
  description          = each.value.description
  assume_role_policy   = each.value.trust
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

# Three resources for the reasons that execution.tf gives.
resource "aws_iam_role_policy" "reader" {
  for_each = local.reading_roles

  name   = each.key
  role   = aws_iam_role.reader[each.key].name
  policy = each.value.permissions
}

resource "aws_iam_role_policies_exclusive" "reader" {
  for_each = local.reading_roles

  role_name    = aws_iam_role.reader[each.key].name
  policy_names = [aws_iam_role_policy.reader[each.key].name]
}

resource "aws_iam_role_policy_attachments_exclusive" "reader" {
  for_each = local.reading_roles

  role_name   = aws_iam_role.reader[each.key].name
  policy_arns = []
}

# Reader and unmasker used to be separate resources.
moved {
  from = aws_iam_role.reader[0]
  to   = aws_iam_role.reader["reader"]
}

moved {
  from = aws_iam_role.unmasker[0]
  to   = aws_iam_role.reader["unmasker"]
}

moved {
  from = aws_iam_role_policy.reader[0]
  to   = aws_iam_role_policy.reader["reader"]
}

moved {
  from = aws_iam_role_policy.unmasker[0]
  to   = aws_iam_role_policy.reader["unmasker"]
}
