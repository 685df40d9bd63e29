# One output, because Terraform looks up each output among those of all tenants:
# three outputs would take nine times as long as one.
output "role" {
  description = "Facts about the role: handover for its customer side, quota for an external enforcer, sizes to compare with IAM's limits, and the version of the module."
  value = {
    handover = {
      # By alias, the Regions that its geographic profile may send a call to.
      destinations = { for alias, model in local.models : alias => local.destinations[alias] if model.route == "geographic" }
      external_id  = var.stanza.external_ids.current
      guardrail    = var.stanza.guardrail == null ? null : { arn = var.stanza.guardrail.arn, version = var.stanza.guardrail.version }
      models = {
        for alias, model in local.models : alias => {
          base_model_id = model.model
          count_tokens  = model.count_tokens
          fallbacks     = model.fallbacks
          # null before the profile exists, when only another tenant is applied.
          model     = model.track ? try(aws_bedrock_inference_profile.tracked["${alias}/${local.ids[alias]}"].arn, null) : local.ids[alias]
          regions   = model.regions
          streaming = model.streaming
        }
      }
      perimeter = var.stanza.perimeter
      quota     = { for name in ["max_tokens_per_call", "requests_per_second", "tokens_per_day", "tokens_per_month"] : name => var.stanza.quota[name] }
      regions   = sort(distinct(flatten(values(local.models)[*].regions)))
      role_arn  = local.arn # computed, so that the plan shows it
      state     = var.stanza.state
      usage     = length(local.usage_grants) == 0 ? null : { parameter = local.usage_parameter, region = var.operations.region }
    }

    # What a customer used through a previous profile counts towards its quota.
    quota = {
      limits = var.stanza.quota
      previous_profiles = {
        for alias, model in local.models : alias => try(aws_bedrock_inference_profile.tracked["${alias}/${local.ids["${alias} previous"]}"].arn, null)
        if try(model.previous.track && !(model.track && local.ids[alias] == local.ids["${alias} previous"]), false)
      }
      profiles = {
        for alias, model in local.models : alias => try(aws_bedrock_inference_profile.tracked["${alias}/${local.ids[alias]}"].arn, null)
        if model.track
      }
      role  = local.name
      state = var.stanza.state
    }

    # In characters, as IAM counts them. The permissions of an active tenant count
    # with the denial of a suspension, because the limit holds for both together.
    sizes = {
      permissions = local.suspended_size
      trust       = length(local.trust)
    }

    version = local.release
  }

  # Nothing is handed over before the role exists and may call what its stanza grants.
  depends_on = [aws_iam_role_policy.grants]
}
