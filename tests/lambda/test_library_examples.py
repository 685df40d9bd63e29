"""Libraries run with their real packages: each paid call has one record, and spans of OpenTelemetry finish."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tools.localaws.faults import Fault
from tools.packaging.build import HOST_PYTHON
from tools.packaging.installed import LIBRARIES_LOCK, install
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXAMPLES = LIBRARIES_LOCK.parent
PAGE = ROOT / "docs" / "how-to" / "use-other-libraries.md"
OPERATIONS = {
    "agno_agent.py": "Converse",
    "boto3_client.py": "InvokeModel",
    "instructor_model.py": "Converse",
    "llama_index_llm.py": "Converse",
    "pydantic_ai_agent.py": "Converse",
    "smolagents_model.py": "Converse",
    "strands_agent.py": "ConverseStream",
}

# Prints the attributes of each span that has finished.
TRACED = """
import json
from botocore.exceptions import ClientError
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tenant_bedrock import connect

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
BotocoreInstrumentor().instrument(tracer_provider=provider)
connection = connect()
client = connection.client("eu-central-1")
turn = [{"role": "user", "content": [{"text": "hello"}]}]
body = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hello"}],
    }
)
model = "anthropic.claude-3-5-haiku-20241022-v1:0"
client.converse(modelId=model, messages=turn)
list(client.converse_stream(modelId=model, messages=turn)["stream"])
client.invoke_model(modelId=model, body=body)["body"].read()
list(client.invoke_model_with_response_stream(modelId=model, body=body)["body"])
list(connection.chat("claude").stream("hello"))
try:
    list(client.converse_stream(modelId="nova", messages=turn)["stream"])
except ClientError as error:
    print(type(error).__name__)
finished = [span for span in spans.get_finished_spans() if "gen_ai.operation.name" in span.attributes]
print(json.dumps([{**span.attributes, "ok": span.status.is_ok} for span in finished]))
"""


@pytest.fixture(scope="module")
def packages() -> Path:
    return install(LIBRARIES_LOCK, HOST_PYTHON, lambda _: None)


def test_every_example_is_run_and_shown() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(OPERATIONS)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert sorted(blocks) == sorted(path.read_text() for path in EXAMPLES.glob("*.py"))


def test_the_page_names_the_versions_that_were_run() -> None:
    pins = dict(re.findall(r"^([a-z0-9-]+)==([0-9.]+)", LIBRARIES_LOCK.read_text(), re.MULTILINE))
    for name, version in re.findall(r"\| `([a-z0-9-]+)` ([0-9.]+) \|", PAGE.read_text()):
        assert pins[name] == version


@pytest.mark.parametrize(("name", "operation"), OPERATIONS.items())
def test_a_librarys_call_has_exactly_one_record(
    acme: Any, packages: Path, name: str, operation: str
) -> None:
    before = len(acme.records())
    calls: Callable[[], int] = lambda: len(acme.control.calls(service="bedrock-runtime"))  # noqa: E731
    paid = calls()

    assert "What is a confused deputy?" in _printed(packages, str(EXAMPLES / name))
    records = acme.records()[before:]
    assert calls() - paid == 1
    assert [(record["operation"], record["tenantBedrock"]["phase"]) for record in records] == [
        (operation, "end")
    ]
    assert records[0]["tenantBedrock"]["alias"] == "claude"
    assert records[0]["output"]["outputTokenCount"] > 0


def test_opentelemetrys_spans_finish_with_tokens_and_reasons(acme: Any, packages: Path) -> None:
    broken = {"after_events": 2, "exception": "throttlingException"}
    acme.control.fault(Fault("bedrock-runtime", stream=broken, skip=3))
    before = len(acme.records())
    *_, error, spans = _printed(packages, "-c", TRACED).splitlines()

    assert error == "ThrottlingException"
    *finished, failed = json.loads(spans)
    assert len(finished) == 5
    for span in finished:
        assert span["gen_ai.usage.input_tokens"] == 1
        assert span["gen_ai.usage.output_tokens"] > 1
        assert list(span["gen_ai.response.finish_reasons"]) == ["end_turn"]
    assert failed["error.type"].endswith("ThrottlingException")
    assert len(acme.records()) - before == 6


def _printed(packages: Path, *command: str) -> str:
    path = os.pathsep.join([str(packages), str(ROOT / "lambda")])
    process = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout
