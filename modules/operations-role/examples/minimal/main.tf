provider "aws" {
  region = "eu-central-1"
}

module "operations_role" {
  source = "../.."

  operations = {
    account_id  = "111111111111"
    environment = "prod"
    partition   = "aws"
    region      = "eu-central-1"
  }

  stanza = {
    accounts     = { "222222222222" = {} }
    external_ids = { current = "269170463fdc32af10a91e67a8fd77bd" }
    models = {
      nova = { model = "amazon.nova-lite-v1:0", regions = ["eu-central-1", "eu-west-1"] }
    }
  }

  tenant = "acme"
}
