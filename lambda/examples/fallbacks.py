"""Try the alias' fallbacks when Bedrock throttles or fails, and print which alias answered."""

from tenant_bedrock import connect

chat = connect().chat_with_fallbacks("claude")
answer = chat.invoke("What is a confused deputy?")

print(answer.response_metadata["record"]["alias"], answer.text)
