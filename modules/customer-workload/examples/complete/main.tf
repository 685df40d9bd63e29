provider "aws" {
  region = "eu-central-1"
}

module "customer_workload" {
  source = "../.."

  account_id              = "222222222222"
  architecture            = "x86_64"
  audit                   = "required"
  code_signing_config_arn = "arn:aws:lambda:eu-central-1:222222222222:code-signing-config:csc-0123456789abcdef0"
  content                 = "full"
  environment             = "prod"
  key_arn                 = "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  masking                 = ["BankAccountNumber-DE", "EmailAddress"]
  memory_size             = 2048
  package_path            = "${path.module}/tenant-bedrock-x86_64-py3.13.zip"
  permissions_boundary    = "arn:aws:iam::222222222222:policy/workload-boundary"
  readers                 = ["arn:aws:iam::222222222222:role/auditor", "arn:aws:iam::333333333333:role/security"]
  reserved_concurrency    = 20
  retention_days          = 3653
  snap_start              = true
  state                   = "active"
  tags                    = { cost-center = "7" }
  tenant                  = "acme"
  timeout                 = 900
  trusted_accounts        = ["333333333333"]
  unmaskers               = ["arn:aws:iam::222222222222:role/auditor-in-charge"]

  # The next four come from the hand-over, as `make handover` prints it.
  guardrail = {
    arn     = "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abcdefgh1234"
    version = "7"
  }

  models = {
    claude = {
      base_model_id = "anthropic.claude-haiku-4-5-20251001-v1:0"
      count_tokens  = true
      fallbacks     = ["nova"]
      model         = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
      regions       = ["eu-central-1"]
    }
    nova = {
      base_model_id = "amazon.nova-lite-v1:0"
      model         = "eu.amazon.nova-lite-v1:0"
      regions       = ["eu-central-1"]
      streaming     = false
    }
  }

  operations_role = {
    arn         = "arn:aws:iam::111111111111:role/bedrock-prod-acme"
    external_id = "269170463fdc32af10a91e67a8fd77bd"
  }

  quota = {
    max_tokens_per_call = 4096
    requests_per_second = 5
    tokens_per_day      = 1000000
    tokens_per_month    = 20000000
  }

  usage = {
    parameter = "/bedrock/prod/usage/acme"
    region    = "eu-central-1"
  }

  vpc = {
    id                 = "vpc-0123456789abcdef0" # creates VPC endpoints; leave it out if the VPC has them
    security_group_ids = ["sg-0123456789abcdef0"]
    subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  }
}

output "function_name" {
  description = "The function to invoke."
  value       = module.customer_workload.function_name
}
