# The regular expressions that several rules of the variables share. They cannot
# depend on a variable, because Terraform checks a variable before the locals that use it.

locals {
  # The code of a Region in any partition.
  a_region = "^([a-z]{2}|[a-z]{2}-(gov|iso[a-z]?)|eusc-[a-z]{2})-((north|south)?(east|west)|north|south|central)-[1-9][0-9]?$"

  # A file of stanzas in an environment's folder, and one that nothing reads: whoever wrote it may believe that it counts.
  # Other files whose names begin with a dot, such as .gitkeep, are nobody's stanza.
  a_read_file     = "^(terraform\\.tfvars|tenants/[a-z0-9](-?[a-z0-9])+\\.tfvars(\\.json)?)$"
  an_ignored_file = "^tenants($|/[^.])|\\.tfvars(\\.json)?$"

  # A tag's name and value with a line break between them, as Bedrock, EC2, IAM, KMS, Lambda and CloudWatch Logs all accept them.
  a_tag = "^[A-Za-z0-9 _.:/=+@-]{1,128}\n[A-Za-z0-9 _.:/=+@-]{0,256}$"

  # The tags that the roots and the modules set themselves. IAM treats the names of tags without regard to case.
  a_reserved_tag = "^(?i:alias|aws:.*|deployer-digest|deployer-release|deployer-version|environment|managed-by|tenant)$"

  # In a stanza as JSON, which has every attribute, an attribute, an entry of a map or an element of a list that is null.
  a_null = "\"[^\"]+\":(?:\\[(?:[^\\]]*,)?)?null\\b"

  # The attributes that may be left out and have no default.
  optional_nulls = "/\"(${join("|", [
    "code_signing_config_arn", "deployer", "event_bus", "guardrail", "id", "max_tokens_per_call", "memory_size", "permissions_boundary", "perimeter",
    "previous", "profile", "region", "requests_per_second", "reserved_concurrency", "retention_days", "snap_start", "timeout", "tokens_per_day",
    "tokens_per_month", "usd_per_month", "vpc",
  ])})\":null/"
}
