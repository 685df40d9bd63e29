provider "aws" {
  region = "eu-central-1"
}

module "customer_deployer" {
  source = "../.."

  account_id            = "222222222222"
  deployment_principals = ["arn:aws:iam::111111111111:role/deployment"]
  environment           = "prod"
  external_id           = "7d1f0c5b9a3e4826b0c4d7e1f2a39586"
  operations_account_id = "111111111111"
  region                = "eu-central-1"
  tenant                = "acme"
}
