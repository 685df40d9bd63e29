variable "destinations" {
  description = "Regions to which each geographic profile may send a call."
  type        = map(list(string))
  default = {
    "eu." = ["eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"]
  }
  nullable = false
}

variable "environment" {
  description = "The environment's name, part of every name."
  type        = string
  nullable    = false
}

variable "limits" {
  description = "Not used here; the operations root takes the same variables and checks it."
  type        = map(number)
  nullable    = false
}

variable "operations" {
  description = "The operations account and its Region."
  type        = map(string)
  nullable    = false
}

variable "tenants" {
  description = "The tenants, by name."
  type = map(object({
    accounts     = map(object({}))
    external_ids = map(string)
    models = map(object({
      model   = string
      profile = optional(string)
      regions = list(string)
      route   = optional(string, "on-demand")
    }))
  }))
  nullable = false
}
