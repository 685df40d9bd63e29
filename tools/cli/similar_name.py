"""Prints `` (did you mean TENANT?)`` for a misspelt name, or nothing. The Makefile calls it before it stops.

It uses the standard library only, because it runs with the system's Python before anything is set up.
"""

from __future__ import annotations

import difflib
import sys


def question(name: str, known: list[str]) -> str:
    """Return the question for the known name that is most like ``name``, in any case; else an empty text."""
    by_upper = {item.upper(): item for item in known}
    matches = difflib.get_close_matches(name.upper(), by_upper, n=1, cutoff=0.6)
    return f" (did you mean {by_upper[matches[0]]}?)" if matches else ""


if __name__ == "__main__":
    sys.stdout.write(question(sys.argv[1], sys.argv[2:]))
