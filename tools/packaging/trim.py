"""Removes what a chat never reads. Whatever is not where it is expected stops the build.

Only what nothing imports is removed, also when LangChain is imported the plain way, without the
postponing of ``tenant_bedrock.start``; the contract test runs the result.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tools.packaging.variant import PackageError

if TYPE_CHECKING:
    from pathlib import Path

# The AWS services the package calls; botocore's data for the other 400 is most of its size.
SERVICES = frozenset({"bedrock-runtime", "logs", "sts"})
SERVICE_DATA = "botocore/data"
ENDPOINTS = "botocore/data/endpoints.json"

UNUSED = {
    "anyio/_backends": "asyncio's and trio's sides of a library that only httpx2 asks for",
    "anyio/streams": "the same",
    "boto3/data": "descriptions of boto3's resources, which boto3.resource makes",
    "boto3/dynamodb": "DynamoDB",
    "boto3/examples": "documentation",
    "botocore/cacert.pem": "a second copy of certifi's, which botocore prefers",
    "botocore/data/*/*/examples-1.json": "documentation",
    "charset_normalizer/*.so": "compiled copies of modules that are there in Python too",
    "dateutil/zoneinfo": "time zones of the world; botocore needs the machine's own only",
    "httpx2/websockets": "web sockets, and they need httpcore2",
    "langchain_aws/agents": "Bedrock's agents",
    "langchain_aws/chat_models/bedrock_nova_sonic.py": "speech",
    "langchain_aws/embeddings": "embeddings, and they need numpy",
    "langchain_aws/graphs": "Neptune",
    "langchain_aws/tools/browser*": "drives a web browser",
    "langchain_aws/tools/code_interpreter*": "runs code at Bedrock AgentCore",
    "langchain_aws/vectorstores": "vector stores, and they need numpy",
    "langchain_core/indexing": "fills vector stores",
    "langsmith/_internal/otel": "LangSmith's tracing by way of OpenTelemetry",
    "langsmith/_internal/voice": "traces speech",
    "langsmith/async_client.py": "LangSmith's API",
    "langsmith/cli": "a command",
    "langsmith/evaluation": "evaluates models by way of LangSmith's service",
    "langsmith/integrations": "tracers of other libraries",
    "langsmith/resources": "LangSmith's API",
    "langsmith/sandbox": "runs code at LangSmith",
    "langsmith/testing": "pytest's helpers",
    "langsmith/wrappers": "tracers of other libraries",
    "packaging/licenses": "checks a package's metadata",
    "packaging/metadata.py": "checks a package's metadata",
    "packaging/pylock.py": "reads lock files",
    "pydantic/experimental": "previews",
    "pydantic/mypy.py": "mypy's plugin",
    "pydantic/v1/mypy.py": "mypy's plugin",
    "s3transfer/crt.py": "S3",
    "s3transfer/processpool.py": "S3",
    "urllib3/contrib/emscripten": "urllib3 in a browser",
    "yaml/_yaml.*.so": "a second YAML parser, in C; yaml takes its own when it is missing",
    "zstandard/_cffi.*.so": "a second copy of zstd, for PyPy",
    "zstandard/backend_cffi.py": "what uses that copy",
}
UNUSED_FOLDERS = {"__pycache__", "tests"}
# pip's notes on this installation: they hold its paths, and nothing reads them at run time.
INSTALLATION_NOTES = {"INSTALLER", "RECORD", "REQUESTED"}


def trim(tree: Path) -> None:
    """Remove the unused parts of the packages in ``tree``; raises PackageError, a sentence."""
    _remove_service_data(tree)
    _shorten_endpoints(tree)
    for pattern in UNUSED:
        _remove(tree, pattern)
    shutil.rmtree(tree / "bin", ignore_errors=True)  # a package may have made none
    for folder in [path for path in tree.rglob("*") if path.name in UNUSED_FOLDERS]:
        shutil.rmtree(folder)
    for path in tree.rglob("*.pyi"):
        path.unlink()
    for notes in tree.glob("*.dist-info"):
        _shorten_notes(notes)


def _remove_service_data(tree: Path) -> None:
    data = tree / SERVICE_DATA
    services = {path.name for path in data.iterdir() if path.is_dir()} if data.is_dir() else set()
    if not services >= SERVICES:
        raise _moved(f"{SERVICE_DATA}/<service>")
    for name in services - SERVICES:
        shutil.rmtree(data / name)


def _shorten_endpoints(tree: Path) -> None:
    """Keep the endpoints of the services called: reading all 1.2 MB is a tenth of a cold start.

    bedrock-runtime has never been listed there; botocore follows its endpoint rules.
    """
    file = tree / ENDPOINTS
    try:
        endpoints = json.loads(file.read_text())
        for partition in endpoints["partitions"]:
            listed = partition["services"]
            partition["services"] = {name: listed[name] for name in listed if name in SERVICES}
        if not endpoints["partitions"][0]["services"].keys() >= {"logs", "sts"}:
            raise _moved(f"an entry of {ENDPOINTS}")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise _moved(ENDPOINTS) from None
    file.write_text(json.dumps(endpoints, separators=(",", ":")))


def _shorten_notes(notes: Path) -> None:
    """Keep what a package says of itself, and its licence; not its README, which METADATA ends with."""
    for name in INSTALLATION_NOTES:
        (notes / name).unlink(missing_ok=True)
    metadata = notes / "METADATA"
    metadata.write_text(metadata.read_text().partition("\n\n")[0] + "\n")


def _remove(tree: Path, pattern: str) -> None:
    found = sorted(tree.glob(pattern))
    if not found:
        raise _moved(pattern)
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _moved(what: str) -> PackageError:
    return PackageError(
        f"{what} is not where it was: a locked package has a new layout. Look what has become of it "
        "and say so in tools/packaging/trim.py, or lock the version before."
    )
