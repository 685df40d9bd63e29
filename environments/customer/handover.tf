# The object handovers/<tenant>.json of the state bucket. The commands fetch it, so this
# root reads neither the operations state nor the hand-over of another tenant.
variable "handover" {
  description = "What the operations account hands over to this tenant: its role, ExternalId, models, guardrail, quota, state, and where its use is told."
  type = object({
    external_id = string
    guardrail = optional(object({
      arn     = string
      version = string
    }))
    models = map(object({
      base_model_id = string
      count_tokens  = bool
      fallbacks     = list(string)
      model         = optional(string) # null before the profile of a tracked alias exists
      regions       = list(string)
      streaming     = bool
    }))
    quota = object({
      max_tokens_per_call = optional(number)
      requests_per_second = optional(number)
      tokens_per_day      = optional(number)
      tokens_per_month    = optional(number)
    })
    role_arn = string
    usage = optional(object({ # null where nothing enforces a quota of the tenant
      parameter = string
      region    = string
    }))
  })
  nullable = false
}

locals {
  partition = split(":", var.handover.role_arn)[1]
}
