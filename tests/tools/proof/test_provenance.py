"""Proofs of parts belong together only if the same code has made them."""

import pytest

from tools.proof import provenance


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "is_code"),
    [
        ("environments/customer/override.tf.json", True),
        ("environments/operations/defaults.auto.tfvars", True),
        ("environments/stanzas/terraform.tfvars.json", True),
        ("environments/prod/backend.hcl", True),
        ("modules/operations-role/role.tf", True),
        ("modules/operations-role/override.tf.json", True),
        ("tools/iam/policy.py", True),
        ("environments/operations/errored.tfstate", False),
        ("environments/prod/terraform.tfvars", False),
        ("modules/operations-role/README.md", False),
        ("lambda/tenant_bedrock/settings.py", False),
    ],
)
def test_the_hash_is_of_all_that_terraform_and_python_read(root, file, is_code):
    before = provenance.code_sha256()
    path = root / file
    path.parent.mkdir(parents=True)
    path.write_text("one")
    one = provenance.code_sha256()
    path.write_text("two")
    assert (one != before, provenance.code_sha256() != one) == (is_code, is_code)
