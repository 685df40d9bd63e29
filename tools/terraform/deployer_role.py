"""The role that lets Terraform work in a customer account, as modules/customer-deployer defines it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.paths import MODULES, ROOT, WORK
from tools.terraform.toolchain import Toolchain, ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.environment.model import CustomerAccount, Environment

RENDERING_ROOT = ROOT / "tools" / "terraform" / "deployer_policies"
MODULE = MODULES / "customer-deployer"
FOLDER = WORK / "deployer"
# Accounts of one plan; the time of a plan grows faster than the number of its modules.
BATCH = 100


@dataclass(frozen=True)
class DeployerRole:
    """What one customer creates once: the inputs of the module and what it renders.

    ``documents`` are the JSON texts of trust, permissions, boundary, key, reader_access and
    administrator_denial. ``boundary`` has the name and the path of the boundary policy. ``tags`` are those of
    the role, with the version and the digest of the documents.
    """

    name: str
    inputs: dict[str, Any]
    documents: dict[str, str]
    boundary: dict[str, str]
    key_alias: str
    cloudformation_template: str
    tags: dict[str, str]

    @property
    def trust(self) -> str:
        """The trust policy as JSON."""
        return self.documents["trust"]

    @property
    def permissions(self) -> str:
        """The permissions as JSON."""
        return self.documents["permissions"]


def deployer_roles(
    environment: Environment,
    accounts: Iterable[CustomerAccount],
    progress: Callable[[str], None],
) -> dict[CustomerAccount, DeployerRole]:
    """Return the deployer role of each account; Terraform renders them again only after a change.

    Raises CommandError when a stanza has no deployer's ExternalId, when the environment names no
    deployment principal, or when Terraform refuses one.
    """
    inputs = {account: _inputs(environment, account) for account in accounts}
    if not inputs:
        return {}
    try:
        outputs = _rendered({account.name: values for account, values in inputs.items()}, progress)
    except CommandError as error:  # Terraform quotes a value that it refuses
        raise CommandError(environment.without_external_ids(str(error))) from None
    return {
        account: DeployerRole(
            name=values["role_name"],
            inputs=values,
            documents=outputs[account.name]["documents"],
            boundary=outputs[account.name]["boundary_policy"],
            key_alias=outputs[account.name]["key"]["alias"],
            cloudformation_template=outputs[account.name]["cloudformation_template"],
            tags=outputs[account.name]["role"]["tags"],
        )
        for account, values in inputs.items()
    }


def _inputs(environment: Environment, account: CustomerAccount) -> dict[str, Any]:
    details = environment.details_of(account)
    if not environment.deployment_principals:
        raise CommandError(
            f"environments/{environment.name}/terraform.tfvars does not say who deploys; write "
            'deployment_principals = ["…"] in operations, with the ARNs of the users and roles of '
            f"account {environment.operations_account_id} that apply."
        )
    inputs = {
        "account_id": account.account_id,
        "code_signing_config_arn": details.get("code_signing_config_arn"),
        "deployment_principals": list(environment.deployment_principals),
        "environment": environment.name,
        "external_id": environment.deployer_external_id(account.tenant),
        "operations_account_id": environment.operations_account_id,
        "partition": environment.partition,
        "permissions_boundary": details.get("permissions_boundary"),
        "readers": details.get("readers", []),
        "region": account.region,
        "role_name": environment.deployer_role_name,
        "tags": environment.tags_of(account),
        "tenant": account.tenant,
        "unmaskers": details.get("unmaskers", []),
        "vpc": details.get("vpc"),
    }
    return {name: value for name, value in inputs.items() if value not in (None, {})}


def _rendered(
    inputs: dict[str, dict[str, Any]], progress: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Return the module's outputs for each account, from the files of earlier runs where the inputs are the same."""
    files = _files(inputs)
    missing = {name: values for name, values in inputs.items() if not files[name].is_file()}
    if missing:
        _render(missing, files, progress)
    return {name: json.loads(file.read_text()) for name, file in files.items()}


def _files(inputs: dict[str, dict[str, Any]]) -> dict[str, Path]:
    """Return the file for each account's outputs; its name is a digest of the module and the inputs."""
    module = hashlib.sha256()
    for path in sorted([*MODULE.rglob("*.tf"), *RENDERING_ROOT.glob("*.tf")]):
        module.update(path.read_bytes())
    files = {}
    for name, values in inputs.items():
        digest = module.copy()
        digest.update(json.dumps(values, sort_keys=True).encode())
        files[name] = FOLDER / f"{digest.hexdigest()}.json"
    return files


def _render(
    inputs: dict[str, dict[str, Any]], files: dict[str, Path], progress: Callable[[str], None]
) -> None:
    """Write the outputs of these accounts into their files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    FOLDER.chmod(0o700)  # the outputs hold ExternalIds
    toolchain = ensure_toolchain(progress)
    progress("Rendering the deployer roles from modules/customer-deployer")
    names = list(inputs)
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            outputs = _planned_outputs(
                Path(folder), {name: inputs[name] for name in batch}, toolchain
            )
            for name in batch:
                partial = Path(folder, "outputs.json")
                partial.write_text(json.dumps(outputs[name]))
                partial.replace(files[name])  # another process never reads half a file
        if start + BATCH < len(names):
            progress(f"{start + BATCH:,} of {len(names):,} deployer roles rendered")


def _planned_outputs(
    folder: Path, inputs: dict[str, dict[str, Any]], toolchain: Toolchain
) -> dict[str, Any]:
    """Plan a copy of the rendering root, so that several processes can do it at once."""
    root = folder / RENDERING_ROOT.relative_to(ROOT)
    shutil.copytree(RENDERING_ROOT, root)
    (folder / "modules").symlink_to(MODULES)
    variables, plan = root / "accounts.tfvars.json", root / "plan"
    variables.write_text(json.dumps({"accounts": inputs}))

    def terraform(*arguments: str) -> str:
        # A TF_DATA_DIR of the caller's own belongs to another root.
        environment = {**os.environ, "TF_DATA_DIR": str(root / ".terraform")}
        return toolchain.run(root, *arguments, environment=environment)

    terraform("init")
    terraform("plan", f"-var-file={variables}", f"-out={plan}")
    planned_values = json.loads(terraform("show", "-json", str(plan)))["planned_values"]
    outputs: dict[str, Any] = planned_values["outputs"]["deployers"]["value"]
    return outputs
