provider "aws" {
  region = "eu-central-1"
}

module "customer_workload" {
  source = "../.."

  account_id   = "222222222222"
  environment  = "prod"
  package_path = "${path.module}/tenant-bedrock-arm64-py3.13.zip"
  tenant       = "acme"

  models = {
    nova = {
      base_model_id = "amazon.nova-lite-v1:0"
      model         = "eu.amazon.nova-lite-v1:0"
      regions       = ["eu-central-1"]
    }
  }

  operations_role = {
    arn         = "arn:aws:iam::111111111111:role/bedrock-prod-acme"
    external_id = "269170463fdc32af10a91e67a8fd77bd"
  }
}
