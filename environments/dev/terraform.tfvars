# An example. The account ids are placeholders; nothing can be applied until you
# replace them.
environment = "dev"

operations = {
  account_id            = "111111111111"
  deployment_principals = ["arn:aws:iam::111111111111:role/deployment"]
  region                = "eu-central-1"
}

tenants = {
  example = {
    accounts     = { "222222222222" = {} }
    deployer     = { external_id = "f98f7c17e9867145035ca51382f4d295" }
    external_ids = { current = "957de22fad53ba4a185d28da6ab59943" }
    models = {
      claude = {
        model   = "anthropic.claude-haiku-4-5-20251001-v1:0"
        regions = ["eu-central-1"]
        route   = "geographic"
        profile = "eu."
      }
    }
    workload = { retention_days = 30 }
  }
}
