"""An agent of Strands, which makes its client from the session and streams."""

from strands import Agent
from strands.models import BedrockModel

from tenant_bedrock import connect

model = BedrockModel(boto_session=connect().session("eu-central-1"), model_id="claude")
answer = Agent(model, callback_handler=None)("What is a confused deputy?")

print(answer)
