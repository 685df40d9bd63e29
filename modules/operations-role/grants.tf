# What each alias grants, by its route:
#
# on-demand   the model, in each Region named
# geographic  the system's profile in each Region named, and behind it the model
#             there and in every Region the profile may send a call to
# global      the same, and behind it the model in no Region in particular
#
# A tracked alias goes through a profile of the tenant's own, and only through it.
# https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
locals {
  model_arn   = "arn:${var.operations.partition}:bedrock:%s::foundation-model/%s"
  profile_arn = "arn:${var.operations.partition}:bedrock:%s:${var.operations.account_id}:%s"

  # The id that Bedrock takes: the model's own, or that of the system's profile.
  ids = {
    for alias, its in local.models : alias =>
    "${ { geographic = its.profile, global = "global.", on-demand = "" }[its.route]}${its.model}"
  }

  aliases = {
    for alias, its in local.models : alias => {
      actions = concat(
        ["bedrock:InvokeModel"],
        [for action in ["bedrock:InvokeModelWithResponseStream"] : action if its.streaming],
      )
      global = its.route == "global"
      models = [
        for region in sort(distinct(concat(
          its.regions,
          its.route == "geographic" ? coalescelist(its.destinations, try(local.geographies[its.profile].to, its.regions)) : [],
        ))) : format(local.model_arn, region, its.model)
      ]

      # The ARN of a profile of the tenant's own is not known before it is made:
      # it is granted by its tags, which the tenant cannot set.
      profiles = [
        for region in sort(its.regions) :
        format(local.profile_arn, region, its.track ? "application-inference-profile/*" : "inference-profile/${local.ids[alias]}")
        if its.track || its.route != "on-demand"
      ]
      tags = {
        for tag, value in { alias = alias, environment = var.operations.environment, tenant = var.tenant } :
        "aws:ResourceTag/${tag}" => value if its.track
      }
      title = join("", [for word in split("-", alias) : title(word)])
      track = its.track
    }
  }

  # Bedrock sets bedrock:InferenceProfileArn when it asks for the model behind a
  # profile, and never when it asks for the profile itself.
  behind = {
    for alias, its in local.aliases : alias => {
      equals = { for key in ["bedrock:InferenceProfileArn"] : key => its.profiles if !its.track && length(its.profiles) > 0 }
      like   = { for key in ["bedrock:InferenceProfileArn"] : key => its.profiles if its.track }
    }
  }

  grants = flatten([for alias, its in local.aliases : [for grant in [
    {
      sid       = "Invoke${its.title}ThroughItsProfile"
      actions   = its.actions
      resources = its.profiles
      equals    = its.tags
      like      = {}
    },
    {
      sid       = "Invoke${its.title}${length(its.profiles) > 0 ? "BehindItsProfile" : ""}"
      actions   = its.actions
      resources = its.models
      equals    = local.behind[alias].equals
      like      = local.behind[alias].like
    },
    {
      sid       = "Invoke${its.title}InAnyRegion"
      actions   = its.actions
      resources = [for model in [local.models[alias].model] : format(local.model_arn, "", model) if its.global]
      equals    = merge(local.behind[alias].equals, { "aws:RequestedRegion" = "unspecified" })
      like      = local.behind[alias].like
    },
  ] : grant if length(grant.resources) > 0]])
}
