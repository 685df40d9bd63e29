"""A structured answer with Instructor."""

import instructor
from pydantic import BaseModel

from tenant_bedrock import connect


class Answer(BaseModel):
    """What the model is asked for."""

    summary: str


client = instructor.from_bedrock(
    connect().client("eu-central-1"), mode=instructor.Mode.BEDROCK_TOOLS
)
answer = client.chat.completions.create(
    modelId="claude",
    messages=[{"role": "user", "content": [{"text": "What is a confused deputy?"}]}],
    response_model=Answer,
)

print(answer)
