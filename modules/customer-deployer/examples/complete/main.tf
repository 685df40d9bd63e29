provider "aws" {
  region = "eu-central-1"
}

module "customer_deployer" {
  source = "../.."

  account_id              = "222222222222"
  code_signing_config_arn = "arn:aws:lambda:eu-central-1:222222222222:code-signing-config:csc-0123456789abcdef0"
  deployment_principals   = ["arn:aws:iam::111111111111:role/deployment"]
  environment             = "prod"
  external_id             = "7d1f0c5b9a3e4826b0c4d7e1f2a39586"
  operations_account_id   = "111111111111"
  partition               = "aws"
  permissions_boundary    = "arn:aws:iam::222222222222:policy/workload-boundary"
  readers                 = ["arn:aws:iam::222222222222:role/auditor"]
  region                  = "eu-central-1"
  role_name               = "terraform-deployer"
  tags                    = { cost-center = "7" }
  tenant                  = "acme"
  unmaskers               = ["arn:aws:iam::222222222222:role/auditor-in-charge"]

  vpc = {
    id                 = "vpc-0123456789abcdef0"
    security_group_ids = ["sg-0123456789abcdef0"]
    subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  }
}

output "cloudformation_template" {
  description = "The same role and boundary for an account without Terraform."
  value       = module.customer_deployer.cloudformation_template
}
