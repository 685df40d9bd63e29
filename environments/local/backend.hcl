bucket         = "bedrock-local-state-111111111111"
region         = "eu-central-1"
use_lockfile   = true
use_path_style = true # the local AWS has no DNS names for buckets
