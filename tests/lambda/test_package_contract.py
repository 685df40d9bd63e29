"""The deployed zip is complete: it runs under the real runtime interface client.

The local AWS gives a function its zip, the runtime interface client and Python's own library, and
nothing else of this machine. The zip is tried under Lambda's own Python, and under this machine's, in
which all other tests run it.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tomllib
import zipfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools.bench.local_tenant import create
from tools.localaws.aws_lambda.python_runtime import PythonRuntime
from tools.localaws.local_aws import LocalAws
from tools.packaging import build as package
from tools.packaging import bytecode
from tools.packaging.installed import CLIENT_LOCK, install
from tools.packaging.variant import HOST_PYTHON, RUNTIME
from tools.release import release_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.bench.local_tenant import LocalTenant

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = Path(__file__).with_name("contract")
CLIENT = {"awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"}
SETTINGS = {
    "environment": "local",
    "external_id": "c0ffee00-c0ffee-c0ffee",
    "models": {
        "claude": {
            "model": "anthropic.claude-3-5-haiku-20241022-v1:0",
            "regions": ["eu-central-1"],
        }
    },
    "record_log_group": "/bedrock/local/acme/records",
    "role_arn": "arn:aws:iam::111111111111:role/bedrock-local-acme",
    "tenant": "acme",
}


def _silent(_: str) -> None:
    """Take the progress, which a test does not show."""


@pytest.fixture(scope="module")
def tenant() -> Iterator[LocalTenant]:
    """A local AWS that runs functions with Lambda's own Python."""
    python = bytecode.compiler(RUNTIME, _silent)
    runtime = PythonRuntime(python, install(CLIENT_LOCK, RUNTIME, _silent))
    with LocalAws({f"python{RUNTIME}": runtime}) as local_aws:
        yield create(local_aws.control_url)


@pytest.fixture(scope="module", params=sorted({HOST_PYTHON, RUNTIME}))
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def deployed(tenant: Any, release: str) -> Callable[[str], dict[str, Any]]:
    """Invokes one of the handlers in its own execution environment."""
    code = io.BytesIO(package.build("host", _silent, release).read_bytes())
    with zipfile.ZipFile(code, "a") as added:
        for path in sorted(HANDLERS.glob("*.py")):
            added.write(path, path.name)

    def invoke(name: str) -> dict[str, Any]:
        functions = tenant.client("lambda")
        function = f"{name}-{release.replace('.', '-')}"
        functions.create_function(
            FunctionName=function,
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"TENANT_BEDROCK": json.dumps(SETTINGS)}},
            Handler=f"{name}.handler",
            LoggingConfig={"LogFormat": "JSON", "LogGroup": "/aws/lambda/bedrock-local-acme"},
            Role="arn:aws:iam::222222222222:role/bedrock-local-acme-execution",
            Runtime=f"python{release}",
            Timeout=60,
        )
        answer = functions.invoke(FunctionName=function)
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    return invoke


@pytest.fixture(scope="module")
def plain(deployed: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return deployed("plain")


@pytest.fixture(scope="module")
def ready(deployed: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return deployed("ready")


def test_the_zip_runs_under_the_python_that_it_is_built_for(
    plain: dict[str, Any], ready: dict[str, Any], release: str
) -> None:
    assert (plain["python"], ready["python"]) == (release, release)
    assert plain["compiled"]
    assert plain["version"] == release_version()


def test_every_form_of_call_is_answered(plain: dict[str, Any]) -> None:
    assert plain["invoke"].endswith("You wrote: an invoke")
    assert plain["stream"].endswith("You wrote: a stream")
    assert [text.rpartition(" ")[2] for text in plain["batch"]] == [str(n) for n in range(8)]
    assert plain["tool"] == "Animal"
    assert set(plain["structured"]) == {"name", "legs"}


def test_the_preparation_changes_no_answer(plain: dict[str, Any], ready: dict[str, Any]) -> None:
    forms = ("invoke", "stream", "batch", "tool", "structured")

    assert {form: ready[form] for form in forms} == {form: plain[form] for form in forms}


def test_nothing_but_the_zip_and_pythons_library_is_imported(
    plain: dict[str, Any], ready: dict[str, Any]
) -> None:
    assert set(plain["elsewhere"]) <= CLIENT
    assert set(ready["elsewhere"]) <= CLIENT


def test_every_locked_package_is_used(plain: dict[str, Any]) -> None:
    """An unused package belongs in lambda/overrides.txt."""
    homes = packages_distributions()
    used = {_canonical(home) for name in plain["zip"] for home in homes.get(name, ())}
    locked = set(re.findall(r"^([a-z0-9-]+)==", package.LOCK.read_text(), re.MULTILINE))

    assert locked - used == set()


def test_every_import_is_declared_and_every_declaration_is_imported() -> None:
    homes = packages_distributions()
    imported = {
        _canonical(homes[name][0])
        for path in package.PACKAGE.rglob("*.py")
        for name in _imports(path)
        if name not in sys.stdlib_module_names | CLIENT | {"tenant_bedrock"}
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=]", requirement)[0] for requirement in project["dependencies"]}

    assert imported == declared


def test_the_bounds_that_matter_have_reasons() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for name in ("boto3", "langchain-aws", "langchain-core"):
        assert re.search(rf'"{name}>=[\d.]+,<[\d.]+",\s+# \w', text), name
        assert distribution(name).version


def _imports(path: Path) -> set[str]:
    """The top-level names that a module imports at run time, in any scope."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
