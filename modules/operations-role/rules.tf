# What a stanza must keep to: each rule once, as the sentence for whoever broke
# it. They are lists and not validations, since Terraform evaluates a validation
# for each tenant by itself, at a cost that a thousand tenants make felt.
locals {
  broken_rules = concat(
    [for ids in [keys(var.stanza.accounts)] : "it has no customer account; write at least one in accounts." if length(ids) == 0],
    [
      for id in keys(var.stanza.accounts) :
      "a customer account is 12 digits in quotes (a number without them loses its leading zero), not ${id}."
      if !can(regex("^[0-9]{12}$", id))
    ],

    # STS takes 2 to 1,224 of these characters (API_AssumeRole); 16 is the least
    # that cannot be guessed. Length apart, since RE2 ends repeats at 1,000.
    [
      for id in [for id in values(var.stanza.external_ids) : id if id != null] :
      "an ExternalId has 16 to 1,224 characters; mint one with `openssl rand -hex 16`."
      if length(id) < 16 || length(id) > 1224
    ],
    [
      for id in [for id in values(var.stanza.external_ids) : id if id != null] :
      "an ExternalId is made of letters, digits and _+=,.@:/- only; mint one with `openssl rand -hex 16`."
      if !can(regex("^[\\w+=,.@:/-]*$", id))
    ],

    [
      for state in [var.stanza.state] : "state is \"active\", \"suspended\" or \"offboarding\", not \"${state}\"."
      if !contains(["active", "offboarding", "suspended"], state)
    ],

    # The call carries a guardrail of its own account and Region.
    # https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html
    [
      for guardrail in var.stanza.guardrail[*] :
      "guardrail.arn is a guardrail of the operations account, such as arn:${var.operations.partition}:bedrock:${var.operations.region}:${var.operations.account_id}:guardrail/abc123, not ${guardrail.arn}."
      if !can(regex("^arn:${var.operations.partition}:bedrock:[a-z0-9-]+:${var.operations.account_id}:guardrail/[a-z0-9]+$", guardrail.arn))
    ],
    [
      for guardrail in var.stanza.guardrail[*] :
      "guardrail.version is the number of a published version, such as \"1\", not \"${guardrail.version}\": a draft changes unseen."
      if !can(regex("^[1-9][0-9]{0,7}$", guardrail.version))
    ],
    [
      for region in [for arn in var.stanza.guardrail[*].arn : split(":", arn)[3] if length(split(":", arn)) > 3] :
      "its guardrail is in ${region} and no call to another Region can name it; write regions = [\"${region}\"] for ${join(", ", [for alias, its in var.stanza.models : alias if its.regions != tolist([region])])}."
      if anytrue([for its in values(var.stanza.models) : its.regions != tolist([region])])
    ],

    [
      for perimeter in var.stanza.perimeter[*] : "an empty perimeter would let it in from nowhere; name networks or vpc_endpoints, or leave perimeter out."
      if length(perimeter.networks) + length(perimeter.vpc_endpoints) == 0
    ],
    [
      for network in flatten(var.stanza.perimeter[*].networks[*]) : "a network is written like 203.0.113.0/24, not ${network}."
      if !can(cidrhost(network, 0))
    ],
    [
      for id in flatten(var.stanza.perimeter[*].vpc_endpoints[*]) : "a VPC endpoint is written like vpce-0123456789abcdef0, not ${id}."
      if !can(regex("^vpce-[0-9a-f]{8,17}$", id))
    ],

    [
      for name, limit in var.stanza.quota : "quota.${name} is a whole number of 1 or more, not ${limit}; leave out what has no limit."
      if name != "requests_per_second" && try(limit < 1 || floor(limit) != limit, false)
    ],
    [
      for rate in var.stanza.quota.requests_per_second[*] : "quota.requests_per_second is more than 0, not ${rate}; state = \"suspended\" stops a tenant."
      if rate <= 0
    ],
    [
      for day in var.stanza.quota.tokens_per_day[*] : "quota.tokens_per_day is more than tokens_per_month; lower the one or raise the other."
      if try(day > var.stanza.quota.tokens_per_month, false)
    ],

    local.broken_rules_of_models,
  )

  # A stanza that breaks a rule grants nothing; the role's precondition says why.
  models = { for alias, its in var.stanza.models : alias => its if length(local.broken_rules) == 0 }
}
