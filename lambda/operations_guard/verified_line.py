"""One line of a verification, and how a failure to read becomes a line of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from operations_guard.aws_reader import NotReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

OK, FAULT, CANNOT_TELL = "ok", "fault", "cannot tell"
CHECKED, PROVED, STATED = "checked", "proved", "AWS's word"
_AT_A_TIME = 8
_Result = TypeVar("_Result")
_NAMES_SHOWN = 3


@dataclass(frozen=True)
class VerifiedLine:
    """What was looked at, its status, what was found in words, how that is known, and what to do about it.

    ``basis`` is CHECKED for what AWS's configuration says, PROVED for what two solvers decide for every request. The
    advice is empty when all is well.
    """

    subject: str
    status: str  # OK, FAULT or CANNOT_TELL
    found: str
    basis: str = CHECKED
    advice: str = ""


def cannot_tell(subject: str, reason: str) -> VerifiedLine:
    """Return a line about something that could not be read."""
    return VerifiedLine(subject, CANNOT_TELL, reason, advice="Allow the action, and run it again.")


def lines_of(
    subject: str, look: Callable[[], Iterable[str]], clean: str, advice: str
) -> Iterator[VerifiedLine]:
    """Yield a fault for each problem, one line with ``clean`` without any, or why there is no answer."""
    try:
        problems = list(look())
    except NotReadError as error:
        yield cannot_tell(subject, str(error))
        return
    for problem in problems:
        yield VerifiedLine(subject, FAULT, problem, advice=advice)
    if not problems:
        yield VerifiedLine(subject, OK, clean)


def lines_of_regions(
    subject: str,
    regions: Sequence[str],
    look: Callable[[str], Iterable[str]],
    clean: str,
    advice: str,
) -> Iterator[VerifiedLine]:
    """Yield the faults and the unread Regions, each a line, and one line about all Regions without either.

    ``advice`` may name a ``{region}``. Regions are looked at side by side.
    """

    def read(region: str) -> list[VerifiedLine]:
        return list(lines_of(subject, lambda: look(region), "", advice.format(region=region)))

    results = in_each(regions, read)
    lines = [line for found in results.values() for line in found]
    if good := [region for region, found in results.items() if found[0].status == OK]:
        yield VerifiedLine(subject, OK, f"{clean} in {shown(good, 'Regions')}")
    yield from (line for line in lines if line.status != OK)


def in_each(regions: Sequence[str], step: Callable[[str], _Result]) -> dict[str, _Result]:
    """Return what ``step`` returns for each Region, some of them at a time."""
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return dict(zip(regions, pool.map(step, regions), strict=True))


def shown(names: Sequence[str], plural: str) -> str:
    """Return a few names, or the number of many."""
    return ", ".join(names) if len(names) <= _NAMES_SHOWN else f"{len(names):,} {plural}"
