# Converse is authorized as InvokeModel and ConverseStream as
# InvokeModelWithResponseStream: there is no bedrock:Converse to grant.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
locals {
  # Without its guardrail no call is allowed; applying it is an action of its own.
  # https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html
  guarded_grants = concat(
    [for guardrail in var.stanza.guardrail[*] : {
      sid       = "ApplyTheGuardrail"
      actions   = ["bedrock:ApplyGuardrail"]
      resources = [guardrail.arn]
      equals    = {}
      like      = {}
    }],
    [for grant in local.grants : merge(grant, {
      equals = merge(grant.equals, {
        for guardrail in var.stanza.guardrail[*] : "bedrock:GuardrailIdentifier" => "${guardrail.arn}:${guardrail.version}"
      })
    })],
  )

  # A perimeter is networks, VPC endpoints or both, and to be in one of them is
  # enough. A request has either key and never both: aws:SourceVpce when it comes
  # through an endpoint, aws:SourceIp when not. So with both given, each is asked
  # for only where it is there. A Deny would be as short, but would read to the
  # handler like a suspension: that must be the only Deny there is.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
  either = anytrue([for its in var.stanza.perimeter[*] : length(its.networks) > 0 && length(its.vpc_endpoints) > 0]) ? "IfExists" : ""
  within = merge([for its in var.stanza.perimeter[*] : {
    "IpAddress${local.either}"    = { for key in ["aws:SourceIp"] : key => sort(its.networks) if length(its.networks) > 0 }
    "StringEquals${local.either}" = { for key in ["aws:SourceVpce"] : key => sort(its.vpc_endpoints) if length(its.vpc_endpoints) > 0 }
  }]...)

  # A Deny holds for sessions that are open already. The trust stays, so that
  # the handler can tell why.
  suspension = [for state in [var.stanza.state] : {
    Sid      = "SuspendedTenantsMayDoNothing"
    Effect   = "Deny"
    Action   = "*"
    Resource = "*"
  } if state != "active"]

  statements = concat(local.suspension, [for grant in local.guarded_grants : merge(
    {
      Sid      = grant.sid
      Effect   = "Allow"
      Action   = grant.actions
      Resource = grant.resources
    },
    { for condition in [{
      for operator, keys in merge(local.within, {
        ArnLike      = grant.like
        StringEquals = merge(grant.equals, try(local.within.StringEquals, {}))
      }) : operator => keys if length(keys) > 0
    }] : "Condition" => condition if length(condition) > 0 },
  )])

  permissions = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
