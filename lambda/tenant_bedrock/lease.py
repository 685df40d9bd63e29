"""A lease on a call: when the code that made the call lets go of it, the call is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queue import SimpleQueue

    from tenant_bedrock.model_call import ModelCall


class Lease:
    """Held by botocore's context of a request and by its stream, for as long as somebody uses them.

    A stream that is left with ``break``, a cancelled task and a caught KeyboardInterrupt tell nobody
    that the call is over; they only drop its objects. The garbage collector may drop them in any
    thread, whatever locks that thread holds, so the call is only put into a queue here:
    ``SimpleQueue.put`` is the one queue operation that Python permits in a destructor.
    https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put
    """

    def __init__(self, call: ModelCall, abandoned: SimpleQueue[ModelCall | None]) -> None:
        self.call = call
        self._abandoned = abandoned

    def end(self) -> None:
        """Give the call to the delivery thread, which records it unless it has been recorded."""
        self._abandoned.put(self.call)

    def __del__(self) -> None:
        if self.call.phase in {None, "incomplete"} or self.call.source is not None:
            self._abandoned.put(self.call)
