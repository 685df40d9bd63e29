"""A local AWS in a process of its own, which keeps running after the command that started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.localaws.control import Control, ControlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0  # how long a start may take on a busy machine


class LocalAwsError(Exception):
    """The local AWS does not run or did not start; the message is a sentence."""


@dataclass(frozen=True)
class LocalAwsProcess:
    """The local AWS whose description and log are in ``folder``."""

    folder: Path

    @property
    def file(self) -> Path:
        """The JSON file with the URLs, the process id and the keys of the users made so far."""
        return self.folder / "local-aws.json"

    def description(self) -> dict[str, Any]:
        """Return the content of ``file``; LocalAwsError when no local AWS runs."""
        if not self.file.is_file():
            raise LocalAwsError("The local AWS is not running; start it with `make up`.")
        description: dict[str, Any] = json.loads(self.file.read_text())
        if not _answers(description):
            raise LocalAwsError("The local AWS has stopped; start it again with `make down up`.")
        return description

    def start(self) -> None:
        """Start the process, unless it runs already; LocalAwsError when it does not become ready."""
        with suppress(LocalAwsError):
            self.description()
            return
        self.file.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "local-aws.log"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "MOTO_"))
        }
        with log.open("w") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "tools.localaws", "serve", "--state", self.file],
                cwd=ROOT,
                env=inherited,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.file.is_file():
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                raise LocalAwsError(
                    f"The local AWS did not start. The end of its log:\n{log.read_text()[-2000:]}"
                )
            time.sleep(0.1)

    def stop(self) -> bool:
        """Stop the process and delete what it stored; False when none ran."""
        if not self.file.is_file():
            return False
        description = json.loads(self.file.read_text())
        if not _answers(description):
            self.file.unlink(missing_ok=True)  # the process id may have been reused
            return False
        pid = description["pid"]
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)  # if this process started it
                os.kill(pid, 0)
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
        self.file.unlink(missing_ok=True)
        return True

    def add_user(self, identity: str, account_id: str, policy: Mapping[str, Any]) -> None:
        """Make a user with this policy in an account and write its keys to ``file``, once."""
        description = self.description()
        keys = description.setdefault("keys", {})
        if identity in keys:
            return
        user = Control(description["control_url"]).account(
            account_id, user=identity.split(maxsplit=1)[0], policies=[policy]
        )
        keys[identity] = {
            "access_key_id": user.access_key_id,
            "secret_access_key": user.secret_access_key,
        }
        self.file.write_text(json.dumps(description))


@contextmanager
def temporary_local_aws() -> Iterator[str]:
    """Yield the control URL of an empty local AWS, which stops at the end of the ``with`` block."""
    with tempfile.TemporaryDirectory(prefix="local-aws-") as folder:
        process = LocalAwsProcess(Path(folder))
        process.start()
        try:
            yield str(process.description()["control_url"])
        finally:
            process.stop()


def _answers(description: Mapping[str, Any]) -> bool:
    """Whether this local AWS answers at its URL; the process id alone may be another's now."""
    try:
        return Control(description["control_url"]).health()
    except (ControlError, HTTPException, KeyError, OSError, ValueError):
        return False
