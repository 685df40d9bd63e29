provider "aws" {
  region = "eu-central-1"
}

module "operations_role" {
  source = "../.."

  operations = {
    account_id           = "111111111111"
    environment          = "prod"
    partition            = "aws"
    permissions_boundary = "arn:aws:iam::111111111111:policy/tenant-boundary"
    region               = "eu-central-1"
    trust_policy_limit   = 4096 # raised by AWS for this account
  }

  stanza = {
    accounts = {
      "222222222222" = {}
      "333333333333" = {}
    }

    external_ids = {
      current  = "269170463fdc32af10a91e67a8fd77bd"
      previous = "e2f2aa7d039ce726c5185bff0d2467ce" # only during a rotation
    }

    guardrail = {
      arn     = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abcdefgh1234"
      version = "7"
    }

    models = {
      claude = {
        count_tokens = true
        fallbacks    = ["haiku", "nova"]
        model        = "anthropic.claude-sonnet-5"
        profile      = "eu."
        regions      = ["eu-central-1"]
        route        = "geographic"
        track        = true
      }
      haiku = {
        model   = "anthropic.claude-haiku-4-5-20251001-v1:0"
        regions = ["eu-central-1"]
        route   = "global"
      }
      nova = {
        model     = "amazon.nova-lite-v1:0"
        regions   = ["eu-central-1"]
        streaming = false
      }
      nova-pro = {
        destinations = ["eu-central-1", "eu-north-1"]
        model        = "amazon.nova-pro-v1:0"
        profile      = "eu."
        regions      = ["eu-central-1"]
        route        = "geographic"
      }
    }

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

    state = "active"
  }

  tenant = "acme"
}

output "handover" {
  description = "What the customer side needs in order to use the role."
  value       = module.operations_role.role.handover
  sensitive   = true # contains the ExternalId
}
