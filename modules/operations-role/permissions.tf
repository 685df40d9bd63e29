# IAM authorizes Converse as InvokeModel and ConverseStream as
# InvokeModelWithResponseStream: no bedrock:Converse action exists.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
locals {
  # With a guardrail, every call must name it, but guardContent in a call can narrow
  # what it looks at. Applying it is an action of its own.
  # https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html
  #
  # A previous guardrail is accepted as well, and with `previous = {}` a call without any.
  guardrails = var.stanza.guardrail == null ? [] : [
    for guardrail in [var.stanza.guardrail, var.stanza.guardrail.previous] : { arn = guardrail.arn, version = guardrail.version }
    if guardrail != null && guardrail != { arn = "", version = "" }
  ]
  accepts_no_guardrail = var.stanza.guardrail == null ? true : try(var.stanza.guardrail.previous == { arn = "", version = "" }, false)

  guarded_grants = concat(
    length(local.guardrails) == 0 ? [] : [{
      sid       = "ApplyTheGuardrail"
      actions   = ["bedrock:ApplyGuardrail"]
      resources = distinct(local.guardrails[*].arn)
      equals    = {}
      like      = {}
    }],
    [for grant in local.grants : merge(grant, {
      equals = merge(grant.equals, local.accepts_no_guardrail ? {} : {
        "bedrock:GuardrailIdentifier" = [for guardrail in local.guardrails : "${guardrail.arn}:${guardrail.version}"]
      })
    })],
    local.project_grants,
    local.counting_grants,
    local.usage_grants,
  )

  # A call must come from one of the perimeter's networks or VPC endpoints. A
  # request has exactly one of the two keys: aws:SourceVpce if it comes through an
  # endpoint, otherwise aws:SourceIp. So if the perimeter has both, each key is
  # tested only where it is present. A Deny would be as short, but the handler
  # would take it for a suspension, which must stay the only Deny.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
  perimeter = {
    networks      = sort([for network in try(var.stanza.perimeter.networks, []) : coalesce(network, "null")]) # sort fails on null, so rules.tf refuses "null"
    vpc_endpoints = sort([for id in try(var.stanza.perimeter.vpc_endpoints, []) : coalesce(id, "null")])
    suffix        = try(length(var.stanza.perimeter.networks) > 0 && length(var.stanza.perimeter.vpc_endpoints) > 0, false) ? "IfExists" : ""
  }
  perimeter_conditions = {
    "IpAddress${local.perimeter.suffix}"    = length(local.perimeter.networks) == 0 ? {} : { "aws:SourceIp" = local.perimeter.networks }
    "StringEquals${local.perimeter.suffix}" = length(local.perimeter.vpc_endpoints) == 0 ? {} : { "aws:SourceVpce" = local.perimeter.vpc_endpoints }
  }

  conditions = [for grant in local.guarded_grants : {
    for operator, keys in merge(local.perimeter_conditions, {
      ArnLike      = grant.like
      StringEquals = merge(grant.equals, try(local.perimeter_conditions.StringEquals, {}))
    }) : operator => keys if length(keys) > 0
  }]

  # A Deny also ends what open sessions may do. The trust policy stays, so that the
  # handler can tell a suspension from a missing role.
  denial = {
    Sid      = "SuspendedTenantsMayDoNothing"
    Effect   = "Deny"
    Action   = "*"
    Resource = "*"
  }
  suspension = var.stanza.state == "active" ? [] : [local.denial]

  permissions = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.suspension, [for index, grant in local.guarded_grants : merge(
      {
        Sid      = grant.sid
        Effect   = "Allow"
        Action   = grant.actions
        Resource = grant.resources
      },
      length(local.conditions[index]) == 0 ? {} : { Condition = local.conditions[index] },
    )])
  })
}
