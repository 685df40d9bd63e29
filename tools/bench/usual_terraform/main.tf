# The roles of the operations root written the usual way, with data sources for
# the policy documents and for_each on each resource. `make bench` compares the
# time of its plan with that of the operations root; nothing applies it.

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  for_each = var.tenants

  statement {
    sid     = "OnlyTheTenantsExecutionRoles"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [for id in keys(each.value.accounts) : "arn:${data.aws_partition.current.partition}:iam::${id}:root"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values = [
        for id in keys(each.value.accounts) :
        "arn:${data.aws_partition.current.partition}:iam::${id}:role/bedrock-${var.environment}-${each.key}-execution"
      ]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = compact(values(each.value.external_ids))
    }

    condition {
      test     = "StringEquals"
      variable = "sts:RoleSessionName"
      values   = [each.key]
    }
  }
}

data "aws_iam_policy_document" "models" {
  for_each = var.tenants

  dynamic "statement" {
    for_each = { for alias, granted in each.value.models : alias => granted if granted.route == "geographic" }

    content {
      sid     = "Invoke${title(statement.key)}ThroughProfile"
      actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      resources = [
        for region in statement.value.regions :
        "arn:${data.aws_partition.current.partition}:bedrock:${region}:${var.operations.account_id}:inference-profile/${statement.value.profile}${statement.value.model}"
      ]
    }
  }

  dynamic "statement" {
    for_each = each.value.models

    content {
      sid     = "Invoke${title(statement.key)}"
      actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      resources = [
        for region in distinct(concat(statement.value.regions, statement.value.route == "geographic" ? var.destinations[statement.value.profile] : [])) :
        "arn:${data.aws_partition.current.partition}:bedrock:${region}::foundation-model/${statement.value.model}"
      ]

      dynamic "condition" {
        for_each = statement.value.route == "geographic" ? [statement.value] : []

        content {
          test     = "StringEquals"
          variable = "bedrock:InferenceProfileArn"
          values = [
            for region in condition.value.regions :
            "arn:${data.aws_partition.current.partition}:bedrock:${region}:${var.operations.account_id}:inference-profile/${condition.value.profile}${condition.value.model}"
          ]
        }
      }
    }
  }

  statement {
    sid     = "UseTheDefaultProject"
    actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    resources = [
      for region in distinct(flatten(values(each.value.models)[*].regions)) :
      "arn:${data.aws_partition.current.partition}:bedrock:${region}:${var.operations.account_id}:project/default"
    ]
  }
}

resource "aws_iam_role" "this" {
  for_each = var.tenants

  name                 = "bedrock-${var.environment}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600

  tags = { tenant = each.key }
}

resource "aws_iam_role_policy" "models" {
  for_each = var.tenants

  name   = "models"
  role   = aws_iam_role.this[each.key].name
  policy = data.aws_iam_policy_document.models[each.key].json
}
