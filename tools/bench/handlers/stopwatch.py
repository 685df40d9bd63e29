"""The entry point of all three handlers: it answers as often as the event asks and times each answer."""

import time


def timed(answer):
    """Return a Lambda handler that calls ``answer(event, context)`` ``times`` times.

    It returns the number of chunks of an answer, and the milliseconds that each answer took.
    """

    def handler(event, context):
        milliseconds = []
        for _ in range(event.get("times", 1)):
            started = time.perf_counter()
            chunks = answer(event, context)
            milliseconds.append((time.perf_counter() - started) * 1000)
        return {"chunks": chunks, "milliseconds": milliseconds}

    return handler
