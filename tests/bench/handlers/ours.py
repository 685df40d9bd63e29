"""The zip's own handler, and a stream read to its end, which the handler does not offer."""

import time

from tenant_bedrock.handler import _connection
from tenant_bedrock.handler import handler as answer


def handler(event, context):
    """Answer one prompt, whole or as a stream that is read to its end."""
    if not event.get("stream"):
        return answer(event, context)
    started = time.perf_counter()
    chunks = [chunk.text for chunk in _connection().chat().stream(event["prompt"])]
    called = time.perf_counter()
    return {"answer": "".join(chunks), "chunks": len(chunks), "called_ms": (called - started) * 1e3}
