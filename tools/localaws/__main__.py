"""``python -m tools.localaws serve --state FILE`` runs a local AWS in the foreground until a signal."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from pathlib import Path

from tools.localaws.local_aws import LocalAws


def main() -> None:
    """Serve until SIGTERM or SIGINT; FILE holds ``{"url", "control_url", "pid"}`` while the local AWS is ready."""
    parser = argparse.ArgumentParser(prog="python -m tools.localaws", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve a local AWS on a free port of 127.0.0.1")
    serve.add_argument(
        "--state", type=Path, required=True, help="the JSON file to write when ready"
    )
    _serve(parser.parse_args().state)


def _serve(state: Path) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with LocalAws() as local_aws:
        ready = state.with_suffix(".part")
        ready.touch(mode=0o600)  # the control URL contains a token
        description = {"url": local_aws.url, "control_url": local_aws.control_url}
        ready.write_text(json.dumps({**description, "pid": os.getpid()}) + "\n")
        ready.replace(state)  # so that a reader never sees an incomplete file
        try:
            stop.wait()
        finally:
            state.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
