# What each alias grants, and what it granted before while customers still have to
# receive the change (`previous`). By its route:
#
# on-demand   the model, in each of its Regions
# geographic  the system-defined inference profile in each of its Regions and,
#             only behind that profile, the model there and in every Region that
#             the profile may send a call to
# global      the same, and behind the profile the model in no particular Region
#
# A tracked alias is called only through an inference profile of the tenant's own.
#
# Bedrock authorizes every inference call a second time, with the same action, on a
# project in the Region that is called: the account's default project, unless the
# call names another.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
#
# Bedrock counts tokens for the model itself, whatever the route, and only in the
# Region that is called: CountTokens accepts no inference profile.
# https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
locals {
  model_arn   = "arn:${var.operations.partition}:bedrock:%s::foundation-model/%s"
  profile_arn = "arn:${var.operations.partition}:bedrock:%s:${var.operations.account_id}:%s"
  project_arn = "arn:${var.operations.partition}:bedrock:%s:${var.operations.account_id}:project/default"

  # No alias contains a space, so these keys differ from every alias. No Sid of a
  # current grant begins with Still.
  entries = concat(
    [for alias, model in local.models : { alias = alias, key = alias, model = model, verb = "" }],
    [for alias, model in local.models : { alias = alias, key = "${alias} previous", model = model.previous, verb = "Still" } if model.previous != null],
  )

  # The id that a caller passes to Bedrock: the model's, or the system profile's.
  ids = {
    for entry in local.entries : entry.key =>
    "${ { geographic = entry.model.profile, global = "global.", on-demand = "" }[entry.model.route]}${entry.model.model}"
  }

  # The Regions that a geographic profile may send a call to.
  destinations = {
    for entry in local.entries : entry.key =>
    entry.model.route == "geographic" ? coalescelist(entry.model.destinations, try(local.geographies[entry.model.profile].to, entry.model.regions)) : []
  }

  targets = {
    for entry in local.entries : entry.key => {
      actions = entry.model.streaming ? ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"] : ["bedrock:InvokeModel"]
      global  = entry.model.route == "global"
      model   = entry.model.model
      models = [
        for region in sort(distinct(concat(entry.model.regions, local.destinations[entry.key]))) :
        format(local.model_arn, region, entry.model.model)
      ]

      # The ARN of a profile of the tenant's own is not known before the profile
      # exists. So it is granted by its tags, which the tenant cannot set.
      profiles = entry.model.route == "on-demand" && !entry.model.track ? [] : [
        for region in sort(entry.model.regions) :
        format(local.profile_arn, region, entry.model.track ? "application-inference-profile/*" : "inference-profile/${local.ids[entry.key]}")
      ]
      tags = entry.model.track ? {
        "aws:ResourceTag/alias"       = entry.alias
        "aws:ResourceTag/environment" = var.operations.environment
        "aws:ResourceTag/tenant"      = var.tenant
      } : {}
      title = join("", [for word in split("-", entry.alias) : title(word)])
      track = entry.model.track
      verb  = entry.verb
    }
  }

  # Bedrock sets bedrock:InferenceProfileArn when it authorizes the model behind a
  # profile, and never when it authorizes the profile itself.
  profile_conditions = {
    for key, target in local.targets : key => {
      equals = target.track || length(target.profiles) == 0 ? {} : { "bedrock:InferenceProfileArn" = target.profiles }
      like   = target.track ? { "bedrock:InferenceProfileArn" = target.profiles } : {}
    }
  }

  grants = flatten([for key, target in local.targets : [for grant in [
    {
      sid       = "${target.verb}Invoke${target.title}ThroughItsProfile"
      actions   = target.actions
      resources = target.profiles
      equals    = target.tags
      like      = {}
    },
    {
      sid       = "${target.verb}Invoke${target.title}${length(target.profiles) > 0 ? "BehindItsProfile" : ""}"
      actions   = target.actions
      resources = target.models
      equals    = local.profile_conditions[key].equals
      like      = local.profile_conditions[key].like
    },
    {
      sid       = "${target.verb}Invoke${target.title}InAnyRegion"
      actions   = target.actions
      resources = target.global ? [format(local.model_arn, "", target.model)] : []
      equals    = merge(local.profile_conditions[key].equals, { "aws:RequestedRegion" = "unspecified" })
      like      = local.profile_conditions[key].like
    },
  ] : grant if length(grant.resources) > 0]])

  called_regions    = toset(flatten(local.entries[*].model.regions))
  streaming_regions = toset(flatten([for entry in local.entries : entry.model.regions if entry.model.streaming]))

  # No other project, because a project can have a data retention mode of its own.
  # These do not test the guardrail: no page says whether Bedrock sets its condition
  # key when it authorizes the project. The grants above test it on the same call.
  project_grants = [for grant in [
    {
      sid     = "UseTheDefaultProject"
      actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      regions = local.streaming_regions
    },
    {
      sid     = "UseTheDefaultProjectWithoutStreaming"
      actions = ["bedrock:InvokeModel"]
      regions = setsubtract(local.called_regions, local.streaming_regions)
    },
    ] : {
    sid       = grant.sid
    actions   = grant.actions
    resources = [for region in grant.regions : format(local.project_arn, region)]
    equals    = {}
    like      = {}
  } if length(grant.regions) > 0]

  # These do not test the guardrail, since a count applies none.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
  counting_grants = [for entry in local.entries : {
    sid       = "${entry.verb}CountTokensOf${local.targets[entry.key].title}"
    actions   = ["bedrock:CountTokens"]
    resources = [for region in sort(entry.model.regions) : format(local.model_arn, region, entry.model.model)]
    equals    = {}
    like      = {}
  } if entry.model.count_tokens]
}
