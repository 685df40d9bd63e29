"""Plans the operations account from the stanzas alone, without an account, a state or credentials."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.paths import BUILD, ENVIRONMENTS, MODULES
from tools.terraform.parallel import map_in_parallel
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.environment.model import Environment
    from tools.terraform.runner import PlanJson

STANZAS = "stanzas.tfvars.json"
OVERRIDE_FILE = "offline_override.tf"
_UNWANTED = shutil.ignore_patterns(".terraform*", "errored.tfstate")

# Overrides the root's provider and backend, so that a plan needs no account and no network:
# https://developer.hashicorp.com/terraform/language/files/override
_PROVIDER = """
provider "aws" {
  access_key                  = "test"
  allowed_account_ids         = null
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
"""
OVERRIDE = f"""\
terraform {{
  backend "local" {{}}
}}
{_PROVIDER}"""
OPERATIONS_OVERRIDE = (
    OVERRIDE
    # The operations root has another provider, for the Region of IAM's events.
    + _PROVIDER.replace("{", '{\n  alias                       = "iam_events"', 1)
)


def copy_operations_root(folder: Path) -> Path:
    """Copy the operations root and what it reads to ``folder``, with the override, and return the root."""
    for part in (MODULES, ENVIRONMENTS):
        shutil.copytree(part, folder / part.name, symlinks=True, ignore=_UNWANTED)
    (folder / BUILD.name).symlink_to(BUILD)  # the guard's zip
    root = folder / ENVIRONMENTS.name / "operations"
    (root / OVERRIDE_FILE).write_text(OPERATIONS_OVERRIDE)
    return root


def offline_plans(
    environment: Environment, jobs: int, progress: Callable[[str], None]
) -> list[PlanJson]:
    """Return a plan of each shard as `terraform show -json` prints it, as if nothing had been applied yet.

    Raises CommandError with Terraform's message, without ExternalIds, for a stanza that it refuses.
    """
    toolchain = ensure_toolchain(progress)
    # Without the user's AWS_ variables, one of which could name an endpoint or a profile.
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    process = inherited | {"AWS_EC2_METADATA_DISABLED": "true"}
    with tempfile.TemporaryDirectory(prefix="offline-") as folder:
        root = copy_operations_root(Path(folder))
        files = [f"-var-file={environment.tfvars}"]
        if variables := environment.file_variables:
            (root / STANZAS).write_text(json.dumps(variables))
            files.append(f"-var-file={STANZAS}")

        def terraform(*arguments: str) -> str:
            try:
                return toolchain.run(root, *arguments, environment=process)
            except CommandError as error:
                raise CommandError(environment.without_external_ids(str(error))) from None

        def plan(shard: int) -> PlanJson:
            file = f"plan-{shard}"
            options = ("-input=false", "-lock=false", f"-var=shard={shard}", f"-out={file}")
            terraform("plan", *files, *options)
            content: PlanJson = json.loads(terraform("show", "-json", file))
            return content

        terraform("init")
        return map_in_parallel(plan, range(environment.shards), jobs)
