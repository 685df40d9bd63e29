"""A copy of the project to run its commands in, as a user would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.terraform import installed_provider, toolchain
from tools.localaws.background import LocalAwsProcess
from tools.localaws.control import Control
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PARTS = (
    ".terraform-version",
    "Makefile",
    "README.md",
    "environments",
    "lambda",
    "modules",
    "pyproject.toml",
    "requirements-dev.txt",
    "tools",
)
# With python3 itself first, because a shim costs each command 0.3 s; without the terraform of ATTACHED.
PATH = f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"
ATTACHED = ROOT / "tests" / "attached"  # its terraform leaves the provider running
# Makes the terraform of ATTACHED run terraform itself, which starts and ends a provider for each command.
TERRAFORM_ITSELF = {"TERRAFORM_ITSELF": "1"}
UNWANTED = shutil.ignore_patterns("__pycache__", ".terraform*")


# The beginning of environments/local/terraform.tfvars; the tenants follow.
LOCAL_ENVIRONMENT = """\
environment = "local"

operations = {
  account_id            = "111111111111"
  deployment_principals = ["arn:aws:iam::111111111111:user/deployer"]
  region                = "eu-central-1"
}

"""


@dataclass(frozen=True)
class Checkout:
    """A copy of the project, so that a test may add tenants and apply without touching this one."""

    root: Path

    def shell(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command line with the copy as its working directory and its home."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command in the copy, with the provider that keeps running."""
        return {
            **os.environ,
            "HOME": str(self.root),
            "PATH": f"{ATTACHED}:{PATH}",
            "TESTED_PROVIDER": str(installed_provider()),
            "TESTED_TERRAFORM": toolchain().terraform,
            "TESTING_PROCESS": str(os.getpid()),
            "TESTING_PYTHON": sys.executable,
            "NO_COLOR": "1",
            "COLUMNS": "240",
        }

    @property
    def control(self) -> Control:
        """The control API of the local AWS that `make up` started in the copy."""
        return Control(LocalAwsProcess(self.root / ".work").description()["control_url"])

    def done(self, command: str, **environment: str) -> str:
        """The output of a command; the test fails with its words if it failed."""
        run = self.shell(command, **environment)
        assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"  # noqa: S101
        return run.stdout


def create_deployer(
    iam: Any,  # noqa: ANN401 - boto3's clients
    kms: Any,  # noqa: ANN401
    template: Mapping[str, Any],
) -> None:
    """Create what the CloudFormation template of `make deployer` creates, as the customer."""
    role, boundary, key, alias = (
        template["Resources"][name]["Properties"]
        for name in ("DeployerRole", "WorkloadBoundary", "RecordsKey", "RecordsKeyAlias")
    )
    iam.create_policy(
        PolicyName=boundary["ManagedPolicyName"],
        Path=boundary["Path"],
        PolicyDocument=json.dumps(boundary["PolicyDocument"]),
    )
    key_id = kms.create_key(Policy=json.dumps(key["KeyPolicy"]))["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias["AliasName"], TargetKeyId=key_id)
    iam.create_role(
        RoleName=role["RoleName"],
        AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
    )
    for policy in role["Policies"]:
        iam.put_role_policy(
            RoleName=role["RoleName"],
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )


def _give_toolchain(copy: Checkout) -> None:
    """Spare the copy the search for a provider and its installation, which tests/tools/terraform tests."""
    fingerprint = "from tools.terraform import toolchain; print(toolchain._fingerprint(), end='')"
    ready = {
        "terraform": str(ATTACHED / "terraform"),
        "cli_config": str(toolchain().cli_config),
        "fingerprint": copy.done(f'.venv/bin/python -c "{fingerprint}"'),
    }
    folder = copy.root / ".work" / "terraform"
    folder.mkdir(parents=True)
    (folder / "ready.json").write_text(json.dumps(ready))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A fresh copy for each test module; its local AWS is stopped at the end."""
    root = tmp_path_factory.mktemp("checkout")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, symlinks=True, ignore=UNWANTED)
        else:
            shutil.copy(ROOT / name, root / name)
    # Created once for all: the virtual environment, and the zips that are built from the same sources. Proofs and
    # hand-overs are written into the copy's own folder, where no other test sees them.
    (root / ".venv").symlink_to(ROOT / ".venv")
    (root / "build").mkdir()
    for file in (ROOT / "build").glob("[!.]*.*"):
        (root / "build" / file.name).symlink_to(file)
    copy = Checkout(root)
    _give_toolchain(copy)
    yield copy
    copy.shell("make down")
    for file in (root / ".work" / "attached-providers").glob("*.json"):
        with suppress(ProcessLookupError):
            os.killpg(json.loads(file.read_text())["process"], signal.SIGTERM)
