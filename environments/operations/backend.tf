# init says where: -backend-config=../<environment>/backend.hcl and
# -backend-config=key=operations.tfstate.
terraform {
  backend "s3" {}
}
