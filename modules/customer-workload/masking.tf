# Hides what is named in all that is written from now on, from everyone but an
# unmasker; what was written before stays as it is. It finds patterns, and is no
# substitute for content = "metadata" where nothing may be kept.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html
locals {
  masked = [for name in sort(var.masking) : "arn:${local.partition}:dataprotection::aws:data-identifier/${name}"]

  # CloudWatch wants both statements, with the same identifiers.
  data_protection = jsonencode({
    Name    = "mask"
    Version = "2021-06-01"
    Statement = [
      {
        Sid            = "CountWhatIsFound"
        DataIdentifier = local.masked
        Operation      = { Audit = { FindingsDestination = {} } }
      },
      {
        Sid            = "HideItFromReaders"
        DataIdentifier = local.masked
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
