output "handover" {
  description = "What the customer side must know to use the role; regions are all those of its models."
  value = {
    external_id = var.external_ids.current
    models      = var.models
    regions     = sort(distinct(flatten(values(var.models)[*].regions)))
    role_arn    = local.arn # computed, so that the plan shows it
  }

  # A role handed over before its policy is attached could be assumed for nothing.
  depends_on = [aws_iam_role.this, aws_iam_role_policy.models]
}
