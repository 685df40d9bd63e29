"""An agent of Pydantic AI."""

from pydantic_ai import Agent
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.providers.bedrock import BedrockProvider

from tenant_bedrock import connect

provider = BedrockProvider(bedrock_client=connect().client("eu-central-1"))
model = BedrockConverseModel("claude", provider=provider)
answer = Agent(model).run_sync("What is a confused deputy?")

print(answer.output)
