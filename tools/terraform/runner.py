"""Runs terraform in the states of one environment."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.tenant_shard import shard_of
from tools.paths import ENVIRONMENTS, MODULES, ROOT
from tools.terraform.shard_states import check_shards
from tools.terraform.state import OPERATIONS, operations_states
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.environment.model import Environment
    from tools.terraform.state import State
    from tools.terraform.state_bucket import StateBucket

PlanJson = dict[str, Any]  # what `terraform show -json` prints of a plan file


@dataclass(frozen=True)
class Terraform:
    """Runs terraform in a state of ``environment`` and prints each command by ``progress``.

    ``process_environment`` gives the variables with which terraform reaches the environment's AWS.
    Every state has a TF_DATA_DIR of its own in ``folder``, so that a backend never leaks from one
    environment into another.
    """

    environment: Environment
    folder: Path
    process_environment: Callable[[], Mapping[str, str]]
    progress: Callable[[str], None]
    bucket: StateBucket
    _roots_with_checked_shards: set[str] = field(default_factory=set)

    def init(self, state: State) -> None:
        """Connect the state's data directory to its backend, unless that is still up to date.

        Each terraform init reads the provider's 700 MB three times to check their hash.
        """
        stamp = self._stamp(state)
        if stamp.is_file() and stamp.read_text() == self._init_digest(state):
            return
        self._run(
            state,
            "init",
            "-reconfigure",
            f"-backend-config=../{self.environment.name}/backend.hcl",
            f"-backend-config=key={state.key}",
        )
        stamp.write_text(self._init_digest(state))

    def plan(self, state: State) -> str:
        """Return the plan as terraform prints it."""
        self._check_shards(state)
        self.init(state)
        return self._run(state, "plan", *self._options(state))

    def plan_json(self, state: State) -> PlanJson:
        """Return the plan as `terraform show -json` prints it; it holds the hand-over's ExternalIds."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan"
            self.save_plan(state, file)
            return self.show_json(state, file)

    def save_plan(self, state: State, file: Path) -> None:
        """Write a plan file, which `apply_plan` takes; it holds ExternalIds, as the tfvars do."""
        self._check_shards(state)
        self.init(state)
        self._run(state, "plan", "-lock=false", *self._options(state), f"-out={file}")

    def show(self, state: State, file: Path) -> str:
        """Return a plan file as terraform prints it."""
        self.init(state)
        return self._run(state, "show", str(file))

    def show_json(self, state: State, file: Path) -> PlanJson:
        """Return a plan file as `terraform show -json` prints it."""
        self.init(state)
        plan: PlanJson = json.loads(self._run(state, "show", "-json", str(file)))
        return plan

    def state_json(self, state: State) -> dict[str, Any]:
        """Return the state as `terraform show -json` prints it, without reading AWS again."""
        self.init(state)
        values: dict[str, Any] = json.loads(self._run(state, "show", "-json"))
        return values

    def apply_plan(self, state: State, file: Path) -> str:
        """Apply a plan file and nothing else; Terraform refuses it if the state has changed since.

        https://developer.hashicorp.com/terraform/cli/commands/apply#saved-plan-mode
        """
        self.init(state)
        output = self._run(state, "apply", str(file))
        self.hand_over(state)
        return output

    def push_state(self, state: State, file: Path) -> None:
        """Store a state in place of the one before; CommandError if that is locked or has changed since.

        Terraform compares serial and lineage: https://developer.hashicorp.com/terraform/cli/commands/state/push
        """
        self.init(state)
        self._run(state, "state", "push", str(file))

    def provider_versions(self, state: State) -> dict[str, str]:
        """Return the version of each provider that terraform init selected, by the provider's address."""
        self.init(state)
        selected: dict[str, str] = json.loads(self._run(state, "version", "-json"))[
            "provider_selections"
        ]
        return selected

    def destroy(self, state: State) -> str:
        """Destroy what the state holds."""
        self._check_shards(state)
        self.init(state)
        output = self._run(state, "destroy", "-auto-approve", *self._options(state))
        self.hand_over(state)
        return output

    def resources(self, state: State) -> list[str]:
        """Return the addresses in the state; none when it was never applied."""
        self.init(state)
        return self._run(state, "state", "list", missing_state="").split()

    def outputs(self, state: State) -> dict[str, Any]:
        """Return the state's outputs by name; empty when it was never applied."""
        self.init(state)
        outputs: dict[str, dict[str, Any]] = json.loads(self._run(state, "output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def handovers(self, state: State | None = None) -> dict[str, Any]:
        """Return the hand-over of every tenant whose role exists, by tenant; with ``state``, of one shard.

        The output itself holds all tenants of the shard, even after an apply of only one of them.
        """
        if state is None:
            states = operations_states(self.environment)
            return {name: item for state in states for name, item in self.handovers(state).items()}
        addresses = set(self.resources(state))
        return {
            tenant: handover
            for tenant, handover in self.outputs(state).get("handover", {}).items()
            if f'module.operations_role["{tenant}"].aws_iam_role.this' in addresses
        }

    def hand_over(self, state: State) -> None:
        """Write the hand-over of each tenant whose role is in a shard's state, or of the state's tenant.

        A tenant of the shard that has no role any more loses its hand-over. A customer state hands nothing over.
        """
        if state.root != OPERATIONS:
            return
        handovers = self.handovers(state)
        changed = {state.tenant} if state.tenant else handovers.keys()
        self.bucket.write_handovers(
            {tenant: handovers[tenant] for tenant in changed & handovers.keys()}
        )
        shards = self.environment.shards
        in_shard = {
            tenant
            for tenant in self.bucket.tenants_with_handover()
            if shard_of(tenant, shards) == state.shard
        }
        self.bucket.remove_handovers(frozenset(in_shard - handovers.keys()))

    def _check_shards(self, state: State) -> None:
        """Raise CommandError while a tenant is in another shard's state; the states are read once."""
        if state.root == OPERATIONS and OPERATIONS not in self._roots_with_checked_shards:
            check_shards(self.environment, self.bucket)
            self._roots_with_checked_shards.add(OPERATIONS)

    def _data_dir(self, state: State) -> Path:
        return self.folder / "data" / self.environment.name / state.key.removesuffix(".tfstate")

    def _stamp(self, state: State) -> Path:
        return self._data_dir(state) / "initialised"

    def _init_digest(self, state: State) -> str:
        """Return a digest of everything that terraform init reads."""
        root = ENVIRONMENTS / state.root
        modules = (file for file in MODULES.rglob("*.tf") if "examples" not in file.parts)
        files = [
            *sorted([*root.glob("*.tf"), *modules]),
            self.environment.folder / "backend.hcl",
            ensure_toolchain(self.progress).cli_config,
            root / ".terraform.lock.hcl",
        ]
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file}\n".encode())
            digest.update(file.read_bytes() if file.is_file() else b"")
        return digest.hexdigest()

    def _options(self, state: State) -> list[str]:
        return [
            f"-var-file=../{self.environment.name}/terraform.tfvars",
            *self._handover_option(state),
            *(f"-var={name}={value}" for name, value in state.variables.items()),
            *(f"-target={address}" for address in state.targets),
        ]

    def _handover_option(self, state: State) -> list[str]:
        """Fetch the hand-over of a customer state's tenant, and return the option with its file."""
        if state.root == OPERATIONS or state.tenant is None:
            return []
        file = self._data_dir(state) / "handover.tfvars.json"
        handover = self.bucket.handover(state.tenant)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)  # it holds the tenant's ExternalId
        file.write_text(json.dumps({"handover": handover}))
        # Terraform resolves the path from the root's folder.
        return [f"-var-file={os.path.relpath(file, ENVIRONMENTS / state.root)}"]

    def _run(self, state: State, *arguments: str, missing_state: str | None = None) -> str:
        """Run terraform and return what it prints; CommandError with its own message when it fails."""
        self.bucket.check()
        root = ENVIRONMENTS / state.root
        data_dir = self._data_dir(state)
        command = ["terraform", f"-chdir={root.relative_to(ROOT)}", *arguments]
        self.progress(f"TF_DATA_DIR={_shown(data_dir)} {shlex.join(command)}")
        environment = {**self.process_environment(), "TF_DATA_DIR": str(data_dir)}
        try:
            return ensure_toolchain(self.progress).run(root, *arguments, environment=environment)
        except CommandError as error:
            if missing_state is not None and "No state file was found" in str(error):
                return missing_state
            # Whatever the reason was, the next command runs init again.
            self._stamp(state).unlink(missing_ok=True)
            raise


def summary(output: str) -> str:
    """Return the line of terraform's output that counts the changes."""
    prefixes = ("Plan:", "No changes", "Apply complete!", "Destroy complete!")
    counts = [line.strip() for line in output.splitlines() if line.strip().startswith(prefixes)]
    return counts[-1] if counts else "no resources to change"


def _shown(path: Path) -> str:
    """Return a path that works when it is pasted: with -chdir, terraform resolves a relative one anew."""
    return f"$PWD/{path.relative_to(ROOT)}" if path.is_relative_to(ROOT) else str(path)
