"""The function's own log: JSON lines on stdout that hold a prompt only in a spilled record."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from tenant_bedrock import process_environment

# At DEBUG these libraries log requests, answers or headers, so their level does not follow the root's.
_LIBRARIES = ("boto3", "botocore", "langchain_aws", "langchain_core", "langsmith", "urllib3")
_STANDARD_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}


def open_log() -> logging.Logger:
    """The package's logger, always at INFO so that no log level can drop a record.

    With Lambda's JSON log format the runtime's own handler writes each line as one frame, which
    becomes one event; a plain ``print`` may be split. Elsewhere each line goes to stdout as JSON.
    """
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    log = logging.getLogger("tenant_bedrock")
    log.setLevel(logging.INFO)
    if not process_environment.runtime_writes_json() and not log.handlers:
        log.addHandler(_JsonLines())
        log.propagate = False
    return log


class _JsonLines(logging.Handler):
    """Write one JSON object per line to stdout, in the shape of Lambda's JSON log format.

    Unlike other handlers it lets OSError and ValueError from a closed or full stdout through:
    the caller has to know that a record was not written.
    """

    def emit(self, record: logging.LogRecord) -> None:
        extra = {
            name: value for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES
        }
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "message": record.getMessage(),
            **extra,
        }
        sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()
