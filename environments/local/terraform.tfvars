# The accounts of the local AWS; `make demo` applies this environment.
environment = "local"

operations = {
  account_id            = "111111111111"
  deployment_principals = ["arn:aws:iam::111111111111:user/deployer"]
  region                = "eu-central-1"

  # It enforces initech's quota, and stops initech if it does not run for 20 minutes.
  guard = { lease_minutes = 20, on_failure = "closed" }
}

tenants = {
  acme = {
    accounts = {
      "222222222222" = { readers = ["arn:aws:iam::222222222222:user/auditor"] }
    }
    deployer     = { external_id = "1caef3c2a7cf472eec73b3cb7ff8d250" }
    external_ids = { current = "269170463fdc32af10a91e67a8fd77bd" }
    models = {
      claude = {
        model     = "anthropic.claude-haiku-4-5-20251001-v1:0"
        regions   = ["eu-central-1", "eu-west-1"]
        route     = "geographic"
        profile   = "eu."
        fallbacks = ["nova"]
      }
      nova = { model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"], route = "geographic", profile = "eu." }
    }
  }

  # A tenant with two accounts: one role serves both, and each keeps its own records.
  globex = {
    accounts = {
      "333333333333" = { readers = ["arn:aws:iam::333333333333:user/auditor"] }
      "444444444444" = {
        readers = ["arn:aws:iam::444444444444:user/auditor"]
        region  = "eu-west-1"
      }
    }
    deployer     = { external_id = "d037346b12f393c466490a1683713ff7" }
    external_ids = { current = "e2f2aa7d039ce726c5185bff0d2467ce" }
    models = {
      nova  = { model = "amazon.nova-pro-v1:0", regions = ["us-east-1"], route = "geographic", profile = "us." }
      world = { model = "anthropic.claude-sonnet-5", regions = ["us-east-1"], route = "global" }
    }
  }

  # A tracked tenant: its calls go through an inference profile of its own, by which Bedrock
  # counts its tokens separately.
  initech = {
    accounts = {
      "555555555555" = {
        readers   = ["arn:aws:iam::555555555555:user/auditor"]
        unmaskers = ["arn:aws:iam::555555555555:user/auditor"]
      }
    }
    masking      = ["EmailAddress"]
    deployer     = { external_id = "8d12210f29b004f81d34ee49ade57494" }
    external_ids = { current = "211bbbdc3d8bb28c79b54b02f0386fbd" }
    models = {
      claude = {
        model   = "anthropic.claude-haiku-4-5-20251001-v1:0"
        regions = ["eu-central-1"]
        route   = "geographic"
        profile = "eu."
        track   = true
      }
    }
    quota = {
      max_tokens_per_call = 4096
      requests_per_second = 5
      tokens_per_day      = 1000
      tokens_per_month    = 10000
      event_bus           = "arn:aws:events:eu-central-1:555555555555:event-bus/quotas"
    }
    workload = {
      memory_size    = 512
      retention_days = 30
      timeout        = 60
    }
  }
}
