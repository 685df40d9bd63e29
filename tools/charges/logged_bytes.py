"""How many bytes one call writes into the customer's log groups; tests/lambda/test_logged_bytes.py measures them."""

from __future__ import annotations

from dataclasses import dataclass

# What CloudWatch Logs adds to the text of an event:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
EVENT_BYTES = 26


@dataclass(frozen=True)
class LoggedBytes:
    """The bytes of one call's events, each with ``EVENT_BYTES``.

    ``mark`` is the start mark, which a call of more than a moment has, ``record`` the record, and ``function`` what
    Lambda writes into the function's own log for an invocation.
    """

    mark: int
    record: int
    function: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.mark + self.record + self.function


# Measured, with EVENT_BYTES for each event: a record without its texts by the stanza's `content`, a start mark, and
# Lambda's own two lines of an invocation. Longer names of tenants, aliases and models make them somewhat longer.
_RECORDS = {"full": 1420, "hashed": 1580, "metadata": 1290}
_MARK = 860
_FUNCTION = 455


def logged_bytes(content: str, prompt_bytes: float, answer_bytes: float) -> LoggedBytes:
    """Return the bytes of an average call with one message and one answer, for a stanza's ``content``.

    The content of a full record is the request and the answer as JSON, which in plain text takes as many bytes as
    the text.
    """
    text = prompt_bytes + answer_bytes if content == "full" else 0
    return LoggedBytes(_MARK, _RECORDS[content] + round(text), _FUNCTION)
