# The suffix makes it a name that only this account can register (`make bootstrap`).
bucket              = "bedrock-local-state-111111111111-eu-central-1-an"
region              = "eu-central-1"
allowed_account_ids = ["111111111111"] # whose credentials Terraform may use for the state
use_lockfile        = true
use_path_style      = true # the local AWS has no DNS names for buckets
