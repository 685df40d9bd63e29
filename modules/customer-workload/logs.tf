# A destroy of this module is refused by prevent_destroy. If the module's call
# is taken out of the root, prevent_destroy goes with it; skip_destroy is kept
# in the state and still leaves the groups where they are.

resource "aws_cloudwatch_log_group" "records" {
  name              = local.record_log_group
  kms_key_id        = aws_kms_key.records.arn
  log_group_class   = "STANDARD" # cannot be changed later, and the others lack parts of Logs Insights
  retention_in_days = var.retention_days
  skip_destroy      = true

  lifecycle {
    prevent_destroy = true
  }
}

# Holds no prompt and no answer, except in a record that could not be put into
# the record group: so it is encrypted, kept and protected like that one.
resource "aws_cloudwatch_log_group" "function" {
  name              = local.function_log_group
  kms_key_id        = aws_kms_key.records.arn
  log_group_class   = "STANDARD"
  retention_in_days = var.retention_days
  skip_destroy      = true

  lifecycle {
    prevent_destroy = true
  }
}
