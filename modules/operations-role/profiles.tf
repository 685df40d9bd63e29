# One inference profile for each tracked alias. Bedrock counts tokens by profile
# and AWS counts costs by profile, so both can be split by tenant.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-create.html
resource "aws_bedrock_inference_profile" "tracked" {
  for_each = { for alias, model in local.models : alias => model if model.track }

  # No tenant name contains an underscore, so two tenants never get the same name.
  name        = "${local.name}_${each.key}"
  description = "Tenant ${var.tenant} calls ${each.key} through this profile."

  model_source {
    copy_from = (
      each.value.route == "on-demand"
      ? format(local.model_arn, var.operations.region, each.value.model)
      : format(local.profile_arn, var.operations.region, "inference-profile/${local.ids[each.key]}")
    )
  }

  # The role's policy grants access by these tags.
  tags = {
    alias       = each.key
    environment = var.operations.environment
    tenant      = var.tenant
  }
}
