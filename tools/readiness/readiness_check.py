"""One thing that was looked at, and how a failure to look becomes a line as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws_error import aws_sentence
from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OK, TO_DO, CANNOT_TELL = "ok", "to do", "cannot tell"


@dataclass(frozen=True)
class ReadinessCheck:
    """What was looked at, its status, its state in words, and what to do, which is empty when all is well."""

    subject: str
    status: str  # OK, TO_DO or CANNOT_TELL
    state: str
    advice: str = ""


def ok(subject: str, state: str) -> ReadinessCheck:
    """Return a check of something that is as it should be."""
    return ReadinessCheck(subject, OK, state)


def to_do(subject: str, state: str, advice: str) -> ReadinessCheck:
    """Return a check of something that somebody has to mend."""
    return ReadinessCheck(subject, TO_DO, state, advice)


def cannot_tell(subject: str, reason: str) -> ReadinessCheck:
    """Return a check of something that could not be read."""
    return ReadinessCheck(subject, CANNOT_TELL, "not readable", reason)


def each(subject: str, look: Callable[[], Iterable[ReadinessCheck]]) -> list[ReadinessCheck]:
    """Return the checks of one part, and one more if an error ended it; the other parts go on."""
    checks: list[ReadinessCheck] = []
    try:
        checks.extend(look())
    except CommandError as error:
        checks.append(cannot_tell(subject, str(error)))
    except (BotoCoreError, ClientError) as error:
        checks.append(cannot_tell(subject, aws_sentence(error)))
    return checks
