"""Ask one question from any process: on EC2, in a container or on a developer's machine."""

from tenant_bedrock import connect

answer = connect().chat("claude").invoke("What is a confused deputy?")

print(answer.text)
print(answer.response_metadata["record"])  # {"id": "6498e5b1-…", "delivery": "delivered", …}
