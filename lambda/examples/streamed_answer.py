"""Print an answer while it arrives; on SIGTERM (``systemctl stop``) an open call is recorded."""

from tenant_bedrock import connect

chat = connect().chat("claude", max_tokens=500)

for chunk in chat.stream("What is a confused deputy?"):
    print(chunk.text, end="", flush=True)
