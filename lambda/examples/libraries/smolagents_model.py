"""A model of smolagents, whose version 1.26 expects a member that Converse's answers do not have."""

from typing import Any

from smolagents import AmazonBedrockModel

from tenant_bedrock import connect


class ToolCallsClient:
    """A client whose answers have the member."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3's
        self._client = client

    def converse(self, **request: object) -> dict[str, Any]:
        """Call Bedrock and add the member to the answer."""
        answer: dict[str, Any] = self._client.converse(**request)
        answer["output"]["message"]["tool_calls"] = None
        return answer


client = ToolCallsClient(connect().client("eu-central-1"))
model = AmazonBedrockModel("claude", client=client)
question = [{"role": "user", "content": [{"type": "text", "text": "What is a confused deputy?"}]}]
answer = model.generate(question)

print(answer.content)
