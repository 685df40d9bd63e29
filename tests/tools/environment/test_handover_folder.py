"""What `make handover` replaces in its folder: what it wrote and nobody changed, and nothing else."""

import subprocess

import pytest

from tools.command_error import CommandError
from tools.environment import handover_folder
from tools.environment.handover_folder import write_folder

FIRST = {"main.tf": b"first", "modules/m/a.tf": b"a", "old.zip": b"old"}
SECOND = {"main.tf": b"second", "modules/m/a.tf": b"b", "new.zip": b"new"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(handover_folder, "BUILD", tmp_path)
    folder = tmp_path / "handover" / "local" / "acme" / "222222222222"
    write_folder(folder, FIRST)
    return folder


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "SHA256SUMS"
    }


def test_replaces_what_it_wrote_and_removes_what_it_no_longer_writes(folder):
    write_folder(folder, SECOND)
    assert contents(folder) == SECOND
    subprocess.run(["sha256sum", "--quiet", "--check", "SHA256SUMS"], cwd=folder, check=True)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_keeps_a_state_and_everything_else_that_it_did_not_write(folder):
    others = {
        "terraform.tfstate": b"{}",
        ".terraform/terraform.tfstate": b"{}",
        ".terraform.lock.hcl": b"hashes",
        "backend.tf": b"terraform {}",
        "modules/n/notes.txt": b"mine",
    }
    for name, content in others.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write_folder(folder, SECOND)
    assert contents(folder) == {**SECOND, **others}


@pytest.mark.parametrize("name", ["main.tf", "modules/m/a.tf", "old.zip", "new.zip"])
def test_refuses_to_replace_or_remove_a_file_that_somebody_changed_or_made(folder, name):
    (folder / name).write_bytes(b"edited")
    before = contents(folder)
    with pytest.raises(CommandError, match=rf"Move these away.*222222222222/{name}\."):
        write_folder(folder, SECOND)
    assert contents(folder) == before


def test_names_everything_that_stands_in_the_way_at_once(folder):
    (folder / "main.tf").write_bytes(b"edited")
    (folder / "new.zip").mkdir()
    with pytest.raises(CommandError, match=r"main\.tf, .*new\.zip\."):
        write_folder(folder, SECOND)


def test_continues_where_an_interrupted_command_stopped(folder):
    (folder / "main.tf").write_bytes(SECOND["main.tf"])
    write_folder(folder, SECOND)
    assert contents(folder) == SECOND


def test_refuses_a_file_or_a_link_in_place_of_a_folder_and_names_it(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    before = contents(elsewhere)
    with pytest.raises(CommandError, match=r"again: .*acme/222222222222\."):
        write_folder(folder, SECOND)
    assert contents(elsewhere) == before
    folder.unlink()
    folder.write_text("a file")
    with pytest.raises(CommandError, match=r"again: .*acme/222222222222\."):
        write_folder(folder, SECOND)
    folder.unlink()
    folder.parent.rmdir()
    folder.parent.write_text("a file")
    with pytest.raises(CommandError, match=r"again: .*local/acme\."):
        write_folder(folder, SECOND)


def test_a_link_in_the_folder_leads_to_no_file_outside(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(FIRST["main.tf"])
    (folder / "main.tf").unlink()
    (folder / "main.tf").symlink_to(outside)
    with pytest.raises(CommandError, match=r"main\.tf"):
        write_folder(folder, SECOND)
    assert outside.read_bytes() == FIRST["main.tf"]


def test_a_path_in_sha256sums_that_leads_out_of_the_folder_removes_nothing(folder, tmp_path):
    outside = folder.parent / "outside"
    outside.write_bytes(FIRST["main.tf"])
    sums = folder / "SHA256SUMS"
    sha256 = sums.read_text().split()[0]
    sums.write_text(f"{sums.read_text()}{sha256}  ../outside\n{sha256}  {outside}\n")
    write_folder(folder, SECOND)
    assert outside.exists()


def test_an_error_of_the_file_system_names_the_folder(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "/somewhere/partial")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(CommandError, match=r"222222222222 cannot be written: No space left"):
        write_folder(folder, SECOND)
