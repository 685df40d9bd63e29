bucket       = "bedrock-prod-state-111111111111"
region       = "eu-central-1"
use_lockfile = true
