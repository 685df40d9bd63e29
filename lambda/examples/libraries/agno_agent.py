"""An agent of Agno."""

from agno.agent import Agent
from agno.models.aws import AwsBedrock

from tenant_bedrock import connect

model = AwsBedrock(id="claude", client=connect().client("eu-central-1"))
answer = Agent(model=model, telemetry=False).run("What is a confused deputy?")

print(answer.content)
