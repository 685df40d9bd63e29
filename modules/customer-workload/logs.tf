# prevent_destroy makes Terraform refuse to destroy the groups. If the module
# call is removed from the root, prevent_destroy is removed with it, but
# skip_destroy is kept in the state and still leaves the groups in place.

resource "aws_cloudwatch_log_group" "records" {
  name              = local.record_log_group
  kms_key_id        = local.key_arn
  log_group_class   = "STANDARD" # cannot be changed later; the other classes lack parts of Logs Insights
  retention_in_days = var.retention_days
  skip_destroy      = true
  tags              = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

# The function's log contains prompts and answers only in spilled records, but
# for their sake it is encrypted, retained and protected like the record group.
resource "aws_cloudwatch_log_group" "function" {
  name              = local.function_log_group
  kms_key_id        = local.key_arn
  log_group_class   = "STANDARD"
  retention_in_days = var.retention_days
  skip_destroy      = true
  tags              = var.tags

  lifecycle {
    prevent_destroy = true
  }
}
