"""One fact about AWS: what is documented, where, and the function that observes what AWS really does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.acceptance.sandbox import Sandbox

Result = Literal["ok", "differs", "cannot tell"]


@dataclass(frozen=True)
class Observation:
    """What was seen: a sentence for people, and ``data`` for machines, without prompts and secrets."""

    result: Result
    seen: str
    data: Mapping[str, Any] = field(default_factory=dict)


def compared(
    agrees: bool,
    seen: str,
    **data: Any,  # noqa: ANN401 - any JSON value
) -> Observation:
    """Return "ok" if what was seen ``agrees`` with what is documented, otherwise "differs"."""
    return Observation("ok" if agrees else "differs", seen, data)


def unknown(reason: str, **data: Any) -> Observation:  # noqa: ANN401 - any JSON value
    """Return "cannot tell" with the reason."""
    return Observation("cannot tell", reason, data)


@dataclass(frozen=True)
class Check:
    """One fact, by a name that the documentation lists too.

    ``expected`` is what the product relies on, and ``page`` the AWS page that states it or comes nearest.
    ``only_aws`` says that no test on the local AWS can show it: the local AWS behaves as its authors read the page.
    ``observe`` may raise botocore's errors and CommandError, which mean that the fact could not be observed.
    """

    group: str
    name: str
    expected: str
    page: str
    observe: Callable[[Sandbox], Observation]
    only_aws: bool = False


@dataclass(frozen=True)
class Outcome:
    """A check with what it observed; ``seconds`` is how long that took."""

    check: Check
    observation: Observation
    seconds: float
