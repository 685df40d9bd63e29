# An example of everything a stanza can say: these accounts are placeholders
# that no credentials of yours reach, so nothing can be applied until they are
# replaced. `make tenant ENV=prod NAME=… ACCOUNT=…` adds a stanza.
environment = "prod"

# What AWS has raised for the operations account; these are the defaults.
limits = {
  inference_profiles = 1000
  roles              = 1000
  trust_policy       = 2048
}

operations = {
  account_id           = "111111111111"
  permissions_boundary = "arn:aws:iam::111111111111:policy/tenant-boundary"
  region               = "eu-central-1"
}

# An account may be in several stanzas only if it is listed here.
accounts_with_several_tenants = []

tenants = {
  example = {
    state = "active" # or "suspended": denied at once; or "offboarding": only the records stay

    accounts = {
      "222222222222" = {
        permissions_boundary = "arn:aws:iam::222222222222:policy/workload-boundary"
        readers              = ["arn:aws:iam::222222222222:role/auditor"]
        region               = "eu-central-1" # where the function and its records are
        unmaskers            = ["arn:aws:iam::222222222222:role/auditor-in-charge"]
        vpc = {
          id                 = "vpc-0123456789abcdef0" # makes endpoints; leave it out where there are some
          security_group_ids = ["sg-0123456789abcdef0"]
          subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
        }
      }
    }

    audit   = "required"                 # no answer without an acknowledged record; or "best-effort"
    content = "full"                     # or "metadata", or "hashed"
    masking = ["EmailAddress", "Ssn-US"] # what only unmaskers see in the records

    # The ExternalId that the customer's deployer role requires; `make rotate` does not change it.
    deployer = { external_id = "ed070b6e3fce1b17b9e35cc989ce4a04" }

    external_ids = {
      current  = "b4bb49679828e437df6c824d53ed9043"
      previous = "06b1a3e0a2a54f6f9d3a5d0f6c1e7b28" # only while `make rotate` brings the current one in
    }

    # Every call must name it; it lies in the Region the models are called in.
    guardrail = {
      arn     = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abcdefgh1234"
      version = "1"
    }

    models = {
      claude = {
        model     = "anthropic.claude-sonnet-4-5-20250929-v1:0"
        regions   = ["eu-central-1"] # the first is the default
        route     = "geographic"
        profile   = "eu."
        fallbacks = ["haiku", "nova"] # tried in this order when Bedrock throttles or fails
        track     = true
      }
      haiku = {
        model   = "anthropic.claude-haiku-4-5-20251001-v1:0"
        regions = ["eu-central-1"]
        route   = "global"
      }
      nova = {
        model     = "amazon.nova-lite-v1:0"
        regions   = ["eu-central-1"]
        route     = "geographic"
        profile   = "eu."
        streaming = false
      }
      nova-pro = {
        model        = "amazon.nova-pro-v1:0"
        regions      = ["eu-central-1"]
        route        = "geographic"
        profile      = "eu."
        destinations = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"] # instead of the module's own list
      }
    }

    # The role's permissions hold only from these; either is enough.
    perimeter = {
      networks      = ["203.0.113.0/24"]
      vpc_endpoints = ["vpce-0123456789abcdef0"]
    }

    quota = {
      max_tokens_per_call = 4096
      requests_per_second = 5
      tokens_per_day      = 1000000
      tokens_per_month    = 20000000
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
