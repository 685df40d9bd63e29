bucket       = "bedrock-dev-state-111111111111"
region       = "eu-central-1"
use_lockfile = true
