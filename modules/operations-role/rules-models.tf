# What the models of a stanza must satisfy; see rules.tf.
locals {
  stanza_models = { for alias, model in var.stanza.models : alias => model if model != null }

  # A previous entry satisfies the same rules as a model.
  stanza_entries = merge(
    local.stanza_models,
    { for alias, model in local.stanza_models : "previous of ${alias}" => model.previous if model.previous != null },
  )

  model_violations = concat(
    length(var.stanza.models) > 0 ? [] : [
      "it has no models; grant at least one, for example nova = { model = \"amazon.nova-lite-v1:0\", regions = [\"${var.operations.region}\"] }.",
    ],
    [
      for alias in keys(local.stanza_models) : "an alias consists of lower-case letters and digits, with single hyphens between them, not ${alias}."
      if !can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", alias))
    ],
    [
      for alias, model in var.stanza.models : "${alias} is null; write its model and regions, or remove the alias."
      if model == null
    ],

    # An alias becomes part of a Sid, and IAM allows each Sid once in a policy.
    [
      for aliases in values({ for alias in keys(local.stanza_models) : lower(replace(alias, "-", "")) => alias... }) :
      "${join(" and ", aliases)} would give two policy statements the same Sid; rename one of them."
      if length(aliases) > 1
    ],

    # The form of Bedrock's ids (API_GetFoundationModel, modelIdentifier). It keeps
    # wildcards and ARNs out of the policy.
    [
      for id in distinct(values(local.stanza_entries)[*].model) :
      "write each model as its full id, such as amazon.nova-lite-v1:0, without an ARN or a wildcard, not ${id}."
      if !can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+(:[a-z0-9-]+)*$", id))
    ],
    [
      for id in distinct(values(local.stanza_entries)[*].model) :
      "write the model's own id and use route and profile instead of a prefix; remove the prefix from ${id}."
      if can(regex("^([a-z]{2}|apac|global|us-gov)[.]", id))
    ],

    [
      for name, model in local.stanza_entries : "list at least one Region in regions for ${name}, and each only once."
      if length(model.regions) == 0 || length(distinct(model.regions)) < length(model.regions)
    ],
    [
      for region in distinct(flatten([for model in values(local.stanza_entries) : concat(model.regions, model.destinations)])) :
      "a Region is written like eu-central-1, not ${coalesce(region, "null")}."
      if !can(regex("^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$", region))
    ],

    [
      for name, model in local.stanza_entries : "route is \"on-demand\", \"geographic\" or \"global\" for ${name}, not \"${model.route}\"."
      if !contains(["geographic", "global", "on-demand"], model.route)
    ],
    [
      for name, model in local.stanza_entries :
      "profile is the prefix of a system-defined inference profile, such as \"eu.\"; route = \"geographic\" requires it and no other route allows it; correct ${name}."
      if(model.route == "geographic") != (model.profile != null) || !can(regex("^([a-z]{2,4}(-[a-z]+)?[.])?$", coalesce(model.profile, "eu.")))
    ],
    [
      for name, model in local.stanza_entries : "destinations are allowed only with route = \"geographic\"; remove them from ${name}."
      if model.route != "geographic" && length(model.destinations) > 0
    ],
    [
      for name, model in local.stanza_entries :
      "the Regions behind the profile ${model.profile} of ${name} are not known; list them in destinations."
      if model.profile != null && length(model.destinations) == 0 && !contains(keys(local.geographies), coalesce(model.profile, "-"))
    ],
    [
      for name, model in local.stanza_entries :
      "the profile ${model.profile} cannot be called from ${join(", ", model.regions)}; use Regions of its geography for ${name}, or list the Regions behind it in destinations."
      if model.profile != null && length(model.destinations) == 0 && !alltrue([for region in model.regions : can(regex(try(local.geographies[model.profile].from, ""), region))])
    ],

    # The provider creates the inference profile in its own Region.
    [
      for name, model in local.stanza_entries :
      "${name} is tracked by an inference profile in ${var.operations.region}, the operations Region; write regions = [\"${var.operations.region}\"]."
      if model.track && model.regions != tolist([var.operations.region])
    ],
    [
      for alias, model in local.stanza_models :
      "Bedrock allows 64 characters in the name of an inference profile; shorten the tracked alias ${alias} by ${length("${local.name}_${alias}_0000") - 64}."
      if(model.track || try(model.previous.track, false)) && length("${local.name}_${alias}_0000") > 64
    ],

    [
      for alias, model in local.stanza_models : "previous of ${alias} is what ${alias} grants already; remove previous, or write there what it granted before."
      if model.previous == null ? false : alltrue([for name, value in model.previous : value == model[name]])
    ],

    # IAM sees the model and the route, but not the alias.
    [
      for call, streaming in { for model in values(local.stanza_models) : "${coalesce(model.profile, model.route)} ${model.model}" => model.streaming... if !model.track } :
      "two aliases call ${split(" ", call)[1]} by the same route and only one may stream, but IAM cannot tell them apart; set streaming alike for both."
      if length(distinct(streaming)) > 1
    ],

    [
      for alias, model in local.stanza_models : "fallbacks of ${alias} are other aliases of its stanza, not ${join(", ", [for name in setsubtract(model.fallbacks, setsubtract(keys(local.stanza_models), [alias])) : coalesce(name, "null")])}."
      if length(setsubtract(model.fallbacks, setsubtract(keys(local.stanza_models), [alias]))) > 0
    ],
    # At most three steps lead from alias to alias; a circle always leads to a fourth.
    [
      for alias, model in local.stanza_models : "fallbacks of ${alias} form a circle or a chain of more than three; remove the fallbacks of the last alias."
      if length(flatten([for second in model.fallbacks : [
        for third in try(local.stanza_models[second].fallbacks, []) : [
          for fourth in try(local.stanza_models[third].fallbacks, []) : try(local.stanza_models[fourth].fallbacks, [])
        ]
      ]])) > 0
    ],
  )
}
