"""The zip's own handler, and a stream read to its end, which the handler does not offer."""

import time

from tenant_bedrock import handler as ours


def answer(event, context):
    """Answer one prompt, whole or as a stream that is read to its end; returns how many chunks."""
    if not event.get("stream"):
        ours.handler({"prompt": event["prompt"]}, context)
        return 1
    return len([chunk.text for chunk in ours._connection().chat().stream(event["prompt"])])


def handler(event, context):
    """Answer as often as is asked, and say how many milliseconds each time took."""
    took = []
    for _ in range(event.get("times", 1)):
        started = time.perf_counter()
        chunks = answer(event, context)
        took.append((time.perf_counter() - started) * 1000)
    return {"chunks": chunks, "took": took}
