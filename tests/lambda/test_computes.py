"""``connect()`` works on EC2 with the instance's keys and on ECS with the task's keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"
ROLE = "bedrock-local-acme-execution"
TOKEN = "a-token-of-this-test"


class _Metadata(BaseHTTPRequestHandler):
    """EC2's instance metadata (version 2) and ECS's credentials endpoint, on one port.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html and
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """

    server: Any

    def do_PUT(self) -> None:
        self._say(TOKEN if self.path == "/latest/api/token" else None)

    def do_GET(self) -> None:
        base = "/latest/meta-data/iam/security-credentials/"
        if self.path == "/container" and self.headers["Authorization"] == TOKEN:
            self._say(json.dumps(self.server.keys))
        elif self.headers["X-aws-ec2-metadata-token"] != TOKEN:
            self._say(None)
        else:
            answers = {base: ROLE, f"{base}{ROLE}": json.dumps(self.server.keys)}
            self._say(answers.get(self.path))

    def _say(self, text: str | None) -> None:
        self.server.asked.append(self.path)
        self.send_response(200 if text else 401)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def metadata(acme: Any) -> Iterator[Any]:
    """An endpoint that serves the execution role's keys as EC2 and ECS do."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Metadata)
    server.asked = []
    server.keys = {
        "AccessKeyId": os.environ["AWS_ACCESS_KEY_ID"],
        "Code": "Success",
        "Expiration": (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "LastUpdated": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"],
        "Token": os.environ["AWS_SESSION_TOKEN"],
        "Type": "AWS-HMAC",
    }
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ec2(metadata: Any) -> dict[str, str]:
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url}


@pytest.fixture
def ecs(metadata: Any) -> dict[str, str]:
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{metadata.url}/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _ask(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m tenant_bedrock`` in a process without keys in its environment."""
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    environment = {name: value for name, value in os.environ.items() if name not in keys}
    environment.pop("AWS_EC2_METADATA_DISABLED")
    return subprocess.run(
        [sys.executable, "-m", "tenant_bedrock", *arguments],
        cwd=LAMBDA,
        env={**environment, **variables},
        input="piped in",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("compute", ["ec2", "ecs"])
def test_one_call_as_the_tenants_role_with_its_record(
    acme: Any, compute: str, request: pytest.FixtureRequest, metadata: Any
) -> None:
    before = len(acme.records())

    run = _ask("hello there", "--model", "claude", **request.getfixturevalue(compute))

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].endswith("You wrote: hello there")
    (record,) = acme.records()[before:]
    assert run.stderr == f"record {record['tenantBedrock']['recordId']} delivered\n"
    assert record["identity"]["arn"].endswith(":assumed-role/bedrock-local-acme/acme")
    assert metadata.asked


def test_the_prompt_may_come_from_standard_input(acme: Any, ecs: dict[str, str]) -> None:
    run = _ask("-", "--model", "claude", **ecs)

    assert run.stdout.splitlines()[-1].endswith("You wrote: piped in")


def test_an_error_is_printed_as_a_sentence_and_exits_1(acme: Any, ecs: dict[str, str]) -> None:
    unknown = _ask("hello", "--model", "opus", **ecs)
    without_keys = _ask("hello", "--model", "claude", AWS_EC2_METADATA_DISABLED="true")

    assert (unknown.returncode, without_keys.returncode) == (1, 1)
    assert unknown.stderr.startswith("ModelNotGrantedError: ")
    assert without_keys.stderr.startswith(
        "ModelFailedError: The request to STS for the operations role failed"
    )
    assert "Traceback" not in unknown.stderr + without_keys.stderr
