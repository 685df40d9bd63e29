"""The zip has the right contents, runs alone, and is built again only when an input changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.packaging import archive, bytecode
from tools.packaging import build as package
from tools.packaging.variant import PackageError, Variant

ROOT = Path(__file__).resolve().parents[3]


def _silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def host_zip() -> Path:
    return package.build("host", _silent)


@pytest.fixture(scope="module")
def names(host_zip: Path) -> list[str]:
    with zipfile.ZipFile(host_zip) as zip_archive:
        return zip_archive.namelist()


def test_the_zip_is_named_for_its_platform(host_zip: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    assert host_zip == ROOT / "build" / f"tenant-bedrock-host-py{version}.zip"
    assert Variant("arm64").name == "tenant-bedrock-arm64-py3.13"
    assert Variant("x86_64").name == "tenant-bedrock-x86_64-py3.13"


def test_the_zips_for_lambda_take_wheels_for_its_python_and_machine() -> None:
    options = Variant("arm64").pip_options()

    assert "--python-version=3.13" in options
    assert "--platform=manylinux_2_28_aarch64" in options
    assert not [option for option in options if "x86_64" in option]
    assert "--platform=manylinux_2_28_x86_64" in Variant("x86_64").pip_options()


def test_the_package_and_its_type_marker_are_at_the_root(names: list[str]) -> None:
    assert "tenant_bedrock/handler.py" in names
    assert "tenant_bedrock/py.typed" in names


def test_only_the_services_that_are_called_have_data(names: list[str]) -> None:
    data = {name.split("/")[2] for name in names if name.startswith("botocore/data/")}

    assert {name for name in data if not name.endswith(".json")} == {
        "bedrock-runtime",
        "logs",
        "ssm",
        "sts",
    }
    assert "endpoints.json" in data


def test_it_has_no_file_that_never_runs(names: list[str]) -> None:
    top = {name.split("/")[0] for name in names}

    assert not top & {
        "numpy",
        "httpx",
        "orjson",
        "websockets",
        "zstandard",
        "awslambdaric",
        "bin",
        "pip",
        "moto",
    }
    assert not [name for name in names if name.endswith(".pyi")]
    assert not [name for name in names if "tests" in name.split("/")]


def test_every_module_has_bytecode_of_the_hosts_python(names: list[str]) -> None:
    tag = sys.implementation.cache_tag
    bytecode_names = {
        name.replace(".py", f".{tag}.pyc").rpartition("/")[2]
        for name in names
        if name.startswith("tenant_bedrock/") and name.endswith(".py")
    }

    assert bytecode_names <= {name.rpartition("/")[2] for name in names if "__pycache__" in name}


def test_it_runs_with_nothing_but_the_standard_library_beside_it(
    host_zip: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(host_zip) as zip_archive:
        zip_archive.extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tenant_bedrock.handler;"
        "files = [getattr(m, '__file__', None) or '' for m in list(sys.modules.values())];"
        "print(*[f for f in files if 'site-packages' in f])"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, tmp_path],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr


def test_a_second_build_does_nothing(host_zip: Path) -> None:
    progress: list[str] = []
    before = host_zip.stat().st_mtime_ns

    assert package.build("host", progress.append) == host_zip
    assert progress == []
    assert host_zip.stat().st_mtime_ns == before


def test_the_fingerprint_follows_the_lock_the_sources_the_variant_and_the_compiler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock, sources = tmp_path / "requirements.txt", tmp_path / "tenant_bedrock"
    lock.write_text("one")
    sources.mkdir()
    monkeypatch.setattr(package, "ROOT", Path("/"))
    monkeypatch.setattr(package, "LOCK", lock)
    monkeypatch.setattr(package, "PACKAGE", sources)
    host, here = Variant("host"), Path(sys.executable)
    fingerprints = [package.fingerprint(host, here)]
    assert package.fingerprint(host, here) == fingerprints[0]

    lock.write_text("two")
    fingerprints.append(package.fingerprint(host, here))
    (sources / "new.py").write_text("")
    fingerprints.append(package.fingerprint(host, here))
    fingerprints.append(package.fingerprint(Variant("arm64"), here))
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho cpython 3.13.99\n")
    other.chmod(0o755)
    fingerprints.append(package.fingerprint(host, other))

    assert len(set(fingerprints)) == 5


def test_the_error_says_which_packages_are_not_available(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(package, "LOCK", lock)
    monkeypatch.setattr(package, "ROOT", Path("/"))
    monkeypatch.setattr(package, "BUILD", tmp_path / "build")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(PackageError, match="pip could not install .* needs a package index"):
        package.build("host", lambda _: None)


def test_compiling_and_zipping_elsewhere_gives_the_same_bytes(
    host_zip: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "another" / "place"
    with zipfile.ZipFile(host_zip) as zip_archive:
        zip_archive.extractall(tree)
    for number, path in enumerate(tree.rglob("*.py*")):
        if path.suffix == ".pyc":
            path.unlink()
        else:
            os.utime(path, (1_000_000_000 + number,) * 2)
            path.chmod(0o600 if number % 2 else 0o755)

    bytecode.compile_tree(tree, Path(sys.executable))
    archive.pack(tree, tmp_path / "again.zip")

    assert (tmp_path / "again.zip").read_bytes() == host_zip.read_bytes()


def test_no_file_in_the_zip_has_the_path_where_it_was_built(host_zip: Path) -> None:
    with zipfile.ZipFile(host_zip) as zip_archive:
        names = [name for name in zip_archive.namelist() if bytes(ROOT) in zip_archive.read(name)]

    assert names == []


# --- the guard's zip ---


def test_the_guards_zip_has_its_package_and_nothing_else() -> None:
    guard = ROOT / "lambda" / "operations_guard"
    with zipfile.ZipFile(package.build_guard()) as zip_archive:
        packed = set(zip_archive.namelist())

    sources = {
        path.relative_to(guard.parent).as_posix()
        for path in guard.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == sources
    assert "operations_guard/__init__.py" in packed


def test_the_guards_zip_is_the_same_wherever_and_whenever_it_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = package.build_guard()
    copied = shutil.copytree(package.GUARD, tmp_path / "elsewhere" / package.GUARD.name)
    for number, path in enumerate(copied.rglob("*.py")):
        os.utime(path, (1_000_000_000 + number,) * 2)
        path.chmod(0o600 if number % 2 else 0o755)
    monkeypatch.setattr(package, "GUARD", copied)
    monkeypatch.setattr(package, "BUILD", tmp_path / "build")

    again = package.build_guard()

    assert again.name == first.name == "operations-guard-py3.13.zip"
    assert again.read_bytes() == first.read_bytes()


def test_the_guard_runs_from_its_zip_with_what_the_runtime_has() -> None:
    """Lambda's Python has boto3 and what that depends on; the zip alone has the rest."""
    program = "import operations_guard.verification, sys; print(operations_guard.__file__)"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(package.build_guard()), "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.startswith(str(package.build_guard()))
