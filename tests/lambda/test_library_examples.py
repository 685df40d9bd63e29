"""The examples in lambda/examples/libraries run with the real packages, and each paid call has one record."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

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
    path = os.pathsep.join([str(packages), str(ROOT / "lambda")])
    example = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert example.returncode == 0, example.stderr
    assert "What is a confused deputy?" in example.stdout
    records = acme.records()[before:]
    assert calls() - paid == 1
    assert [(record["operation"], record["tenantBedrock"]["phase"]) for record in records] == [
        (operation, "end")
    ]
    assert records[0]["tenantBedrock"]["alias"] == "claude"
    assert records[0]["output"]["outputTokenCount"] > 0
