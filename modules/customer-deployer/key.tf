# The key that encrypts the records. It is the customer's: the deployer may look it up
# by its alias and may not manage it.
data "aws_region" "current" {}

resource "aws_kms_key" "records" {
  description             = module.policies.key.description
  policy                  = module.policies.documents.key
  enable_key_rotation     = true
  deletion_window_in_days = 30 # the maximum, since records cannot be read without the key

  tags = merge(var.tags, { tenant = var.tenant })

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = data.aws_region.current.id == var.region # .name is deprecated in provider 6, .region absent in 5
      error_message = "The key belongs to the Region of the records; configure the provider for ${var.region}, not ${data.aws_region.current.id}."
    }
  }
}

resource "aws_kms_alias" "records" {
  name          = module.policies.key.alias
  target_key_id = aws_kms_key.records.key_id
}
