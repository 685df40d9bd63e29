# No provider: `terraform plan` renders the policies of a thousand accounts
# without credentials and without starting one, which alone takes seconds.
terraform {
  required_version = ">= 1.11"
}
