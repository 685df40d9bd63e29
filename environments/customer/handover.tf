# The state of the operations root is in the same backend.
data "terraform_remote_state" "operations" {
  backend = "s3"

  config = merge(
    provider::terraform::decode_tfvars(file("${path.root}/../${var.environment}/backend.hcl")),
    { key = "operations.tfstate" },
  )

  lifecycle {
    postcondition {
      condition     = can(self.outputs.handover[var.tenant]) || !contains(keys(var.tenants), var.tenant)
      error_message = "The operations account has no role for tenant \"${var.tenant}\" yet; apply the operations root first."
    }
  }
}

locals {
  handover  = data.terraform_remote_state.operations.outputs.handover[var.tenant]
  partition = provider::aws::arn_parse(local.handover.role_arn).partition
}
