# The stanzas: those of the variable tenants, and those that have a file of their own in
# environments/<environment>/tenants. The module applies the types and the rules of
# variables-tenants.tf to all of them; without files, the variable has done so already.

variable "data_folder" {
  description = "The environment's folder, whose folder tenants has the tenants' own files; by default ../<environment>. \"\" reads no file."
  type        = string
  default     = null
  nullable    = true
}

locals {
  # `**` does not look into a folder that is a link.
  data_folder  = var.data_folder == null ? "${path.module}/../${var.environment}" : var.data_folder
  data_files   = local.data_folder == "" ? toset([]) : setunion(fileset(local.data_folder, "**"), fileset(local.data_folder, "tenants/*"))
  tenant_files = { for file in local.data_files : file => split(".", basename(file))[0] if startswith(file, "tenants/") && can(regex(local.a_read_file, file)) }

  file_stanzas = merge(
    { for file in keys(local.tenant_files) : file => try(provider::terraform::decode_tfvars(file("${local.data_folder}/${file}")), null) if endswith(file, ".tfvars") },
    { for file in keys(local.tenant_files) : file => try(jsondecode(file("${local.data_folder}/${file}")), null) if endswith(file, ".json") },
  )

  stanzas = length(local.tenant_files) == 0 ? var.tenants : module.stanzas.tenants
}

module "stanzas" {
  source = "../stanzas"

  accounts_with_several_tenants = var.accounts_with_several_tenants
  deployer_role_name            = var.deployer_role_name
  environment                   = var.environment
  files                         = local.data_files
  operations                    = var.operations
  places                        = { for place in concat([for name in keys(var.tenants) : { file = "terraform.tfvars", name = name }], [for file, name in local.tenant_files : { file = file, name = name }]) : place.name => place.file... }
  tags                          = var.tags
  tenants                       = merge({ for name, stanza in var.tenants : name => stanza if length(local.tenant_files) > 0 }, { for file, stanza in local.file_stanzas : local.tenant_files[file] => stanza if can(keys(stanza)) })
  unreadable_files              = [for file, stanza in local.file_stanzas : file if !can(keys(stanza))]
}
