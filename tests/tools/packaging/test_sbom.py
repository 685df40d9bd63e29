"""What lies beside the zip: its contents with licences, and the bill of materials."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom

from tools.packaging import build as package
from tools.packaging import contents
from tools.packaging.variant import PackageError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def packed() -> Path:
    return package.build("host", lambda _: None)


@pytest.fixture(scope="module")
def manifest(packed: Path) -> Any:
    return json.loads(packed.with_suffix(".contents.json").read_text())


def test_the_manifest_holds_the_hash_of_the_zip_and_of_every_file(
    packed: Path, manifest: Any
) -> None:
    assert manifest["zip"]["sha256"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert manifest["zip"]["bytes"] == packed.stat().st_size
    with zipfile.ZipFile(packed) as inside:
        assert manifest["files"] == {
            name: hashlib.sha256(inside.read(name)).hexdigest() for name in inside.namelist()
        }


def test_every_locked_package_has_a_version_and_a_licence(manifest: Any) -> None:
    locked = re.findall(r"^([a-z0-9-]+)==([^ ]+)", package.LOCK.read_text(), re.MULTILINE)

    assert [(one["name"], one["version"]) for one in manifest["packages"]] == sorted(locked)
    licences = {one["name"]: one["licence"] for one in manifest["packages"]}
    assert licences["boto3"] == "Apache-2.0"
    assert licences["python-dateutil"] == "Apache-2.0 OR BSD-3-Clause"
    assert not [name for name, licence in licences.items() if "GPL" in licence or not licence]


def test_the_sbom_names_the_zip_and_each_package_in_it(packed: Path, manifest: Any) -> None:
    bom = Bom.from_json(json.loads(packed.with_suffix(".sbom.json").read_text()))  # type: ignore[attr-defined]

    assert bom.metadata.component.name == "tenant-bedrock"
    assert [one.content for one in bom.metadata.component.hashes] == [manifest["zip"]["sha256"]]
    assert {str(one.purl) for one in bom.components} == {
        f"pkg:pypi/{one['name']}@{one['version']}" for one in manifest["packages"]
    }


def test_equal_zips_have_equal_boms(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed) as inside:
        inside.extractall(tmp_path)

    again = contents.sbom(tmp_path, packed)

    assert again == packed.with_suffix(".sbom.json").read_text()


def test_an_unknown_licence_stops_the_build(tmp_path: Path) -> None:
    notes = tmp_path / "odd-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Name: odd\nVersion: 1.0\nLicense: do what you like\n")

    with pytest.raises(PackageError, match=r"odd 1\.0 says its licence is 'do what you like'"):
        contents.packages(tmp_path)
