"""Runs terraform in the states of one environment."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from tools.command_error import CommandError
from tools.environment.tenant_shard import shard_of
from tools.paths import ENVIRONMENTS, MODULES, ROOT
from tools.terraform.apply_events import QUIET_SECONDS, ApplyProgress, change_summary, errors
from tools.terraform.shard_states import misplaced_tenants, read_shards, refuse_misplaced
from tools.terraform.state import CUSTOMER, OPERATIONS, operations_states, role_module
from tools.terraform.state_lock import (
    WAIT_MINUTES,
    holder_file,
    is_locked,
    locked,
    may_leave_lock,
    was_left,
    writing_noted,
)
from tools.terraform.toolchain import LOCK_FILE, ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tools.environment.model import Environment
    from tools.terraform.state import State
    from tools.terraform.state_bucket import StateBucket
    from tools.terraform.state_lock import StateLock

# At this size terraform, and the provider, collect garbage more often, so that many accounts fit side by side. It is a
# soft limit: https://go.dev/doc/gc-guide#Memory_limit
# docs/explanation/performance.md#memory has the figures.
CUSTOMER_MEMORY = "150MiB"
# The lines by which a plan says that it reads a resource; there is at least one for each.
_READING = re.compile(r"^\S+: (?:Reading|Refreshing state|Read complete after).*\n", re.MULTILINE)

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

    def init(self, state: State) -> None:
        """Connect the state's data directory to its backend, unless that is still up to date.

        Each terraform init reads the provider's 700 MB three times to check their hash.
        """
        if self._is_initialised(state):
            return
        # Commands on one machine share the data directory, and the root's provider lock file, which is there
        # from the first init on.
        has_lock_file = (ENVIRONMENTS / state.root / LOCK_FILE).is_file()
        with (
            self._locked(self.folder / "data" / f"{state.root}.lock", state, shared=has_lock_file),
            self._locked(self._in_use(state), state),
        ):
            if not self._is_initialised(state):
                self._initialise(state)

    def _is_initialised(self, state: State) -> bool:
        stamp = self._stamp(state)
        try:
            return stamp.read_text() == self._init_digest(state)
        except FileNotFoundError:
            return False

    def _initialise(self, state: State) -> None:
        self._start(
            state,
            "init",
            "-reconfigure",
            f"-backend-config=../{self.environment.name}/backend.hcl",
            f"-backend-config=key={state.key}",
        )
        self._stamp(state).write_text(self._init_digest(state))

    def plan_json(self, state: State) -> PlanJson:
        """Return the plan as `terraform show -json` prints it; it holds the hand-over's ExternalIds."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan"
            self.save_plan(state, file)
            return self.show_json(state, file)

    def save_plan(
        self,
        state: State,
        file: Path,
        adopted: Mapping[str, str] | None = None,
        handover: Mapping[str, Any] | None = None,
    ) -> str:
        """Write a plan file, which `apply_plan` takes, and return the plan as text.

        File and text hold ExternalIds; tools/proof/planning.py takes them out of the text with the plan's JSON,
        which has those that are in no stanza any more. ``adopted`` are objects that exist and that the state
        does not know: the plan imports them, and changes them where they are. A customer account is planned
        with ``handover``, or with the one in the state bucket if that is None. A plan takes no lock, so it
        neither waits for an apply nor stops one; Terraform refuses to apply it once the state has changed.
        """
        if state.root == OPERATIONS:
            self.check_shards()
        self.init(state)
        with self._options(state, handover, adopted) as options:
            text = self._run(state, "plan", "-lock=false", *options, f"-out={file}")
            return _READING.sub("", text)

    def show(self, state: State, file: Path, content: PlanJson) -> str:
        """Return a plan file as terraform prints it, without ExternalIds; ``content`` is what `show_json` returns."""
        return self.environment.without_external_ids(self._run(state, "show", str(file)), content)

    def show_json(self, state: State, file: Path) -> PlanJson:
        """Return a plan file as `terraform show -json` prints it."""
        self.init(state)
        plan: PlanJson = json.loads(self._run(state, "show", "-json", str(file)))
        return plan

    def apply_plan(self, state: State, file: Path, changes: int) -> str:
        """Apply a plan file of ``changes`` changed resources, and return the sentence that counts them.

        Terraform refuses the file if the state has changed since:
        https://developer.hashicorp.com/terraform/cli/commands/apply#saved-plan-mode
        """
        self.init(state)
        progress = ApplyProgress(state.label, changes, self.progress)
        output = self._write(state, "apply", "-json", str(file), watch=progress.watch)
        self.hand_over(state)
        return change_summary(output)

    def untaint(self, state: State, address: str) -> None:
        """Let the next plan complete a resource in place, where it would otherwise replace it."""
        self.init(state)
        self._write(state, "untaint", address)

    def unlock(self, state: State, lock: StateLock) -> str:
        """Remove a lock and return a sentence; Terraform refuses if the state has another one by now."""
        self.init(state)
        try:
            if lock.id:
                self._run(state, "force-unlock", "-force", lock.id)
            else:  # terraform fails to read an object that it did not write
                self.bucket.remove_lock(state.key)
        except CommandError:
            if self.bucket.locks([state.key]):
                raise
            return f"no longer locked; it was by {lock}"
        finally:
            self._forget_applied(state)
        return f"unlocked; it was locked by {lock}"

    def is_writing(self, state: State) -> bool:
        """Return whether a process of this user on this machine writes the state now."""
        return is_locked(self._holder(state))

    def was_left(self, state: State, lock: StateLock) -> bool:
        """Return whether a command of this user on this machine was killed and has left this lock."""
        return not self.is_writing(state) and was_left(lock, self._holder(state))

    def push_state(self, state: State, file: Path) -> None:
        """Store a state in place of the one before; CommandError if that is locked or has changed since.

        Terraform compares serial and lineage: https://developer.hashicorp.com/terraform/cli/commands/state/push
        """
        self.init(state)
        self._write(state, "state push", str(file))

    def provider_versions(self, state: State) -> dict[str, str]:
        """Return the version of each provider that terraform init selected, by the provider's address."""
        self.init(state)
        selected: dict[str, str] = json.loads(self._run(state, "version", "-json"))[
            "provider_selections"
        ]
        return selected

    def destroy(self, state: State) -> str:
        """Destroy what the state holds."""
        if state.root == OPERATIONS:
            self.check_shards()
        self.init(state)
        progress = ApplyProgress(state.label, 0, self.progress)
        with self._options(state) as options:
            output = self._write(
                state, "destroy", "-json", "-auto-approve", *options, watch=progress.watch
            )
        self.hand_over(state)
        return change_summary(output)

    def handovers(self, state: State | None = None) -> dict[str, Any]:
        """Return the hand-over of every tenant whose role exists, by tenant; with ``state``, of one shard.

        The output itself holds all tenants of the shard, even after an apply of only one of them.
        """
        if state is None:
            states = operations_states(self.environment)
            return {name: item for state in states for name, item in self.handovers(state).items()}
        content = self.bucket.state(state.key)
        addresses = set(content.addresses())
        return {
            tenant: handover
            for tenant, handover in content.outputs.get("handover", {}).items()
            if f"{role_module(tenant)}.aws_iam_role.this" in addresses
        }

    def hand_over(self, state: State) -> None:
        """Write the hand-over of each tenant whose role is in a shard's state, or of the state's tenant.

        A tenant of the shard that has no role any more loses its hand-over. A customer state hands nothing over,
        and a state that is limited to one tenant changes nothing of another's.
        """
        if state.root != OPERATIONS:
            return
        handovers = self.handovers(state)
        changed = {state.tenant} if state.tenant else handovers.keys()
        self.bucket.write_handovers(
            {tenant: handovers[tenant] for tenant in changed & handovers.keys()}
        )
        shards = self.environment.shards
        without_role = {
            tenant
            for tenant in self.bucket.tenants_with_handover() - handovers.keys()
            if shard_of(tenant, shards) == state.shard
        }
        self.bucket.remove_handovers(
            frozenset(without_role & changed if state.tenant else without_role)
        )

    def check_shards(self) -> None:
        """Raise CommandError while a tenant is in another shard's state; the states are read once."""
        refuse_misplaced(self.environment, self._misplaced_tenants)

    @cached_property
    def _misplaced_tenants(self) -> dict[str, int]:
        return misplaced_tenants(self.environment, read_shards(self.bucket))

    def _data_dir(self, state: State) -> Path:
        return self.folder / "data" / self.environment.name / state.key.removesuffix(".tfstate")

    def _stamp(self, state: State) -> Path:
        return self._data_dir(state) / "initialised"

    def _init_digest(self, state: State) -> str:
        """Return a digest of everything that terraform init reads."""
        root = ENVIRONMENTS / state.root
        modules = (file for file in MODULES.rglob("*.tf") if "examples" not in file.parts)
        files = [
            *sorted([*root.glob("*.tf"), *(ENVIRONMENTS / "stanzas").glob("*.tf"), *modules]),
            self.environment.folder / "backend.hcl",
            ensure_toolchain(self.progress).cli_config,
            root / LOCK_FILE,
        ]
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file}\n".encode())
            digest.update(file.read_bytes() if file.is_file() else b"")
        return digest.hexdigest()

    @contextmanager
    def _options(
        self,
        state: State,
        handover: Mapping[str, Any] | None = None,
        adopted: Mapping[str, str] | None = None,
    ) -> Iterator[list[str]]:
        """Give the options of a plan, whose files last as long as the block.

        A customer account gets ``handover`` or, if that is None, the one in the state bucket.
        """
        with tempfile.TemporaryDirectory() as folder:
            files = [f"../{self.environment.name}/terraform.tfvars"]
            if state.root == CUSTOMER:
                variables = self._customer_variables(state, handover)
            else:
                variables = self.environment.file_variables
            if adopted:
                variables["adopted"] = dict(adopted)
            if variables:
                file = Path(folder) / "variables.tfvars.json"  # the folder has mode 700
                file.write_text(json.dumps(variables))
                files = [*files, str(file)] if state.root == OPERATIONS else [str(file)]
            yield [
                *(f"-var-file={file}" for file in files),
                *(f"-var={name}={value}" for name, value in state.variables.items()),
                *(f"-target={address}" for address in state.targets),
            ]

    def _customer_variables(
        self, state: State, handover: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return what the plan of a customer account gets: the stanza of its tenant and no other.

        The plans and the proof of the operations account compare the stanzas with each other.
        """
        tenant = state.variables["tenant"]
        stanzas = self.environment.stanzas
        return {
            **self.environment.variables,
            "data_folder": "",  # no stanza of a file either
            "tenants": {tenant: stanzas[tenant]} if tenant in stanzas else {},
            "handover": self.bucket.handover(tenant) if handover is None else handover,
        }

    def _run(self, state: State, *arguments: str) -> str:
        """Run terraform for something that writes no state, beside any other command."""
        with self._locked(self._in_use(state), state, shared=True):
            return self._start(state, *arguments)

    def _write(
        self,
        state: State,
        command: str,
        *arguments: str,
        watch: Callable[[str, float], None] | None = None,
    ) -> str:
        """Run terraform for something that writes the state; it waits while somebody else does.

        While terraform runs it holds a lock of this machine as well, and a note says since when, so that a lock
        that a killed command left can be told from one that is in use.
        """
        seconds = WAIT_MINUTES * 60.0
        try:
            with (
                self._locked(self._in_use(state), state, shared=True),
                self._locked(self._holder(state), state, seconds=seconds) as descriptor,
            ):
                self._wait_for_locks(state)
                self._forget_applied(state)
                try:
                    with writing_noted(descriptor, lambda: self._may_be_locked(state)):
                        return self._start(
                            state,
                            *command.split(),
                            f"-lock-timeout={WAIT_MINUTES}m",
                            *arguments,
                            held_file=self._holder(state),
                            watch=watch,
                        )
                except CommandError:
                    # An apply before this one may have stored its digest meanwhile. If the bucket cannot be reached,
                    # terraform could not remove its lock either.
                    with suppress(CommandError):
                        self._forget_applied(state)
                    raise
        except TimeoutError:
            raise CommandError(
                f"Another command on this machine has been writing this state for more than {WAIT_MINUTES} "
                "minutes; wait for it and run this one again."
            ) from None

    def _may_be_locked(self, state: State) -> bool:
        """Return whether the state is locked, also if that cannot be read."""
        try:
            return bool(self.bucket.locks([state.key]))
        except (BotoCoreError, CommandError):
            return True

    def _forget_applied(self, state: State) -> None:
        """Let the next command plan this state, also if whatever writes it is killed.

        The only state of an operations account may have been one of several, and become one again.
        """
        self.bucket.clear_applied_record(state.key)

    def abandoned_locks(self, states: Sequence[State]) -> list[tuple[State, StateLock]]:
        """Return the locks of these states that a command of this user on this machine left when it was killed."""
        by_key = {state.key: state for state in states}
        return [
            (by_key[lock.key], lock)
            for lock in self.bucket.locks(by_key)
            if self.was_left(by_key[lock.key], lock)
        ]

    def _wait_for_locks(self, state: State) -> None:
        """Say for whom terraform will wait; CommandError if it would wait for a command that was killed.

        It is called while this process is the only one on this machine that may write the state.
        """
        for lock in self.bucket.locks([state.key]):
            if was_left(lock, self._holder(state)):
                raise CommandError(
                    f"The state is locked by {lock}, and no make command of yours on this machine uses it, so "
                    f"one was killed. {self._unlock_hint}"
                )
            self.progress(
                f"{state.label}: locked by {lock}; waiting up to {WAIT_MINUTES} minutes for it"
            )

    @property
    def _unlock_hint(self) -> str:
        return f"Run `make unlock ENV={self.environment.name}`, and this command again after it."

    def _locked(
        self, file: Path, state: State, *, shared: bool = False, seconds: float | None = None
    ) -> AbstractContextManager[int]:
        def waiting() -> None:
            self.progress(f"{state.label}: waiting for another command on this machine")

        return locked(file, waiting, shared=shared, seconds=seconds)

    def _holder(self, state: State) -> Path:
        """The file that is locked while a process of this user on this machine writes the state."""
        return holder_file(self.bucket.unique_name, state.key)

    def _in_use(self, state: State) -> Path:
        """The file that is locked while a command uses the state's data directory."""
        return self._data_dir(state) / "in-use.lock"

    def _start(
        self,
        state: State,
        *arguments: str,
        held_file: Path | None = None,
        watch: Callable[[str, float], None] | None = None,
    ) -> str:
        """Run terraform and return what it prints; CommandError with its own message when it fails."""
        self.bucket.check()
        root = ENVIRONMENTS / state.root
        data_dir = self._data_dir(state)
        command = ["terraform", f"-chdir={root.relative_to(ROOT)}", *arguments]
        self.progress(f"TF_DATA_DIR={_shown(data_dir)} {shlex.join(command)}")
        try:
            return ensure_toolchain(self.progress).run(
                root,
                *arguments,
                environment=self._environment(state),
                label=state.label,
                held_file=held_file,
                watch=watch or self._still_running(state, arguments[0]),
            )
        except CommandError as error:
            # Whatever the reason was, the next command runs init again.
            self._stamp(state).unlink(missing_ok=True)
            raise self._explained(state, error) from None

    def _environment(self, state: State) -> dict[str, str]:
        """Return the process environment of terraform in one state."""
        environment = {**self.process_environment(), "TF_DATA_DIR": str(self._data_dir(state))}
        if state.root == CUSTOMER:
            environment.setdefault("GOMEMLIMIT", CUSTOMER_MEMORY)
        return environment

    def _inputs(self, state: State) -> Iterator[Any]:
        """Yield what terraform reads beside the stanzas and may quote in an error: the state and the hand-over."""
        with suppress(CommandError):  # then terraform could not read the state either
            yield self.bucket.state(state.key).json
        if state.root == CUSTOMER:
            with suppress(CommandError):
                yield self.bucket.handover(state.variables["tenant"])

    def _still_running(self, state: State, command: str) -> Callable[[str, float], None]:
        """Return a callback that prints a line whenever terraform has been silent for long."""
        last = 0.0

        def watch(_: str, seconds: float) -> None:
            nonlocal last
            if seconds - last >= QUIET_SECONDS:
                last = seconds
                self.progress(f"{state.label}: {command}, {seconds:.0f} s")

        return watch

    def _explained(self, state: State, error: CommandError) -> CommandError:
        """Return the error with terraform's events as text, and with what to do about a lock or an old plan."""
        documents = self._inputs(state)
        text = self.environment.without_external_ids(errors(str(error)), *documents)
        if "Saved plan is stale" in text:
            return CommandError(
                "The state has changed since this plan was made, because another command applied meanwhile. "
                "Nothing was applied here; run the command again to make and show a new plan."
            )
        if "Error acquiring the state lock" in text:
            return CommandError(
                f"Another command has held the lock of this state for {WAIT_MINUTES} minutes. Wait for it, or, if "
                f"it was killed: {self._unlock_hint}\n{text}"
            )
        if may_leave_lock(error):
            text += (
                f"\nIf it was writing, it has left its lock: `make apply ENV={self.environment.name} UNLOCK=1` "
                "removes it and continues."
            )
        return type(error)(text)


def summary(output: str) -> str:
    """Return the line of a plan's text that counts the changes."""
    prefixes = ("Plan:", "No changes")
    counts = [line.strip() for line in output.splitlines() if line.strip().startswith(prefixes)]
    return counts[-1] if counts else "no resources to change"


def _shown(path: Path) -> str:
    """Return a path that works when it is pasted: with -chdir, terraform resolves a relative one anew."""
    return f"$PWD/{path.relative_to(ROOT)}" if path.is_relative_to(ROOT) else str(path)
