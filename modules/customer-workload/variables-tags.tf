variable "tags" {
  description = "Further tags of every resource, for a customer who applies the module alone; the operator's root sets its tags in the provider."
  type        = map(string)
  default     = {}
  nullable    = false

  # IAM treats the names of tags without regard to case.
  validation {
    condition     = alltrue([for key in keys(var.tags) : !contains(["deployer-digest", "deployer-release", "deployer-version", "environment", "managed-by", "tenant"], lower(key)) && !startswith(lower(key), "aws:")])
    error_message = "tags cannot have ${join(" or ", [for key in keys(var.tags) : key if contains(["deployer-digest", "deployer-release", "deployer-version", "environment", "managed-by", "tenant"], lower(key)) || startswith(lower(key), "aws:")])}, because the module, the workload or AWS sets them; use other names."
  }

  # The characters and lengths that Bedrock, EC2, IAM, KMS, Lambda and CloudWatch Logs all accept, and room for the module's own tags.
  # https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
  validation {
    condition     = length(var.tags) <= 40 && alltrue([for key, text in var.tags : can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", key)) && can(regex("^[A-Za-z0-9 _.:/=+@-]{0,256}$", text))])
    error_message = "tags has at most 40 entries with names of 1 to 128 and values of at most 256 letters, digits, spaces and _.:/=+-@ characters; correct ${length(var.tags) > 40 ? "the number of tags" : join(" and ", [for key, text in var.tags : key if !can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", key)) || !can(regex("^[A-Za-z0-9 _.:/=+@-]{0,256}$", text))])}."
  }
}
