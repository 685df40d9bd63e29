"""The function's own log: structured lines on stdout, with a prompt only in a spilled record."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from tenant_bedrock import environment

# These print requests, answers or headers at DEBUG, and noise at INFO, whatever the root level is.
_TALKATIVE = ("boto3", "botocore", "langchain_aws", "langchain_core", "langsmith", "urllib3")
_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}


def open_log() -> logging.Logger:
    """The package's logger, at INFO whatever the root's level is: no knob may drop records.

    Under Lambda's JSON log format the runtime's own handler writes each line as one frame, which
    the platform keeps as one event; a bare ``print`` is cut at pipe boundaries. Anywhere else the
    same line goes to stdout as plain JSON.
    """
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    log = logging.getLogger("tenant_bedrock")
    log.setLevel(logging.INFO)
    if not environment.runtime_writes_json() and not log.handlers:
        log.addHandler(_JsonLines())
        log.propagate = False
    return log


class _JsonLines(logging.Handler):
    """One JSON object a line on stdout, in the shape of Lambda's JSON log format.

    A stdout that takes nothing raises, OSError or ValueError: who writes a record must know.
    """

    def emit(self, record: logging.LogRecord) -> None:
        facts = {name: value for name, value in record.__dict__.items() if name not in _PLAIN}
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "message": record.getMessage(),
            **facts,
        }
        sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()
