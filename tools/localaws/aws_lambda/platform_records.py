"""Lambda's platform records in a function's log, as text or as JSON.

Text: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html. JSON and its levels:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html and
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html.
"""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tools.localaws.logs.log_delivery import LogEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.aws_lambda.function_version import FunctionVersion
    from tools.localaws.aws_lambda.outcomes import Outcome

_LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30}


class PlatformRecords:
    """Builds the platform records of one function."""

    def __init__(self, function: FunctionVersion) -> None:
        self._function = function
        self._json = function.logging["LogFormat"] == "JSON"
        self._threshold = _LEVELS[function.logging.get("SystemLogLevel", "DEBUG")]

    def init_start(self) -> list[LogEvent]:
        """The record of an environment that starts to load the function."""
        if not self._json:
            return [_event(f"INIT_START Runtime Version: {self._function.runtime}")]
        record = {
            "functionName": self._function.name,
            "functionVersion": self._function.version,
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": self._function.runtime,
        }
        return self._record("INFO", "platform.initStart", record)

    def start(self, request_id: str) -> list[LogEvent]:
        """The record of an invocation that starts."""
        if not self._json:
            version = self._function.version
            return [_event(f"START RequestId: {request_id} Version: {version}")]
        record = {"requestId": request_id, "version": self._function.version}
        return self._record("INFO", "platform.start", record)

    def end(
        self, request_id: str, outcome: Outcome, *, duration: float, memory: int, init: float | None
    ) -> list[LogEvent]:
        """The records of an invocation that has ended: END and REPORT.

        Times are in milliseconds, ``memory`` is in MB, and ``init`` is set for an environment's first
        invocation.
        """
        billed = math.ceil(duration)
        if not self._json:
            init_text = "" if init is None else f"Init Duration: {init:.2f} ms\t"
            failure = [] if outcome.error is None else [_event(outcome.error)]
            return [
                *failure,
                _event(f"END RequestId: {request_id}"),
                _event(
                    f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\t"
                    f"Billed Duration: {billed} ms\tMemory Size: {self._function.memory} MB\t"
                    f"Max Memory Used: {memory} MB\t{init_text}"
                ),
            ]
        record: dict[str, Any] = {
            "metrics": {
                "billedDurationMs": billed,
                "durationMs": round(duration, 3),
                "maxMemoryUsedMB": memory,
                "memorySizeMB": self._function.memory,
            },
            "requestId": request_id,
            "status": outcome.status,
        }
        if init is not None:
            record["metrics"]["initDurationMs"] = round(init, 3)
        if outcome.error_type is not None:
            record["errorType"] = outcome.error_type
        runtime_done = {"requestId": request_id, "status": outcome.status}
        level = "INFO" if outcome.status == "success" else "WARN"
        return [
            *self._record("DEBUG", "platform.runtimeDone", runtime_done),
            *self._record(level, "platform.report", record),
        ]

    def _record(self, level: str, kind: str, record: Mapping[str, Any]) -> list[LogEvent]:
        if _LEVELS[level] < self._threshold:
            return []
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return [_event(json.dumps({"time": now, "type": kind, "record": record}))]


def _event(message: str) -> LogEvent:
    return LogEvent(time.time_ns() // 1_000_000, message)
