"""An environment as data: environments/<name>/terraform.tfvars and backend.hcl."""
