# What the models of a stanza must keep to; see rules.tf.
locals {
  broken_rules_of_models = concat(
    [
      for count in [length(var.stanza.models)] :
      "it has no models; grant at least one, for example claude = { model = \"anthropic.claude-3-haiku-20240307-v1:0\", regions = [\"${var.operations.region}\"] }."
      if count == 0
    ],
    [
      for alias in keys(var.stanza.models) : "an alias is lower-case letters, digits and single hyphens, not ${alias}."
      if !can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", alias))
    ],

    # A Sid is made of the alias, and IAM takes each once in a policy.
    [
      for aliases in values({ for alias in keys(var.stanza.models) : lower(replace(alias, "-", "")) => alias... }) :
      "${join(" and ", aliases)} would give two statements of its policy one name; rename one."
      if length(aliases) > 1
    ],

    # The form Bedrock gives (API_GetFoundationModel, modelIdentifier). It lets
    # neither a wildcard nor an ARN into the policy.
    [
      for model in distinct(values(var.stanza.models)[*].model) :
      "write each model by its whole id, such as amazon.nova-lite-v1:0, without an ARN or a wildcard, not ${model}."
      if !can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+(:[a-z0-9-]+)*$", model))
    ],
    [
      for model in distinct(values(var.stanza.models)[*].model) :
      "write the model's own id, and route and profile beside it: drop the prefix of ${model}."
      if can(regex("^([a-z]{2}|apac|global|us-gov)[.]", model))
    ],

    [
      for alias, its in var.stanza.models : "name at least one Region in regions for ${alias}, and each once."
      if length(its.regions) == 0 || length(distinct(its.regions)) < length(its.regions)
    ],
    [
      for region in distinct(flatten([for its in values(var.stanza.models) : concat(its.regions, its.destinations)])) :
      "a Region is written like eu-central-1, not ${region}."
      if !can(regex("^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$", region))
    ],

    [
      for alias, its in var.stanza.models : "route is \"on-demand\", \"geographic\" or \"global\" for ${alias}, not \"${its.route}\"."
      if !contains(["geographic", "global", "on-demand"], its.route)
    ],
    [
      for alias, its in var.stanza.models :
      "profile is the prefix of the system's profile, such as \"eu.\", with route = \"geographic\" and only with it; look at ${alias}."
      if(its.route == "geographic") != (its.profile != null) || !can(regex("^([a-z]{2,4}(-[a-z]+)?[.])?$", coalesce(its.profile, "eu.")))
    ],
    [
      for alias, its in var.stanza.models : "destinations go with route = \"geographic\" only; take them from ${alias}."
      if its.route != "geographic" && length(its.destinations) > 0
    ],
    [
      for alias, its in var.stanza.models :
      "nothing here says where the profile ${its.profile} of ${alias} sends calls; list the Regions in destinations."
      if its.profile != null && length(its.destinations) == 0 && !contains(keys(local.geographies), coalesce(its.profile, "-"))
    ],
    [
      for alias, its in var.stanza.models :
      "the profile ${its.profile} is not called from ${join(", ", its.regions)}; name Regions of its geography for ${alias}, or say in destinations where it leads."
      if its.profile != null && length(its.destinations) == 0 && !alltrue([for region in its.regions : can(regex(try(local.geographies[its.profile].from, ""), region))])
    ],

    # The provider makes the profile in its own Region.
    [
      for alias, its in var.stanza.models :
      "${alias} is tracked by a profile in ${var.operations.region}, the operations Region; write regions = [\"${var.operations.region}\"]."
      if its.track && its.regions != tolist([var.operations.region])
    ],
    [
      for alias, its in var.stanza.models :
      "Bedrock allows a profile's name 64 characters; shorten ${alias}, which is tracked, by ${length("${local.name}_${alias}") - 64}."
      if its.track && length("${local.name}_${alias}") > 64
    ],

    # IAM sees what is called, not by which alias.
    [
      for called, streaming in { for its in values(var.stanza.models) : "${coalesce(its.profile, its.route)} ${its.model}" => its.streaming... if !its.track } :
      "two aliases call ${split(" ", called)[1]} by one route and only one may stream, which IAM cannot tell apart; let both stream, or neither."
      if length(distinct(streaming)) > 1
    ],

    [
      for alias, its in var.stanza.models : "fallbacks of ${alias} are other aliases of its stanza, not ${join(", ", setsubtract(its.fallbacks, setsubtract(keys(var.stanza.models), [alias])))}."
      if length(setsubtract(its.fallbacks, setsubtract(keys(var.stanza.models), [alias]))) > 0
    ],
    # Three steps from one to the next and one more: who walks in a circle gets there.
    [
      for alias, its in var.stanza.models : "fallbacks of ${alias} lead in a circle, or further than three; let the last have none."
      if length(flatten([for second in its.fallbacks : [
        for third in try(var.stanza.models[second].fallbacks, []) : [
          for fourth in try(var.stanza.models[third].fallbacks, []) : try(var.stanza.models[fourth].fallbacks, [])
        ]
      ]])) > 0
    ],
  )
}
