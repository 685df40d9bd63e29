"""Each proof has a folder of its own, or an error where none can be made."""

import pytest

from tools.proof import folder


def test_two_proofs_of_the_same_second_have_two_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "PROOFS", tmp_path / "build" / "proof")
    assert len({folder.new_folder("prod") for _ in range(5)}) == 5


def test_a_proof_fails_where_build_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "PROOFS", tmp_path / "build" / "proof")
    (tmp_path / "build").symlink_to(tmp_path / "absent")
    with pytest.raises(FileExistsError):
        folder.new_folder("prod")
