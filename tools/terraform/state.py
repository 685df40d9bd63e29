"""The states of an environment, and terraform run in one of them."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.cli.console import CommandError
from tools.packaging import build as package
from tools.paths import ENVIRONMENTS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.cli.workspace import Workspace
    from tools.environment.model import CustomerAccount, Environment


@dataclass(frozen=True)
class State:
    """One Terraform state: a root, its key in the backend, and the variables that pick it out."""

    root: str
    key: str
    label: str
    variables: dict[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()

    def only(self, addresses: Iterable[str]) -> State:
        """The same state, limited to some of its resources."""
        return replace(self, targets=tuple(addresses))


def operations(tenant: str | None = None) -> State:
    """The environment's state in the operations account, limited to one tenant's role where named."""
    targets = (f'module.operations_role["{tenant}"]',) if tenant else ()
    return State("operations", "operations.tfstate", "operations account", targets=targets)


def customer(account: CustomerAccount) -> State:
    """The state of one customer account."""
    return State(
        "customer",
        f"customers/{account.tenant}/{account.account_id}.tfstate",
        f"{account.tenant} {account.account_id}",
        {"account_id": account.account_id, "tenant": account.tenant},
    )


@dataclass(frozen=True)
class Terraform:
    """Runs terraform in a state of one environment and says which command it ran."""

    workspace: Workspace
    environment: Environment
    say: Callable[[str], None]

    def init(self, state: State, *, again: bool = False) -> None:
        """Point the state's own data directory at its backend, unless that is done and still holds.

        Each terraform init reads the 700 MB of the provider three times, to check their hash.
        """
        stamp = self._stamp(state)
        if not again and stamp.is_file() and stamp.read_text() == self._read_by_init(state):
            return
        self._run(
            state,
            "init",
            "-reconfigure",
            f"-backend-config=../{self.environment.name}/backend.hcl",
            f"-backend-config=key={state.key}",
        )
        stamp.write_text(self._read_by_init(state))

    def plan(self, state: State, *options: str) -> str:
        """The plan, as terraform prints it."""
        return self._run(state, "plan", *self._variables(state), *options)

    def planned(self, state: State) -> dict[str, Any]:
        """The plan as data, as `terraform show -json` tells it; it holds the hand-over's ExternalIds."""
        with tempfile.TemporaryDirectory() as folder:
            file = f"-out={folder}/plan"
            self._run(state, "plan", "-lock=false", *self._variables(state), file)
            shown: dict[str, Any] = json.loads(self._run(state, "show", "-json", f"{folder}/plan"))
        return shown

    def apply(self, state: State, *options: str) -> str:
        """Apply without asking: `make plan` is where a person looks."""
        return self._run(state, "apply", "-auto-approve", *self._variables(state), *options)

    def destroy(self, state: State, *options: str) -> str:
        """Destroy what the state holds."""
        return self._run(state, "destroy", "-auto-approve", *self._variables(state), *options)

    def resources(self, state: State) -> list[str]:
        """The addresses the state holds; none when it was never applied."""
        return self._run(state, "state", "list", missing_state="").split()

    def output(self, state: State) -> dict[str, Any]:
        """The state's outputs by name; empty when it was never applied."""
        outputs: dict[str, dict[str, Any]] = json.loads(self._run(state, "output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def handed_over(self) -> dict[str, Any]:
        """The hand-overs of the tenants whose role is there, by tenant.

        The output holds all tenants of the tfvars, also after an apply of one of them.
        """
        made = set(self.resources(operations()))
        return {
            tenant: handover
            for tenant, handover in self.output(operations()).get("handover", {}).items()
            if f'module.operations_role["{tenant}"].aws_iam_role.this' in made
        }

    def handed_over_to(self, tenant: str) -> dict[str, Any]:
        """One tenant's hand-over; CommandError while its role is not made."""
        if handover := self.handed_over().get(tenant):
            return dict(handover)
        raise CommandError(
            f'Tenant "{tenant}" has no role yet; run `make apply ENV={self.environment.name}` first.'
        )

    def _stamp(self, state: State) -> Path:
        return self.workspace.data_dir(self.environment.name, state.key) / "initialised"

    def _read_by_init(self, state: State) -> str:
        """A digest of all that terraform init goes by: the code, the lock, the backend, our CLI configuration."""
        root = ENVIRONMENTS / state.root
        files = [
            *sorted([*root.glob("*.tf"), *(ROOT / "modules").rglob("*.tf")]),
            ENVIRONMENTS / self.environment.name / "backend.hcl",
            Path(self.workspace.toolchain().cli_config),
            root / ".terraform.lock.hcl",
        ]
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file}\n".encode())
            digest.update(file.read_bytes() if file.is_file() else b"")
        return digest.hexdigest()

    def _variables(self, state: State) -> list[str]:
        package = self._package(state)
        return [
            f"-var-file=../{self.environment.name}/terraform.tfvars",
            *(f"-var={name}={value}" for name, value in {**state.variables, **package}.items()),
            *(f"-target={address}" for address in state.targets),
        ]

    def _package(self, state: State) -> dict[str, str]:
        """The local cloud runs the handler on this machine, so it gets the zip built for it."""
        if state.root != "customer" or self.environment.name != "local":
            return {}
        return {"package_path": str(package.build("host", self.say))}

    def _run(self, state: State, *arguments: str, missing_state: str | None = None) -> str:
        root = ENVIRONMENTS / state.root
        data_dir = self.workspace.data_dir(self.environment.name, state.key)
        toolchain = self.workspace.toolchain()
        environment = {
            **toolchain.environment(self.workspace.aws_environment(self.environment)),
            "TF_DATA_DIR": str(data_dir),
        }
        command = ["terraform", f"-chdir={root.relative_to(ROOT)}", *arguments]
        self.say(f"TF_DATA_DIR={_short(data_dir)} {shlex.join(command)}")
        run = subprocess.run(
            [toolchain.terraform, *command[1:], *_colourless(arguments)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode == 0:
            return run.stdout
        if missing_state is not None and "No state file was found" in run.stderr:
            return missing_state
        # Whatever it was, the next command begins with init.
        self._stamp(state).unlink(missing_ok=True)
        raise CommandError((run.stderr or run.stdout).strip())


def summary(printed: str) -> str:
    """The line of terraform's own output that counts the changes."""
    counts = ("Plan:", "No changes", "Apply complete!", "Destroy complete!")
    counted = [line.strip() for line in printed.splitlines() if line.strip().startswith(counts)]
    return counted[-1] if counted else "no resources to change"


def _colourless(arguments: tuple[str, ...]) -> list[str]:
    return ["-no-color"] if arguments[0] in {"init", "plan", "apply", "destroy", "output"} else []


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
