# What a stanza must satisfy. Each rule is an error message. The rules are lists
# and not validations because Terraform evaluates a validation for each tenant by
# itself, which takes noticeable time with a thousand tenants.
locals {
  external_ids = [for id in [var.stanza.external_ids.current, var.stanza.external_ids.previous] : id if id != null]

  # `previous = {}` stands for calls without a guardrail.
  stanza_guardrails = {
    for name, guardrail in {
      "guardrail"          = try({ arn = var.stanza.guardrail.arn, version = var.stanza.guardrail.version }, null)
      "guardrail.previous" = try(var.stanza.guardrail.previous, null)
    } : name => guardrail
    if guardrail != null && !(name == "guardrail.previous" && guardrail == { arn = "", version = "" })
  }

  violations = concat(
    length(var.stanza.accounts) > 0 ? [] : ["it has no customer account; add at least one to accounts."],
    [
      for id in keys(var.stanza.accounts) :
      "a customer account is 12 digits in quotes (a number without them loses its leading zero), not ${id}."
      if !can(regex("^[0-9]{12}$", id))
    ],
    [
      for id, account in var.stanza.accounts : "managed_by is \"operator\" or \"customer\", not \"${account.managed_by}\"; correct it in ${id}."
      if !contains(["customer", "operator"], account.managed_by)
    ],

    # STS accepts 2 to 1,224 of these characters (API_AssumeRole); fewer than 16
    # could be guessed. The length is tested by itself because RE2 repeats at most
    # 1,000 times.
    [
      for id in local.external_ids :
      "an ExternalId has 16 to 1,224 characters; mint one with `openssl rand -hex 16`."
      if length(id) < 16 || length(id) > 1224
    ],
    [
      for id in local.external_ids :
      "an ExternalId consists of letters, digits and _+=,.@:/- only; mint one with `openssl rand -hex 16`."
      if !can(regex("^[\\w+=,.@:/-]*$", id))
    ],

    contains(["active", "offboarding", "suspended"], var.stanza.state) ? [] : [
      "state is \"active\", \"suspended\" or \"offboarding\", not \"${var.stanza.state}\".",
    ],

    # Bedrock applies a guardrail of the account and Region that is called.
    # https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html
    [
      for name, guardrail in local.stanza_guardrails :
      "${name}.arn is the ARN of a guardrail in the operations account, such as arn:${var.operations.partition}:bedrock:${var.operations.region}:${var.operations.account_id}:guardrail/abc123, not ${guardrail.arn}."
      if !can(regex("^arn:${var.operations.partition}:bedrock:[a-z0-9-]+:${var.operations.account_id}:guardrail/[a-z0-9]+$", guardrail.arn))
    ],
    [
      for name, guardrail in local.stanza_guardrails :
      "${name}.version is the number of a published version, such as \"1\", not \"${guardrail.version}\"; a draft can change without notice."
      if !can(regex("^[1-9][0-9]{0,7}$", guardrail.version))
    ],
    try(alltrue([for model in values(local.stanza_models) : model.regions == tolist([split(":", var.stanza.guardrail.arn)[3]])]), true) ? [] : [
      "its guardrail is in ${split(":", var.stanza.guardrail.arn)[3]} and cannot be used in another Region; write regions = [\"${split(":", var.stanza.guardrail.arn)[3]}\"] for ${join(", ", [for alias, model in local.stanza_models : alias if model.regions != tolist([split(":", var.stanza.guardrail.arn)[3]])])}.",
    ],

    var.stanza.perimeter == null || length(local.perimeter.networks) + length(local.perimeter.vpc_endpoints) > 0 ? [] : [
      "an empty perimeter would refuse every call; list networks or vpc_endpoints, or leave perimeter out.",
    ],
    [
      for network in local.perimeter.networks : "a network is written in CIDR notation, such as 203.0.113.0/24, not ${network}."
      if !can(cidrhost(network, 0))
    ],
    [
      for id in local.perimeter.vpc_endpoints : "a VPC endpoint is written as its id, such as vpce-0123456789abcdef0, not ${id}."
      if !can(regex("^vpce-[0-9a-f]{8,17}$", id))
    ],

    local.model_violations,
    local.quota_violations,
  )

  # A stanza that breaks a rule grants nothing; the role's precondition says why.
  models = { for alias, model in local.stanza_models : alias => model if length(local.violations) == 0 }
}
