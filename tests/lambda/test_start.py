"""How a process gets ready on Lambda, and that nothing of it happens anywhere else."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from botocore.session import Session

from tenant_bedrock import start
from tools.localaws.faults import FOREVER, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


def on_lambda(code: str, kind: str = "on-demand", **variables: str) -> dict[str, Any]:
    """Run ``code`` in a new process as Lambda would, and return what it put into ``told``."""
    run = subprocess.run(
        [sys.executable, "-c", f"import json\ntold = {{}}\n{code}\nprint(json.dumps(told))"],
        env={**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": kind, "PYTHONPATH": "lambda"}
        | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return told


HANDLER = "from tenant_bedrock import handler\n"
ANSWER = (
    "told['answer'] = handler.handler({'prompt': 'one two', 'model': 'claude'}, None)['answer']\n"
)
HOOKS = "from snapshot_restore_py import get_after_restore, get_before_snapshot\n"
RESTORE = "for function, given, named in get_after_restore(): function(*given, **named)\n"


def test_elsewhere_it_does_nothing() -> None:
    finders, collected = list(sys.meta_path), gc.get_freeze_count()
    starting = start.Start()
    starting.begin()
    starting.finish(lambda: pytest.fail("nobody may connect"))

    assert sys.meta_path == finders
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, collected)
    assert starting.sessions is None


def test_the_role_is_assumed_before_the_first_event_and_not_again(acme: Any) -> None:
    before = acme.assume_role_calls()
    on_lambda(HANDLER + "told['ready'] = handler._start.sessions is not None")
    assert acme.assume_role_calls() == before + 1

    told = on_lambda(HANDLER + ANSWER * 3)
    assert acme.assume_role_calls() == before + 2
    assert told["answer"].endswith("one two")


def test_the_garbage_collector_is_back_when_it_is_ready(acme: Any) -> None:
    told = on_lambda(
        HANDLER + "import gc\ntold['on'] = gc.isenabled()\ntold['kept'] = gc.get_freeze_count()"
    )

    assert told["on"] is True
    assert told["kept"] > 100_000


def test_the_first_call_imports_next_to_nothing(acme: Any) -> None:
    told = on_lambda(
        HANDLER
        + "import sys\nbefore = set(sys.modules)\n"
        + ANSWER
        + "told['new'] = sorted(set(sys.modules) - before)"
    )

    assert told["new"] == []


def test_every_postponed_package_is_imported_and_none_of_them_runs(acme: Any) -> None:
    told = on_lambda(
        HANDLER
        + ANSWER
        + "import sys\nfrom tenant_bedrock.start import POSTPONED\n"
        + "told['there'] = [name for name in POSTPONED if name in sys.modules]\n"
        + "told['ran'] = [name for name in told['there']"
        + " if '__getattr__' not in vars(sys.modules[name])]"
    )

    assert told["there"] == list(start.POSTPONED)
    assert told["ran"] == []


def test_without_postponing_the_answer_is_the_same(acme: Any) -> None:
    plain = "from tenant_bedrock import postponed\npostponed.install = lambda *names: None\n"

    assert on_lambda(plain + HANDLER + ANSWER) == on_lambda(HANDLER + ANSWER)


@pytest.mark.parametrize(
    "variables",
    [{"TENANT_BEDROCK": "broken"}, {"TENANT_BEDROCK": ""}],
)
def test_broken_settings_are_the_first_calls_error(acme: Any, variables: dict[str, str]) -> None:
    told = on_lambda(
        HANDLER
        + "try:\n    handler.handler({'prompt': 'x', 'model': 'claude'}, None)\n"
        + "except Exception as error:\n    told['type'] = type(error).__name__",
        **variables,
    )

    assert told == {"type": "SettingsError"}


def test_a_refused_role_is_the_first_calls_error(acme: Any) -> None:
    acme.control.fault(Fault("sts", "AssumeRole", code="AccessDenied", status=403, times=FOREVER))

    told = on_lambda(
        HANDLER
        + "try:\n    handler.handler({'prompt': 'x', 'model': 'claude'}, None)\n"
        + "except Exception as error:\n    told['type'] = type(error).__name__"
    )

    assert told == {"type": "RoleRefusedError"}


def test_a_snapshot_holds_no_keys_and_nothing_has_been_called(acme: Any) -> None:
    before = len(acme.control.calls())
    told = on_lambda(
        HANDLER
        + HOOKS
        + "import gc\ntold['hooks'] = len(get_after_restore())\n"
        + "gc.unfreeze()\n"
        + "from botocore.credentials import Credentials\n"
        + "told['keys'] = [type(one).__name__ for one in gc.get_objects()"
        + " if isinstance(one, Credentials)]\n"
        + "told['open'] = handler._start.sessions is not None",
        "snap-start",
    )

    assert told == {"hooks": 4, "keys": [], "open": False}
    assert len(acme.control.calls()) == before


def test_a_restored_snapshot_has_keys_and_random_numbers_of_its_own(acme: Any) -> None:
    before = acme.assume_role_calls()
    told = on_lambda(
        HANDLER
        + HOOKS
        + "import random, uuid_utils\nhooks = [one[0] for one in get_after_restore()]\n"
        + "told['reseeds'] = uuid_utils.reseed_rng in hooks\n"
        + "seeded = random.getstate()\n"
        + RESTORE
        + "told['random'] = random.getstate() != seeded\n"
        + "told['open'] = handler._start.sessions is not None\n"
        + ANSWER,
        "snap-start",
    )

    answer = told.pop("answer")
    assert answer.endswith("one two")
    assert told == {"reseeds": True, "random": True, "open": True}
    assert acme.assume_role_calls() == before + 1


class _Endpoint(BaseHTTPRequestHandler):
    """Answers every request ``{}`` and counts connections."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[list[object]] = []

    def setup(self) -> None:
        self.connections.append(self.client_address)
        super().setup()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    _Endpoint.connections.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_connection_opened_ahead_is_the_one_that_all_requests_use(endpoint: str) -> None:
    client = Session().create_client(
        "logs",
        "eu-central-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )

    start._open_connection(client)
    for _ in range(3):
        client.create_log_stream(logGroupName="g", logStreamName="s")

    assert len(_Endpoint.connections) == 1


def test_where_botocore_is_laid_out_otherwise_nothing_is_opened() -> None:
    start._open_connection(object())
