"""The SBOM beside the zip names the zip, every package in it and every licence."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.model.bom import Bom

from tools.packaging import build as package
from tools.packaging import sbom
from tools.packaging.variant import PackageError
from tools.release import release_version

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def zip_file() -> Path:
    return package.build("host", lambda _: None)


@pytest.fixture(scope="module")
def document(zip_file: Path) -> Any:
    return json.loads(zip_file.with_suffix(".sbom.json").read_text())


def test_it_has_the_hash_of_the_zip_and_the_python_that_compiled_it(
    zip_file: Path, document: Any
) -> None:
    root = document["metadata"]["component"]
    digest = hashlib.sha256(zip_file.read_bytes()).hexdigest()

    assert (root["name"], root["version"]) == ("tenant-bedrock", release_version())
    assert root["hashes"] == [{"alg": "SHA-256", "content": digest}]
    (compiler,) = root["properties"]
    assert compiler["name"] == "tenant-bedrock:compiled-by"
    assert re.fullmatch(r"cpython 3\.\d+\.\d+", compiler["value"])


def test_every_locked_package_has_a_version_and_a_licence(document: Any) -> None:
    pins = re.findall(r"^([a-z0-9-]+)==([^ ]+)", package.LOCK.read_text(), re.MULTILINE)
    components = {component["name"]: component for component in document["components"]}

    assert {name: component["version"] for name, component in components.items()} == dict(pins)
    licences = {name: component["licenses"] for name, component in components.items()}
    assert licences["boto3"] == [{"license": {"id": "Apache-2.0"}}]
    assert licences["python-dateutil"][0]["expression"] == "Apache-2.0 OR BSD-3-Clause"
    assert not [name for name, licence in licences.items() if "GPL" in str(licence) or not licence]


def wheels(document: Any) -> dict[str, str]:
    return {
        component["name"]: digest["content"]
        for component in document["components"]
        for digest in component["hashes"]
        if digest["alg"] == "SHA-256"
    }


def test_every_component_has_the_hash_of_a_wheel_in_the_lock(document: Any) -> None:
    locked = {
        pin.group(1): set(re.findall(r"--hash=sha256:([0-9a-f]{64})", pin.group(0)))
        for pin in re.finditer(
            r"^([a-z0-9-]+)==.*(?:\n .*)*", package.LOCK.read_text(), re.MULTILINE
        )
    }
    digests = wheels(document)
    assert digests.keys() == locked.keys()
    assert [name for name, digest in digests.items() if digest not in locked[name]] == []


def test_a_package_that_is_not_locked_stops_the_build(tmp_path: Path) -> None:
    notes = tmp_path / "stray-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Name: stray\nVersion: 1.0\nLicense: MIT\n")

    with pytest.raises(PackageError, match=r"stray 1\.0 is in the zip without a wheel"):
        sbom.document(tmp_path, notes / "METADATA", "cpython 3.13.0", {"odd": "0" * 64})


def test_a_reader_of_cyclonedx_understands_it(document: Any) -> None:
    bom = Bom.from_json(document)  # type: ignore[attr-defined]

    assert bom.metadata.component.name == "tenant-bedrock"
    assert {str(component.purl) for component in bom.components} == {
        f"pkg:pypi/{component['name']}@{component['version']}"
        for component in document["components"]
    }


def test_equal_zips_have_equal_sboms(zip_file: Path, document: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(zip_file) as archive:
        archive.extractall(tmp_path)
    (compiler,) = document["metadata"]["component"]["properties"]

    again = sbom.document(tmp_path, zip_file, compiler["value"], wheels(document))

    assert again == zip_file.with_suffix(".sbom.json").read_text()


def test_an_unknown_licence_stops_the_build(tmp_path: Path) -> None:
    notes = tmp_path / "odd-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Name: odd\nVersion: 1.0\nLicense: do what you like\n")

    with pytest.raises(PackageError, match=r"odd 1\.0 gives 'do what you like' as its licence"):
        sbom.document(tmp_path, notes / "METADATA", "cpython 3.13.0", {"odd": "0" * 64})
