# The policy of the key that encrypts both log groups. The customer creates the
# key, so that the deployer needs no permission to manage one. In
# modules/customer-workload, kms.tf has the same policy for a customer who applies
# that module alone.
locals {
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Everything that an administrator needs, including PutKeyPolicy, but no
        # action that encrypts or decrypts, so that the key gives nobody access to
        # the records.
        Sid       = "ThisAccountAdministersTheKey"
        Effect    = "Allow"
        Principal = { AWS = format(local.iam_arn, var.account_id, "root") }
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
        Principal = { Service = "logs.${var.region}.${local.dns_suffix}" }
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
