"""Removes files that a chat never reads. A file that is not in its expected place stops the build.

Nothing is removed that is imported, even when LangChain is imported without the postponed modules of
``tenant_bedrock.startup``; the contract test runs the trimmed packages. Each rule names the kilobytes
that it saves in the zip for arm64. The folders of other services save 15,700.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tools.packaging.variant import PackageError

if TYPE_CHECKING:
    from pathlib import Path

# The AWS services that the package calls.
SERVICES = frozenset({"bedrock-runtime", "logs", "ssm", "sts"})
# All other folders in these folders are removed.
KEPT_FOLDERS = {
    "botocore/data": SERVICES,
    # langchain-core imports LangSmith's client, but not its evaluations and integrations (1,240).
    "langsmith": frozenset({"_internal", "_utils", "env", "types"}),
}
ENDPOINTS = "botocore/data/endpoints.json"

UNUSED = {
    "**/*.pyi": "type stubs, which only type checkers read (22)",
    "**/tests": "tests (2)",
    "*.dist-info/RECORD": "pip's file lists, which hold the hashes of scripts in bin (144)",
    "anyio/_backends": "event loops for httpx2, which only LangSmith calls (119)",
    "bin": "scripts that start with the path of this machine's Python (6)",
    "botocore/cacert.pem": "a copy of certifi's certificates, which botocore prefers (139)",
    "charset_normalizer/*.so": "compiled copies of modules that exist in Python too (159)",
    "dateutil/zoneinfo": "a time zone database; botocore needs the machine's time zone only (161)",
    "langchain_aws/vectorstores": "vector stores, which need numpy (119)",
    "yaml/_yaml.*.so": "a second YAML parser in C; yaml works without it (134)",
}


def trim(tree: Path) -> None:
    """Remove the unused parts of the packages in ``tree``.

    Raises:
        PackageError: A package has a new layout.
    """
    for folder, names in KEPT_FOLDERS.items():
        _remove_other_folders(tree, folder, names)
    for pattern in UNUSED:
        _remove(tree, pattern)
    _shorten_endpoints(tree / ENDPOINTS)
    for metadata in tree.glob("*.dist-info/METADATA"):
        # A blank line separates the fields from the package's README (110 in all).
        metadata.write_text(metadata.read_text().partition("\n\n")[0] + "\n")


def _remove_other_folders(tree: Path, folder: str, names: frozenset[str]) -> None:
    folders = {path.name: path for path in (tree / folder).glob("*/")}
    if missing := names - folders.keys():
        raise _layout_error(f"{folder}/{min(missing)}")
    for name in folders.keys() - names:
        shutil.rmtree(folders[name])


def _remove(tree: Path, pattern: str) -> None:
    paths = sorted(tree.glob(pattern))
    if not paths:
        raise _layout_error(pattern)
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _shorten_endpoints(file: Path) -> None:
    """Keep the endpoints of the services called: parsing all 1.2 MB takes a tenth of a cold start.

    bedrock-runtime is not listed in this file; botocore takes its address from its endpoint rules.
    """
    try:
        endpoints = json.loads(file.read_text())
        for partition in endpoints["partitions"]:
            services = partition["services"]
            partition["services"] = {name: services[name] for name in services if name in SERVICES}
        if not endpoints["partitions"][0]["services"].keys() >= {"logs", "sts"}:
            raise _layout_error(f"An entry of {ENDPOINTS}")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise _layout_error(ENDPOINTS) from None
    file.write_text(json.dumps(endpoints, separators=(",", ":")))


def _layout_error(missing: str) -> PackageError:
    return PackageError(
        f"{missing} is not in its expected place, because a locked package has a new layout. Find out "
        "where it is now and correct tools/packaging/trim.py, or lock the previous version."
    )
