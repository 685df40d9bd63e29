# The key is the customer's. With a deployer, modules/customer-deployer creates it
# under the same policy and key_arn names it; a customer who applies this module
# alone leaves key_arn out and gets the key from here.
locals {
  key_arn = var.key_arn == null ? aws_kms_key.records[0].arn : var.key_arn

  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Everything that an administrator needs, including PutKeyPolicy, but no
        # action that encrypts or decrypts, so that the key gives nobody access to
        # the records.
        Sid       = "ThisAccountAdministersTheKey"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${var.account_id}:root" }
        Action = [
          "kms:CancelKeyDeletion",
          "kms:CreateAlias",
          "kms:DeleteAlias",
          "kms:Describe*",
          "kms:Disable*",
          "kms:Enable*",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "kms:List*",
          "kms:PutKeyPolicy",
          "kms:RevokeGrant",
          "kms:RotateKeyOnDemand",
          "kms:ScheduleKeyDeletion",
          "kms:TagResource",
          "kms:UntagResource",
          "kms:UpdateAlias",
          "kms:UpdateKeyDescription",
        ]
        Resource = "*" # in a key policy, this key
      },
      {
        # CloudWatch Logs sends the group's ARN as the encryption context:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        Sid       = "CloudWatchLogsEncryptsOnlyTheseTwoGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.${data.aws_partition.current.dns_suffix}" }
        Action    = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = {
          ArnEquals = {
            "kms:EncryptionContext:aws:logs:arn" = [local.function_log_group_arn, local.record_log_group_arn]
          }
        }
      },
    ]
  })
}

resource "aws_kms_key" "records" {
  count = var.key_arn == null ? 1 : 0

  description             = "Encrypts the records and the function log of ${local.name}."
  policy                  = local.key_policy
  enable_key_rotation     = true
  deletion_window_in_days = 30 # the maximum, since records cannot be read without the key
  tags                    = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "records" {
  count = var.key_arn == null ? 1 : 0

  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.records[0].key_id
}

moved {
  from = aws_kms_key.records
  to   = aws_kms_key.records[0]
}

moved {
  from = aws_kms_alias.records
  to   = aws_kms_alias.records[0]
}
