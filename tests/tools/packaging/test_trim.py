"""Trimming stops at an unknown layout and does not change the addresses that botocore finds."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import botocore
import pytest
from botocore.session import Session

from tools.packaging import build as package
from tools.packaging import trim
from tools.packaging.variant import PackageError

# Each a partition, or a Region whose endpoints botocore has listed one by one.
REGIONS = ["eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "zz-new-1"]
FILE_SUFFIXES = {".pem", ".pyi", ".so"}


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unzipped")
    with zipfile.ZipFile(package.build("host", lambda _: None)) as packed:
        packed.extractall(folder)
    return folder


def write(tree: Path, name: str, text: str = "") -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Packages as they are laid out now, each file that must be there and little else."""
    services = {name: {"endpoints": {}} for name in ("ec2", "logs", "sts")}
    for service in (*trim.SERVICES, "ec2"):
        write(tmp_path, f"botocore/data/{service}/2020-01-01/service-2.json")
    for folder in (*trim.KEPT_FOLDERS["langsmith"], "evaluation"):
        write(tmp_path, f"langsmith/{folder}/__init__.py")
    write(tmp_path, trim.ENDPOINTS, json.dumps({"partitions": [{"services": services}]}))
    for pattern in trim.UNUSED:
        name = pattern.replace("*", "x")
        write(tmp_path, name if Path(name).suffix in FILE_SUFFIXES else f"{name}/__init__.py")
    write(tmp_path, "langsmith/client.py")
    write(tmp_path, "six.py")
    write(tmp_path, "six-1.0.dist-info/METADATA", "Name: six\nLicense: MIT\n\nA readme.")
    return tmp_path


def files(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


def test_leaves_what_is_used(tree: Path) -> None:
    trim.trim(tree)

    assert files(tree) == {
        "botocore/data/bedrock-runtime/2020-01-01/service-2.json",
        "botocore/data/endpoints.json",
        "botocore/data/logs/2020-01-01/service-2.json",
        "botocore/data/ssm/2020-01-01/service-2.json",
        "botocore/data/sts/2020-01-01/service-2.json",
        "langsmith/_internal/__init__.py",
        "langsmith/_utils/__init__.py",
        "langsmith/client.py",
        "langsmith/env/__init__.py",
        "langsmith/types/__init__.py",
        "six-1.0.dist-info/METADATA",
        "six.py",
    }
    assert (tree / "six-1.0.dist-info/METADATA").read_text() == "Name: six\nLicense: MIT\n"


@pytest.mark.parametrize("pattern", trim.UNUSED)
def test_stops_when_something_is_not_where_it_was(tree: Path, pattern: str) -> None:
    for path in sorted(tree.glob(pattern)):
        path.rename(path.with_name("elsewhere"))

    with pytest.raises(
        PackageError, match="is not in its expected place, because a locked package has"
    ):
        trim.trim(tree)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (trim.ENDPOINTS, "{}"),
        (trim.ENDPOINTS, '{"partitions": []}'),
        (trim.ENDPOINTS, '{"partitions": [{"services": {"sts": {}}}]}'),
        (trim.ENDPOINTS, '{"partitions": [{"services": ["sts"]}]}'),
        (trim.ENDPOINTS, "no JSON"),
    ],
)
def test_stops_when_botocores_endpoints_are_written_otherwise(
    tree: Path, name: str, text: str
) -> None:
    write(tree, name, text)

    with pytest.raises(PackageError, match=r"endpoints\.json is not in its expected place"):
        trim.trim(tree)


@pytest.mark.parametrize("folder", trim.KEPT_FOLDERS)
def test_stops_when_a_folder_with_kept_folders_has_moved(tree: Path, folder: str) -> None:
    (tree / folder).rename(tree / "elsewhere")

    with pytest.raises(PackageError, match=f"{folder}/.* is not in its expected place"):
        trim.trim(tree)


@pytest.mark.parametrize("name", sorted(trim.KEPT_FOLDERS["langsmith"]))
def test_stops_when_a_kept_folder_is_missing(tree: Path, name: str) -> None:
    (tree / "langsmith" / name).rename(tree / "elsewhere")

    with pytest.raises(PackageError, match=f"langsmith/{name} is not in its expected place"):
        trim.trim(tree)


def test_has_at_most_fifteen_rules() -> None:
    """Each one must be checked against every new version; endpoints and METADATA are rules too."""
    assert len(trim.UNUSED) + len(trim.KEPT_FOLDERS) + 2 <= 15


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", sorted(trim.SERVICES))
def test_the_shortened_endpoints_give_the_same_addresses(
    unzipped: Path, service: str, region: str
) -> None:
    assert address(unzipped / "botocore/data", service, region) == address(
        Path(botocore.__file__).parent / "data", service, region
    )


def address(data: Path, service: str, region: str) -> tuple[str, str]:
    session = Session()
    loader = session.get_component("data_loader")
    loader.search_paths[:] = [str(data)]
    client = session.create_client(
        service, region_name=region, aws_access_key_id="x", aws_secret_access_key="x"
    )
    return client.meta.endpoint_url, client.meta.region_name
