"""What an apply checks: the plan file, the zips and the certificate."""

import base64
import hashlib
import json

import pytest

from tools.command_error import CommandError
from tools.proof.folder import CertifiedPlans, plan_path, read_certified
from tools.proof.saved_plan import SavedPlan, sha256_of
from tools.terraform.state import operations_state

STATE = operations_state(0, 1)


def planned_function(zip_file, actions=("create",)):
    code = base64.b64encode(hashlib.sha256(zip_file.read_bytes()).digest()).decode()
    after = {"filename": str(zip_file), "source_code_hash": code}
    change = {"actions": list(actions), "after": after}
    return {"type": "aws_lambda_function", "change": change}


@pytest.fixture
def saved(tmp_path):
    """A plan file, and the zip of the function that it creates."""
    (tmp_path / "plan").write_bytes(b"a plan")
    (tmp_path / "code.zip").write_bytes(b"code")
    content = {"resource_changes": [planned_function(tmp_path / "code.zip")], "applyable": True}
    digest = sha256_of(tmp_path / "plan")
    return SavedPlan(STATE, tmp_path / "plan", content, digest, None)


def test_accepts_the_plan_and_the_zip_that_were_proved(saved):
    saved.check(saved.file)
    assert saved.summary == "Plan: 1 to add, 0 to change, 0 to destroy."
    assert list(saved.record().zips.values()) == [hashlib.sha256(b"code").hexdigest()]


def test_refuses_a_plan_file_with_one_more_byte(saved):
    saved.file.write_bytes(b"a plan.")
    with pytest.raises(CommandError, match="operations account has changed since it was proved"):
        saved.check(saved.file)


@pytest.mark.parametrize(
    "change", [lambda zip_file: zip_file.write_bytes(b"else"), lambda z: z.unlink()]
)
def test_refuses_another_zip_than_the_planned_one(saved, change):
    change(saved.file.parent / "code.zip")
    with pytest.raises(CommandError, match=r"code\.zip is not the zip"):
        saved.check(saved.file)


def test_a_function_that_stays_as_it_is_needs_no_zip(saved):
    zip_file = saved.file.parent / "code.zip"
    content = {"resource_changes": [planned_function(zip_file, ["no-op"])], "applyable": False}
    unchanged = SavedPlan(STATE, saved.file, content, saved.sha256, None)
    zip_file.unlink()
    unchanged.check(saved.file)
    assert unchanged.summary == "No changes."


def certificate(**changes):
    entry = {"state": STATE.key, "sha256": "0" * 64, "handover_sha256": None, "changes": "none"}
    return {"environment": "prod", "proved": True, "plan_files": [entry], **changes}


def written(folder, content):
    (folder / "certificate.json").write_text(json.dumps(content))
    return sha256_of(folder / "certificate.json")


def test_reads_a_certificate_by_its_hash(tmp_path):
    digest = written(tmp_path, certificate())
    assert set(read_certified(tmp_path, "prod", digest).files) == {STATE.key}
    assert set(read_certified(tmp_path, "prod", None).files) == {STATE.key}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"proved": False}, "says that the plans are not proved"),
        ({"proved": "yes"}, "says that the plans are not proved"),
        ({"environment": "dev"}, 'of the environment "dev"; write ENV=dev'),
        ({"plan_files": []}, "names no plan file"),
        ({"plan_files": None}, "is not a certificate"),
        ({"provenance": "here"}, "is not a certificate"),
        ({"plan_files": [{"state": STATE.key}]}, "is not a certificate"),
        ({"plan_files": certificate()["plan_files"] * 2}, "names two plans of one state"),
    ],
)
def test_refuses_a_certificate_of_something_else(tmp_path, changes, sentence):
    written(tmp_path, certificate(**changes))
    with pytest.raises(CommandError, match=sentence):
        read_certified(tmp_path, "prod", None)


def test_refuses_a_certificate_with_another_hash_and_a_folder_without_one(tmp_path):
    with pytest.raises(CommandError, match="is not a certificate"):
        read_certified(tmp_path, "prod", None)
    written(tmp_path, certificate())
    with pytest.raises(CommandError, match="is not the certificate whose SHA-256 is 1"):
        read_certified(tmp_path, "prod", "1" * 64)


@pytest.mark.parametrize("provenance", [None, {}, {"tfvars_sha256": "0" * 64}])
def test_refuses_plans_that_were_made_from_other_variables(tmp_path, provenance):
    tfvars = tmp_path / "terraform.tfvars"
    tfvars.write_text("tenants = {}")
    written(tmp_path, certificate(provenance={"tfvars_sha256": sha256_of(tfvars)}))
    read_certified(tmp_path, "prod", None).check_variables(tfvars)
    written(tmp_path, certificate(provenance=provenance))
    with pytest.raises(CommandError, match=r"terraform\.tfvars or a tenant's file has changed"):
        read_certified(tmp_path, "prod", None).check_variables(tfvars)


def test_copies_only_the_plan_that_the_certificate_names(tmp_path):
    file = plan_path(tmp_path, STATE)
    file.parent.mkdir()
    file.write_bytes(b"a plan")
    files = {STATE.key: {"sha256": sha256_of(file)}}
    CertifiedPlans(tmp_path, files).copy(STATE, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"a plan"
    for change in (lambda: file.write_bytes(b"another"), file.unlink):
        change()
        with pytest.raises(CommandError, match="is not the plan of operations account that was"):
            CertifiedPlans(tmp_path, files).copy(STATE, tmp_path / "copy")
