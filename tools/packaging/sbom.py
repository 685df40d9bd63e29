"""Says beside the zip what is in it: files and licences, and a software bill of materials (SBOM)."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_expression, is_supported_id
from packageurl import PackageURL

from tools.packaging.archive import EARLIEST, files
from tools.packaging.variant import PackageError

if TYPE_CHECKING:
    from importlib.metadata import Distribution
    from pathlib import Path

OURS = "tenant-bedrock"
# How some packages call their licence: https://spdx.org/licenses/
WRITTEN_ELSEWISE = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil
}


@dataclass(frozen=True)
class Package:
    """One locked package in the zip; ``licence`` is an SPDX expression."""

    name: str
    version: str
    licence: str


def manifest(tree: Path, packed: Path, compiled_by: str) -> str:
    """As JSON: the zip's hash, its packages with their licences, and the hash of every file."""
    inside = {path.relative_to(tree).as_posix(): path for path in files(tree)}
    content = {
        "zip": {"bytes": packed.stat().st_size, "sha256": _sha256(packed)},
        "compiled_by": compiled_by,
        "unpacked_bytes": sum(path.stat().st_size for path in inside.values()),
        "packages": [asdict(package) for package in packages(tree)],
        "files": {name: _sha256(path) for name, path in inside.items()},
    }
    return json.dumps(content, indent=2) + "\n"


def sbom(tree: Path, packed: Path) -> str:
    """The same packages as CycloneDX 1.6 JSON; equal zips have equal ones.

    https://cyclonedx.org/docs/1.6/json/
    """
    digest = _sha256(packed)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"sha256:{digest}"))
    # The library would write the time of the build, and no two SBOMs would be equal.
    bom.metadata.timestamp = datetime(*EARLIEST, tzinfo=UTC)
    root = Component(
        name=OURS,
        type=ComponentType.APPLICATION,
        bom_ref=OURS,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    bom.metadata.component = root
    for package in packages(tree):
        purl = PackageURL("pypi", None, package.name, package.version)
        component = Component(
            name=package.name,
            version=package.version,
            bom_ref=str(purl),
            purl=purl,
            licenses=[LicenseFactory().make_from_string(package.licence)],
        )
        bom.components.add(component)
        bom.register_dependency(root, [component])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def packages(tree: Path) -> list[Package]:
    """The packages in ``tree`` by name, from their own metadata; raises PackageError."""
    found = [
        Package(_canonical(one.name), one.version, _licence(one))
        for one in distributions(path=[str(tree)])
    ]
    return sorted(found, key=lambda package: package.name)


def _canonical(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(package: Distribution) -> str:
    """PEP 639's expression, or the older free text where it is one."""
    written = package.metadata["License-Expression"] or package.metadata["License"] or ""
    licence = WRITTEN_ELSEWISE.get(written, written)
    if not (is_supported_id(licence) or is_expression(licence)):
        raise PackageError(
            f"{package.name} {package.version} says its licence is {written!r}; look it up and add "
            "its SPDX expression to WRITTEN_ELSEWISE in tools/packaging/contents.py."
        )
    return licence


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
