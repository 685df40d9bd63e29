import shutil
import zipfile

import pytest

from tests.checkout import checkout  # noqa: F401 - a fixture
from tests.terraform import (
    ENVIRONMENTS,
    MODULES,
    OFFLINE_PROVIDER,
    Folder,
    folder_of,
    offline_provider,
)

LOCAL_STATE = """\
terraform {
  backend "local" {}
}

provider "aws" {
  allowed_account_ids = null
}

provider "aws" {
  alias               = "iam_events"
  allowed_account_ids = null
}
"""


@pytest.fixture(scope="session")
def operations(tmp_path_factory):
    """A copy of the operations root that asks nobody and keeps its state in a file."""
    copy = tmp_path_factory.mktemp("documentation")
    without_state = shutil.ignore_patterns(".terraform*")
    shutil.copytree(MODULES, copy / "modules", ignore=without_state)
    shutil.copytree(ENVIRONMENTS, copy / "environments", symlinks=True, ignore=without_state)
    root = copy / "environments" / "operations"
    (copy / "build").mkdir()
    zipfile.ZipFile(copy / "build" / "operations-guard-py3.13.zip", "w").close()
    (root / "local_override.tf").write_text(LOCAL_STATE)
    (root / "provider_override.tf").write_text(OFFLINE_PROVIDER + offline_provider("iam_events"))
    return Folder(root).init()


@pytest.fixture
def module_call(tmp_path):
    """A root that consists of a module call, beside an empty zip."""

    def folder(call):
        path = folder_of(tmp_path / "root", [], {"main.tf": call, "provider.tf": OFFLINE_PROVIDER})
        zipfile.ZipFile(path / "tenant-bedrock-arm64-py3.13.zip", "w").close()
        return Folder(path).init()

    return folder
