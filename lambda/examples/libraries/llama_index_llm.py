"""A model of LlamaIndex, which looks up the size of the context by the model's id and calls the alias."""

from llama_index.llms.bedrock_converse import BedrockConverse

from tenant_bedrock import connect

llm = BedrockConverse(
    model="anthropic.claude-haiku-4-5-20251001-v1:0",
    application_inference_profile_arn="claude",
    client=connect().client("eu-central-1"),
)
answer = llm.complete("What is a confused deputy?")

print(answer.text)
