# One profile for each tracked alias: Bedrock counts tokens and AWS counts costs
# by it, so both split by tenant.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-create.html
resource "aws_bedrock_inference_profile" "tracked" {
  for_each = { for alias, its in local.models : alias => its if its.track }

  # The underscore is in no tenant's name, so no two of them make the same.
  name        = "${local.name}_${each.key}"
  description = "Tenant ${var.tenant} calls ${each.key} through this profile."

  model_source {
    copy_from = (
      each.value.route == "on-demand"
      ? format(local.model_arn, var.operations.region, each.value.model)
      : format(local.profile_arn, var.operations.region, "inference-profile/${local.ids[each.key]}")
    )
  }

  # The policy grants by these.
  tags = {
    alias       = each.key
    environment = var.operations.environment
    tenant      = var.tenant
  }
}
