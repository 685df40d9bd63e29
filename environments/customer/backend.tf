# `terraform init` takes the rest from -backend-config=../<environment>/backend.hcl
# and -backend-config=key=customers/<tenant>/<account>.tfstate.
terraform {
  backend "s3" {}
}
