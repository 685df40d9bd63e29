"""Reads what `terraform apply -json` prints while it works, and what it printed when it has ended.

https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINE_SECONDS = 2.0  # at most one line about finished resources in this time
QUIET_SECONDS = 10.0  # how long nothing may be printed


class ApplyProgress:
    """Prints how many of ``total`` resources are done, and what takes long; ``label`` names the account.

    A total of 0 is replaced by the number in the plan that the same command makes.
    """

    def __init__(self, label: str, total: int, progress: Callable[[str], None]) -> None:
        self._label = label
        self._total = total
        self._progress = progress
        self._done = 0
        self._shown = 0
        self._last = time.monotonic()

    def watch(self, text: str, seconds: float) -> None:
        """Take new lines; ``seconds`` have passed since the start."""
        waiting = ""
        for event in events(text):
            hook = event.get("hook") or {}
            address = (hook.get("resource") or {}).get("addr", "")
            match event.get("type"):
                case "apply_complete" | "provision_complete":
                    self._done += 1
                case "apply_progress":
                    elapsed = hook.get("elapsed_seconds", 0)
                    waiting = f"{_present(hook.get('action'))} {address} for {elapsed} s"
                case "apply_errored":
                    self._say(f"failed at {address}")
                case "change_summary" if not self._total:  # of a plan that the same command made
                    changes = event.get("changes") or {}
                    self._total = sum(
                        int(changes.get(name, 0)) for name in ("add", "change", "remove")
                    )
        quiet = time.monotonic() - self._last
        if self._done > self._shown and (quiet >= LINE_SECONDS or self._done == self._total):
            self._shown = self._done
            self._say(f"{self._done} of {self._total} resources")
        elif waiting and quiet >= LINE_SECONDS:
            self._say(f"{self._done} of {self._total} resources, {waiting}")
        elif quiet >= QUIET_SECONDS:
            self._say(
                f"{self._done} of {self._total} resources, still at work after {seconds:.0f} s"
            )

    def _say(self, text: str) -> None:
        self._last = time.monotonic()
        self._progress(f"{self._label}: {text}")


def events(text: str) -> Iterator[dict[str, Any]]:
    """Yield the events in what terraform printed; a line that is no event is left out."""
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                event = json.loads(line)
            except ValueError:  # a line that a killed terraform did not finish
                continue
            if isinstance(event, dict):
                yield event


def change_summary(text: str) -> str:
    """Return the sentence that counts the changes; empty if terraform did not reach it."""
    summaries = [
        str(event.get("@message", ""))
        for event in events(text)
        if event.get("type") == "change_summary"
    ]
    return summaries[-1] if summaries else ""


def errors(text: str) -> str:
    """Return the errors in terraform's words; what is not an event is kept as it is."""
    problems = []
    for event in events(text):
        diagnostic = event.get("diagnostic") or {}
        if diagnostic.get("severity") == "error":
            address = diagnostic.get("address")
            place = f"\n  with {address}" if address else ""
            detail = str(diagnostic.get("detail", "")).strip()
            problems.append(
                f"Error: {diagnostic.get('summary', '')}{place}"
                + (f"\n\n{detail}" if detail else "")
            )
    others = [line for line in text.splitlines() if not line.startswith("{")]
    return "\n\n".join([*dict.fromkeys(problems), "\n".join(others).strip()]).strip()


def _present(action: object) -> str:
    words = {"create": "creating", "update": "updating", "delete": "deleting", "read": "reading"}
    return words.get(str(action), "working at")
