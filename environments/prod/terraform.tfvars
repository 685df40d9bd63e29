# An example of everything a stanza can say: these accounts are placeholders
# that no credentials of yours reach, so nothing can be applied until they are
# replaced. `make tenant ENV=prod NAME=… ACCOUNT=…` adds a stanza.
environment = "prod"

operations = {
  account_id           = "111111111111"
  permissions_boundary = "arn:aws:iam::111111111111:policy/tenant-boundary"
  region               = "eu-central-1"
}

tenants = {
  example = {
    accounts = {
      "222222222222" = {
        permissions_boundary = "arn:aws:iam::222222222222:policy/workload-boundary"
        readers              = ["arn:aws:iam::222222222222:role/auditor"]
        region               = "eu-west-1" # where the function and its records are
        vpc = {
          security_group_ids = ["sg-0123456789abcdef0"]
          subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
        }
      }
    }
    external_ids = { current = "b4bb49679828e437df6c824d53ed9043" }
    models = {
      claude = { model = "anthropic.claude-3-haiku-20240307-v1:0", regions = ["eu-central-1", "eu-west-1"] }
      nova   = { model = "amazon.nova-lite-v1:0", regions = ["us-east-1"] }
    }
    workload = {
      architecture         = "arm64"
      memory_size          = 1024
      reserved_concurrency = 20
      retention_days       = 3653
      timeout              = 300
    }
  }
}
