# CloudWatch masks the named data in everything that is written from now on, for
# everyone except unmaskers; older events stay as they are. Masking matches
# patterns, so use content = "metadata" where no content may be stored at all.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html
locals {
  masked_identifiers = [for name in sort(var.masking) : "arn:${local.partition}:dataprotection::aws:data-identifier/${name}"]

  # CloudWatch requires both statements, with the same identifiers.
  data_protection = jsonencode({
    Name    = "mask"
    Version = "2021-06-01"
    Statement = [
      {
        Sid            = "CountWhatIsFound"
        DataIdentifier = local.masked_identifiers
        Operation      = { Audit = { FindingsDestination = {} } }
      },
      {
        Sid            = "HideItFromReaders"
        DataIdentifier = local.masked_identifiers
        Operation      = { Deidentify = { MaskConfig = {} } }
      },
    ]
  })
}

resource "aws_cloudwatch_log_data_protection_policy" "this" {
  for_each = length(var.masking) > 0 ? {
    function = aws_cloudwatch_log_group.function.name
    records  = aws_cloudwatch_log_group.records.name
  } : {}

  log_group_name  = each.value
  policy_document = local.data_protection
}
