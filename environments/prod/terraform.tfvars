# An example of every key of a stanza. The account ids are placeholders; nothing
# can be applied until you replace them. `make tenant ENV=prod NAME=… ACCOUNT=…`
# adds a stanza.
environment = "prod"

# The quotas of the operations account; these are AWS's defaults.
limits = {
  inference_profiles = 1000
  roles              = 1000
  trust_policy       = 2048
}

operations = {
  account_id            = "111111111111"
  administrators        = ["arn:aws:iam::111111111111:role/terraform"] # who else may call Bedrock or change who may
  deployment_principals = ["arn:aws:iam::111111111111:role/deployment"]

  # What enforces the quotas of the stanzas. Without it, nothing does.
  guard = {
    access_rules         = true   # tell the guard's topic of access that no stanza explains; needs a trail
    lease_minutes        = 30     # with on_failure = "closed", tenants with a quota are stopped so long after the last run
    minutes              = 5      # between two runs
    on_failure           = "open" # or "closed"
    permissions_boundary = "arn:aws:iam::111111111111:policy/guard-boundary"
    runbooks             = "https://docs.example.com/bedrock/runbooks" # where docs/runbooks is published

    # The account's quota of each model, as Service Quotas has it. Where it is known, a tenant far below its limit is read less
    # often, which costs less.
    tokens_per_minute = { "anthropic.claude-sonnet-5" = 1000000 }

    # US dollars for a million tokens. These are placeholders; AWS's price list has the prices of your models.
    prices = {
      "amazon.nova-lite-v1:0"                    = { input = 1, output = 4 }
      "amazon.nova-pro-v1:0"                     = { input = 1, output = 4 }
      "anthropic.claude-haiku-4-5-20251001-v1:0" = { input = 1, output = 4, cache_read = 0.1, cache_write = 1.25 }
      "anthropic.claude-sonnet-5"                = { input = 1, output = 4, cache_read = 0.1, cache_write = 1.25 }
    }
  }

  permissions_boundary = "arn:aws:iam::111111111111:policy/tenant-boundary"
  region               = "eu-central-1"
  shards               = 1 # states of the operations account; each has room for about 200 tenants
}

# Tags of every resource in every account. A stanza and an account may add some.
tags = { cost-center = "4711" }

# An account may be in several stanzas only if it is listed here.
accounts_with_several_tenants = []

# What other environments may have too, if they list it as well: accounts, roles and users, networks.
shared_between_environments = []

tenants = {
  example = {
    state = "active" # or "suspended" to deny every call, or "offboarding" to keep only the records

    accounts = {
      "222222222222" = {
        code_signing_config_arn = "arn:aws:lambda:eu-central-1:222222222222:code-signing-config:csc-0123456789abcdef0"
        managed_by              = "operator" # or "customer", who applies what `make handover` writes
        permissions_boundary    = "arn:aws:iam::222222222222:policy/workload-boundary"
        readers                 = ["arn:aws:iam::222222222222:role/auditor"]
        region                  = "eu-central-1" # the Region of the function and its records
        tags                    = { site = "east" }
        unmaskers               = ["arn:aws:iam::222222222222:role/auditor-in-charge"]
        vpc = {
          id                 = "vpc-0123456789abcdef0" # creates VPC endpoints; leave it out if the VPC has them
          security_group_ids = ["sg-0123456789abcdef0"]
          subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
        }
      }
    }

    audit   = "required"                 # returns no answer without an acknowledged record; or "best-effort"
    content = "full"                     # or "metadata" or "hashed"
    masking = ["EmailAddress", "Ssn-US"] # only unmaskers see these in the records

    # The ExternalId that the customer's deployer role requires; `make rotate` does not change it.
    deployer = { external_id = "ed070b6e3fce1b17b9e35cc989ce4a04" }

    external_ids = {
      current  = "b4bb49679828e437df6c824d53ed9043"
      previous = "06b1a3e0a2a54f6f9d3a5d0f6c1e7b28" # only during a rotation with `make rotate`
    }

    # Every call must use it. It is in the Region in which the models are called.
    guardrail = {
      arn     = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abcdefgh1234"
      version = "1"
      previous = { # only while the guardrail is replaced; {} accepts calls without one
        arn     = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/zyxwvuts9876"
        version = "3"
      }
    }

    models = {
      claude = {
        model        = "anthropic.claude-sonnet-5"
        regions      = ["eu-central-1"] # the function uses the first by default
        route        = "geographic"
        profile      = "eu."
        fallbacks    = ["haiku", "nova"] # tried in this order when Bedrock throttles or fails
        track        = true
        count_tokens = true # trim_messages(token_counter=chat) counts with Bedrock, for models that can

        # What it granted before, only while `make model` replaces it.
        previous = {
          count_tokens = false
          destinations = ["eu-central-1"]
          model        = "anthropic.claude-haiku-4-5-20251001-v1:0"
          profile      = "eu."
          regions      = ["eu-central-1"]
          route        = "geographic"
          streaming    = true
          track        = true
        }
      }
      haiku = {
        model   = "anthropic.claude-haiku-4-5-20251001-v1:0"
        regions = ["eu-central-1"]
        route   = "global"
        track   = true
      }
      nova = {
        model     = "amazon.nova-lite-v1:0"
        regions   = ["eu-central-1"]
        route     = "geographic"
        profile   = "eu."
        streaming = false
        track     = true
      }
      nova-pro = {
        model        = "amazon.nova-pro-v1:0"
        regions      = ["eu-central-1"]
        route        = "geographic"
        profile      = "eu."
        destinations = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"] # replaces the module's own list
        track        = true
      }
    }

    # Calls must come from one of these networks or VPC endpoints.
    perimeter = {
      networks      = ["203.0.113.0/24"]
      vpc_endpoints = ["vpce-0123456789abcdef0"]
    }

    # The function keeps to the first two, and the guard enforces the others, of aliases that are tracked.
    quota = {
      max_tokens_per_call = 4096
      requests_per_second = 5
      tokens_per_day      = 1000000
      tokens_per_month    = 20000000
      usd_per_month       = 500

      # Limits of single aliases, beside those of all together.
      aliases = {
        claude = {
          tokens_per_day   = 500000
          tokens_per_month = 10000000
          usd_per_month    = 300
        }
      }

      event_bus = "arn:aws:events:eu-central-1:222222222222:event-bus/quotas" # the customer's, which is told of its quota
      time_zone = "Europe/Berlin"                                             # in which days and months begin; UTC by default
      warn_at   = [50, 80, 95]                                                # percents at which the operator and the customer are told
    }

    tags = { owner = "research" }

    # An account beside the tenant's own whose users and roles may be readers or unmaskers.
    trusted_accounts = ["333333333333"]

    workload = {
      architecture         = "arm64"
      memory_size          = 1024
      reserved_concurrency = 20
      retention_days       = 3653
      snap_start           = false
      timeout              = 300
    }
  }
}
