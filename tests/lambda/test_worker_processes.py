"""Records of forked processes: os.fork, multiprocessing, and the workers of gunicorn and uvicorn."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tenant_bedrock
from tests.tools.localaws.small_functions import wait_until
from tools.packaging.variant import RUNTIME

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

APPLICATIONS = Path(__file__).with_name("serving")
GUNICORN = ("gunicorn", "--bind=127.0.0.1:0", "--workers=2", "--graceful-timeout=10")
COMMANDS = {
    "gunicorn, sync": (*GUNICORN, "--preload", "applications:wsgi"),
    "gunicorn, gthread": (
        *GUNICORN,
        "--preload",
        "--worker-class=gthread",
        "--threads=4",
        "applications:wsgi",
    ),
    "uvicorn": ("uvicorn", "--port=0", "--workers=2", "--lifespan=off", "applications:asgi"),
}
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def test_children_of_every_kind_are_recorded_and_none_hangs(
    soak: Callable[..., Counter[str]],
) -> None:
    count = soak("fork", 48, RUNTIME)

    wrong = ("lost", "damaged", "hung", "failed")
    assert {outcome: count[outcome] for outcome in wrong} == dict.fromkeys(wrong, 0)
    # A child that ends by os._exit, and one that is terminated while it starts, can write no more.
    assert count["named gaps"] <= 4


@dataclass(frozen=True)
class Server:
    """A running server of the application, and the file with what it and its workers print."""

    process: subprocess.Popen[bytes]
    output: Path

    def ask(self, form: str, prompt: str) -> str:
        match = ADDRESS.search(self.output.read_text())
        assert match is not None
        with urllib.request.urlopen(f"{match[0]}/{form}/{prompt}", timeout=60) as answer:
            return str(answer.read().decode())

    def worker(self) -> str:
        """The id of a worker; empty while none answers, before the first start and between two."""
        with suppress(OSError, http.client.HTTPException):
            return self.ask("ask", "ready")
        return ""

    def ask_many(self, prefix: str, count: int) -> set[str]:
        """The ids of the workers that answered."""
        with ThreadPoolExecutor(4) as callers:
            return set(callers.map(lambda n: self.ask("ask", f"{prefix}-{n}"), range(count)))


@pytest.fixture(params=COMMANDS)
def server(acme: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with _serve(COMMANDS[request.param], tmp_path / "output") as running:
        yield running


@contextmanager
def _serve(command: tuple[str, ...], output: Path) -> Iterator[Server]:
    module, *options = command
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *options],
            cwd=Path(tenant_bedrock.__file__).parents[1],
            env=_environment(),
            start_new_session=True,
            stderr=file,
            stdout=file,
        )
    try:
        wait_until(lambda: ADDRESS.search(output.read_text()) is not None)
        server = Server(process, output)
        wait_until(lambda: server.worker() != "")
        yield server
    finally:
        with suppress(ProcessLookupError):  # all of its group have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(APPLICATIONS), "PYTHONUNBUFFERED": "1"}


def test_every_call_of_every_worker_is_recorded(acme: Any, server: Server) -> None:
    before = len(acme.records())
    workers = server.ask_many("first", 12)

    server.process.send_signal(signal.SIGHUP)  # replaces the workers, one after the other
    wait_until(lambda: server.worker() not in {"", *workers})
    server.ask_many("second", 12)
    server.ask("hold", "held")
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)

    assert "FAILED" not in server.output.read_text()
    assert "InvalidSignature" not in server.output.read_text()
    phases = {
        _prompt(record): record["tenantBedrock"]["phase"] for record in acme.records()[before:]
    }
    prompts = [f"{prefix}-{number}" for prefix in ("first", "second") for number in range(12)]
    assert [prompt for prompt in prompts if phases.get(prompt) != "end"] == []
    assert phases["held"] == "incomplete"


def _prompt(record: dict[str, Any]) -> str:
    return str(record["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"])
