# `terraform init` takes the rest from -backend-config=../<environment>/backend.hcl
# and -backend-config=key=operations.tfstate, or operations-<shard>.tfstate.
terraform {
  backend "s3" {}
}
