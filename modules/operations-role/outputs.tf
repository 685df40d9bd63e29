# One output, since Terraform looks each up among all of all tenants: three would
# cost nine times as much.
output "role" {
  description = "What others must know of the role: its customer side, an enforcer of its quota, and whoever watches IAM's limits."
  value = {
    handover = {
      external_id = var.stanza.external_ids.current
      guardrail   = var.stanza.guardrail
      models = {
        for alias, its in local.models : alias => {
          base_model_id = its.model
          fallbacks     = its.fallbacks
          # An apply of another tenant alone computes this one too, before its profile is there.
          model     = its.track ? try(aws_bedrock_inference_profile.tracked[alias].arn, null) : local.ids[alias]
          regions   = its.regions
          streaming = its.streaming
        }
      }
      quota    = var.stanza.quota
      regions  = sort(distinct(flatten(values(local.models)[*].regions)))
      role_arn = local.arn # computed, so that the plan shows it
      state    = var.stanza.state
    }

    quota = {
      limits   = var.stanza.quota
      profiles = { for alias, profile in aws_bedrock_inference_profile.tracked : alias => profile.arn }
      role     = local.name
      state    = var.stanza.state
    }

    # In characters, as IAM counts them.
    sizes = {
      permissions = length(local.permissions)
      trust       = length(local.trust)
    }
  }

  # Nothing is handed over before its role is there.
  depends_on = [aws_iam_role.this]
}
