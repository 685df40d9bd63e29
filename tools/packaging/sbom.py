"""Describes the zip in a software bill of materials (SBOM): its hash, its packages and their licences."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from importlib.metadata import distributions
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_expression, is_supported_id
from packageurl import PackageURL

from tools.packaging.archive import EARLIEST
from tools.packaging.variant import PackageError
from tools.release import release_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import Distribution
    from pathlib import Path

NAME = "tenant-bedrock"
# Licences that some packages write in words, as SPDX expressions: https://spdx.org/licenses/
SPDX_EXPRESSIONS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil
}


def document(tree: Path, zip_file: Path, compiled_by: str, wheels: Mapping[str, str]) -> str:
    """Return the SBOM as CycloneDX 1.6 JSON; equal zips have equal SBOMs.

    The packages are those in ``tree``, from which ``zip_file`` was packed. ``compiled_by`` names the
    Python that compiled the bytecode: a rebuild needs the same version. ``wheels`` has the SHA-256 of the
    wheel that each package came from, as the lock does.
    https://cyclonedx.org/docs/1.6/json/

    Raises:
        PackageError: A package has no wheel, or a licence that is not an SPDX expression.
    """
    hashes = {_normalized(name): digest for name, digest in wheels.items()}
    digest = hashlib.sha256(zip_file.read_bytes()).hexdigest()
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"sha256:{digest}"))
    # By default this is the time of the build, which would make every SBOM different.
    bom.metadata.timestamp = datetime(*EARLIEST, tzinfo=UTC)
    root = Component(
        name=NAME,
        version=release_version(),
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        properties=[Property(name=f"{NAME}:compiled-by", value=compiled_by)],
    )
    bom.metadata.component = root
    packages = [_component(package, hashes) for package in distributions(path=[str(tree)])]
    bom.components.update(packages)
    bom.register_dependency(root, packages)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _normalized(name: str) -> str:
    """Return a package's name as https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _component(package: Distribution, hashes: Mapping[str, str]) -> Component:
    name = _normalized(package.name)
    if name not in hashes:
        raise PackageError(
            f"{package.name} {package.version} is in the zip without a wheel in the lock; find out what "
            "put it there, or add it to pyproject.toml and run `make lock`."
        )
    purl = PackageURL("pypi", None, name, package.version)
    return Component(
        name=name,
        version=package.version,
        bom_ref=str(purl),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashes[name])],
        licenses=[LicenseFactory().make_from_string(_licence(package))],
    )


def _licence(package: Distribution) -> str:
    """Return the package's licence expression (PEP 639), or its older free text as one."""
    text = package.metadata["License-Expression"] or package.metadata["License"] or ""
    licence = SPDX_EXPRESSIONS.get(text, text)
    if not (is_supported_id(licence) or is_expression(licence)):
        raise PackageError(
            f"{package.name} {package.version} gives {text!r} as its licence, which is not an SPDX "
            "expression. Look the licence up and add it to SPDX_EXPRESSIONS in tools/packaging/sbom.py."
        )
    return licence
