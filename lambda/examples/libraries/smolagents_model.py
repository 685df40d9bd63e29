"""A model of smolagents, whose version 1.26 expects a member that Converse's answers do not have."""

from typing import Any

from smolagents import AmazonBedrockModel

from tenant_bedrock import connect


def add_tool_calls(parsed: dict[str, Any], **_: object) -> None:
    """Add the member to an answer, after it has been recorded."""
    if "output" in parsed:
        parsed["output"]["message"].setdefault("tool_calls", None)


client = connect().client("eu-central-1")
client.meta.events.register("after-call.bedrock-runtime.Converse", add_tool_calls)
model = AmazonBedrockModel("claude", client=client)
question = [{"role": "user", "content": [{"type": "text", "text": "What is a confused deputy?"}]}]
answer = model.generate(question)

print(answer.content)
