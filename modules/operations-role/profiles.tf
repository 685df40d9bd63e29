# One inference profile for each model behind a tracked alias. Bedrock counts tokens
# by profile, which quotas and gaps need; costs are billed by the role.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-create.html
locals {
  # Address and name follow from the alias and what it calls, and from nothing else:
  # a new model gets a profile beside the old one, and neither is replaced when the
  # model becomes `previous` or when that is removed. The digits of the hash stand for
  # the model's id, which has characters that a profile's name may not have. If they
  # were equal for two models of an alias, the proof would refuse the plan.
  # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateInferenceProfile.html
  tracked = {
    for entry in local.entries : "${entry.alias}/${local.ids[entry.key]}" => {
      alias = entry.alias
      name  = "${local.name}_${entry.alias}_${substr(sha256(local.ids[entry.key]), 0, 4)}"
      source = (
        entry.model.route == "on-demand"
        ? format(local.model_arn, var.operations.region, entry.model.model)
        : format(local.profile_arn, var.operations.region, "inference-profile/${local.ids[entry.key]}")
      )
    }... if entry.model.track
  }
}

resource "aws_bedrock_inference_profile" "tracked" {
  for_each = { for key, profiles in local.tracked : key => profiles[0] }

  # No tenant name contains an underscore, so two tenants never get the same name.
  name        = each.value.name
  description = "Tenant ${var.tenant} calls ${each.value.alias} through this profile."

  model_source {
    copy_from = each.value.source
  }

  # The role's policy grants access by these tags.
  tags = merge(var.stanza.tags, {
    alias       = each.value.alias
    environment = var.operations.environment
    tenant      = var.tenant
  })

  # The guard sets it when the quota of the alias is reached, and removes it.
  lifecycle {
    ignore_changes = [tags["quota-reached"], tags_all["quota-reached"]]
  }
}
