"""boto3 with the request format of Claude."""

import json

from tenant_bedrock import connect

body = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "What is a confused deputy?"}],
}
answer = connect().client("eu-central-1").invoke_model(modelId="claude", body=json.dumps(body))

print(json.loads(answer["body"].read())["content"][0]["text"])
