"""What applications and their libraries do to Python's logging and to stdout.

Uses the standard library only, so that a function on Lambda can import it from its zip.
"""

from __future__ import annotations

import io
import logging
import logging.config
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _loggers() -> list[logging.Logger]:
    names = list(logging.root.manager.loggerDict)
    return [logging.getLogger(), *map(logging.getLogger, names)]


def _force_basic_config() -> None:
    logging.basicConfig(force=True, level=logging.WARNING, format="%(message)s")


def _clear_handlers() -> None:
    for logger in _loggers():
        logger.handlers.clear()


def _dict_config() -> None:
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})


def _disable() -> None:
    logging.disable(logging.CRITICAL)


def _raise_levels() -> None:
    for logger in _loggers():
        logger.setLevel(logging.CRITICAL + 1)


def _filter_all() -> None:
    for logger in _loggers():
        logger.addFilter(lambda _: False)
        for handler in logger.handlers:
            handler.addFilter(lambda _: False)


def _reformat() -> None:
    for logger in _loggers():
        for handler in logger.handlers:
            handler.setFormatter(logging.Formatter("%(levelname)s: %(message).40s"))


def _swallow() -> None:
    """Replace the handlers by some that keep the lines in memory."""
    for logger in _loggers():
        logger.handlers = [logging.StreamHandler(io.StringIO())]
        logger.propagate = False


def _replace_stdout() -> None:
    sys.stdout = io.StringIO()


def _remove_stdout() -> None:
    sys.stdout = None  # as pythonw and some daemons have it


def _encode_stdout() -> None:
    sys.stdout.reconfigure(encoding="latin-1", errors="strict")  # type: ignore[union-attr]


SETUPS: dict[str, Callable[[], None]] = {
    "basicConfig(force=True)": _force_basic_config,
    "handlers cleared": _clear_handlers,
    "dictConfig": _dict_config,
    "logging.disable": _disable,
    "levels": _raise_levels,
    "filters": _filter_all,
    "formats": _reformat,
    "handlers replaced": _swallow,
    "stdout replaced": _replace_stdout,
    "stdout removed": _remove_stdout,
    "stdout in latin-1": _encode_stdout,
}
