# What each alias grants, by its route:
#
# on-demand   the model, in each of its Regions
# geographic  the system-defined inference profile in each of its Regions and,
#             only behind that profile, the model there and in every Region that
#             the profile may send a call to
# global      the same, and behind the profile the model in no particular Region
#
# A tracked alias is called only through an inference profile of the tenant's own.
#
# Bedrock counts tokens for the model itself, whatever the route, and only in the
# Region that is called: CountTokens accepts no inference profile.
# https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
locals {
  model_arn   = "arn:${var.operations.partition}:bedrock:%s::foundation-model/%s"
  profile_arn = "arn:${var.operations.partition}:bedrock:%s:${var.operations.account_id}:%s"

  # The id that a caller passes to Bedrock: the model's, or the system profile's.
  ids = {
    for alias, model in local.models : alias =>
    "${ { geographic = model.profile, global = "global.", on-demand = "" }[model.route]}${model.model}"
  }

  targets = {
    for alias, model in local.models : alias => {
      actions = model.streaming ? ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"] : ["bedrock:InvokeModel"]
      global  = model.route == "global"
      models = [
        for region in sort(distinct(concat(
          model.regions,
          model.route == "geographic" ? coalescelist(model.destinations, try(local.geographies[model.profile].to, model.regions)) : [],
        ))) : format(local.model_arn, region, model.model)
      ]

      # The ARN of a profile of the tenant's own is not known before the profile
      # exists. So it is granted by its tags, which the tenant cannot set.
      profiles = model.route == "on-demand" && !model.track ? [] : [
        for region in sort(model.regions) :
        format(local.profile_arn, region, model.track ? "application-inference-profile/*" : "inference-profile/${local.ids[alias]}")
      ]
      tags = model.track ? {
        "aws:ResourceTag/alias"       = alias
        "aws:ResourceTag/environment" = var.operations.environment
        "aws:ResourceTag/tenant"      = var.tenant
      } : {}
      title = join("", [for word in split("-", alias) : title(word)])
      track = model.track
    }
  }

  # Bedrock sets bedrock:InferenceProfileArn when it authorizes the model behind a
  # profile, and never when it authorizes the profile itself.
  profile_conditions = {
    for alias, target in local.targets : alias => {
      equals = target.track || length(target.profiles) == 0 ? {} : { "bedrock:InferenceProfileArn" = target.profiles }
      like   = target.track ? { "bedrock:InferenceProfileArn" = target.profiles } : {}
    }
  }

  grants = flatten([for alias, target in local.targets : [for grant in [
    {
      sid       = "Invoke${target.title}ThroughItsProfile"
      actions   = target.actions
      resources = target.profiles
      equals    = target.tags
      like      = {}
    },
    {
      sid       = "Invoke${target.title}${length(target.profiles) > 0 ? "BehindItsProfile" : ""}"
      actions   = target.actions
      resources = target.models
      equals    = local.profile_conditions[alias].equals
      like      = local.profile_conditions[alias].like
    },
    {
      sid       = "Invoke${target.title}InAnyRegion"
      actions   = target.actions
      resources = target.global ? [format(local.model_arn, "", local.models[alias].model)] : []
      equals    = merge(local.profile_conditions[alias].equals, { "aws:RequestedRegion" = "unspecified" })
      like      = local.profile_conditions[alias].like
    },
  ] : grant if length(grant.resources) > 0]])

  # These do not test the guardrail, since a count applies none.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
  counting_grants = [for alias, model in local.models : {
    sid       = "CountTokensOf${local.targets[alias].title}"
    actions   = ["bedrock:CountTokens"]
    resources = [for region in sort(model.regions) : format(local.model_arn, region, model.model)]
    equals    = {}
    like      = {}
  } if model.count_tokens]
}
