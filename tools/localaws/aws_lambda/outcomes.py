"""The outcome of an invocation: the function's answer or error, or an error of the platform.

Error types and messages:
https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """The outcome of one invocation; ``error_type`` is set when the platform ended it.

    ``body`` is the payload for the caller: the function's answer, or an error object. ``error`` is
    Lambda's message about a timeout or a crash.
    """

    body: bytes = field(repr=False)
    status: Literal["success", "error", "timeout"] = "success"
    error_type: str | None = None
    error: str | None = None


def timed_out(request_id: str, seconds: int) -> Outcome:
    """The outcome of a function that took longer than its timeout."""
    return _platform_error(
        request_id, "Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds"
    )


def exited(request_id: str, code: int) -> Outcome:
    """The outcome of a process that ended; a negative ``code`` is a signal, as in subprocess."""
    reason = f"exit status {code}"
    if code < 0:
        names = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated"}
        reason = f"signal: {names.get(signal.Signals(-code), signal.strsignal(-code))}"
    message = (
        f"Runtime exited with error: {reason}"
        if code
        else "Runtime exited without providing a reason"
    )
    return _platform_error(request_id, "Runtime.ExitError", message)


def _platform_error(request_id: str, error_type: str, message: str) -> Outcome:
    text = f"RequestId: {request_id} Error: {message}"
    return Outcome(
        body=json.dumps({"errorType": error_type, "errorMessage": text}).encode(),
        status="timeout" if error_type == "Sandbox.Timedout" else "error",
        error_type=error_type,
        error=text,
    )
