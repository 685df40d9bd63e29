"""A digest of everything that Terraform reads for the state of a customer account or of a shard.

Two equal digests mean that Terraform would plan the state with the same code, variables, hand-over and zip. What
somebody changed in AWS by hand is no part of it.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.model import OFFBOARDING
from tools.environment.tenant_shard import shard_of
from tools.isolation.access_rules import ACCOUNTS_OF_A_PATTERN
from tools.paths import ENVIRONMENTS, ROOT
from tools.proof.saved_plan import sha256_of, sha256_of_json
from tools.terraform.state import CUSTOMER, OPERATIONS
from tools.terraform.toolchain import selected_provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tools.cli.session import Session
    from tools.environment.model import Environment
    from tools.terraform.state import State

PACKAGE = "package_path"  # the root's variable for the zip; without it, the root computes ZIP
ZIP = "../../build/tenant-bedrock-{architecture}-py3.13.zip"
GUARD_ZIP = "../../build/operations-guard-py3.13.zip"
ARCHITECTURE = "arm64"  # the default of workload.architecture

# Options that Terraform takes from the process environment:
# https://developer.hashicorp.com/terraform/cli/config/environment-variables#tf_cli_args-and-tf_cli_args_name
_OPTIONS = ("TF_CLI_ARGS", "TF_CLI_ARGS_plan")
# Values of variables: https://developer.hashicorp.com/terraform/cli/config/environment-variables#tf_var_name
_VARIABLE = "TF_VAR_"
# Tags that the provider adds to every resource, and those that it leaves to others:
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs#default_tags-configuration-block
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs#ignore_tags-configuration-block
_TAGS = "TF_AWS_"
# What Terraform reads in the folder of a root or a module:
# https://developer.hashicorp.com/terraform/language/files
# https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files
# The modules read no other file than texts, such as the names of time zones.
TERRAFORM_FILES = ("*.tf", "*.tf.json", "*.tfvars", "*.tfvars.json", "*.txt")
_CODE_FILES = ("*.tf", "*.tf.json")
# What states and decides the claims. What an account was proved by is no proof by other code.
TOOLS = ROOT / "tools"
PROOF = ("iam", "isolation")
_SOURCE = re.compile(r'\bsource"?\s*[=:]\s*"(\.\.?/[^"]+)"')
_REFERENCE = re.compile(r"\bvar\.(\w+)(?:\.(\w+))?")


@dataclass(frozen=True)
class AccountInputs:
    """The inputs of the accounts of one environment; each file is read once.

    ``process_environment`` has the variables with which terraform runs, in the folder ``root``.
    """

    environment: Environment
    process_environment: Mapping[str, str]
    root: Path = ENVIRONMENTS / CUSTOMER

    def sha256(self, state: State, handover: Mapping[str, Any]) -> str:
        """Return the digest of an account that is planned with ``handover``."""
        account_id, tenant = state.variables["account_id"], state.variables["tenant"]
        return sha256_of_json(
            {
                "account_id": account_id,
                "code": self._code,
                "environment": self._variables,
                "handover": handover,
                "package": self._package(tenant),
                "stanza": self.environment.stanzas[tenant],
                "tenant": tenant,
            }
        )

    @cached_property
    def _code(self) -> dict[str, Any]:
        return _code(self.root)

    @cached_property
    def _variables(self) -> dict[str, Any]:
        """What the root reads of the environment's variables, in terraform.tfvars and in those of the process.

        What it names is read from its files, so that nothing is forgotten and the rest changes no digest: the
        administrators and the shards of the operations account, for instance. The linked declarations only refuse
        values.
        """
        texts = (file.read_text() for file in _code_files(self.root) if not file.is_symlink())
        references = {match.groups() for text in texts for match in _REFERENCE.finditer(text)}
        process = {f"{_VARIABLE}{name}" for name, _ in references if name != PACKAGE} | {*_OPTIONS}
        variables: dict[str, Any] = {
            name: value
            for name, value in self.process_environment.items()
            if name in process or name.startswith(_TAGS)
        }
        variables |= _option_files(self.process_environment, self.root)
        for name, attribute in references:
            if name in self.environment.variables:
                value = self.environment.variables[name]
                if attribute is None or not isinstance(value, dict):
                    variables[name] = value
                else:
                    variables[f"{name}.{attribute}"] = value.get(attribute)
        return variables

    def _package(self, tenant: str) -> str | None:
        """Return the hash of the zip of a tenant's functions; None without a function, or before it is built."""
        if self.environment.state_of(tenant) == OFFBOARDING:
            return None
        workload = self.environment.stanzas[tenant].get("workload", {})
        usual = ZIP.format(architecture=workload.get("architecture", ARCHITECTURE))
        return self._zip(self.process_environment.get(f"{_VARIABLE}{PACKAGE}") or usual)

    def _zip(self, path: str) -> str | None:
        """Return the hash of a zip, whose path Terraform resolves from the root's folder."""
        if path not in self._zips:
            file = self.root / path
            self._zips[path] = sha256_of(file) if file.is_file() else None
        return self._zips[path]

    @cached_property
    def _zips(self) -> dict[str, str | None]:
        return {}


@dataclass(frozen=True)
class ShardInputs:
    """The inputs of the shards of one operations account.

    ``process_environment`` has the variables with which terraform runs, in the folder ``root``.
    """

    environment: Environment
    process_environment: Mapping[str, str]
    root: Path = ENVIRONMENTS / OPERATIONS

    def sha256(self, state: State) -> str:
        """Return the digest of a whole shard.

        It has the stanzas of the shard's own tenants. The rules and the proof also compare them with all others, and
        do so in whichever shard has a stanza that has changed. The first shard has the guard of all tenants.
        """
        return sha256_of_json(
            {
                "code": self._code,
                "environment": self._variables,
                "guard": self._guard if state.shard == 0 else None,
                "shard": state.shard,
                "stanzas": {
                    tenant: stanza
                    for tenant, stanza in self.environment.stanzas.items()
                    if shard_of(tenant, self.environment.shards) == state.shard
                },
            }
        )

    @cached_property
    def _code(self) -> dict[str, Any]:
        return _code(self.root)

    @cached_property
    def _guard(self) -> dict[str, Any]:
        """What the guard reads beside the variables: its zip, the customers' buses, and their accounts.

        A rule about AssumeRole knows the accounts, unless they are more than its pattern holds.
        """
        package = self.root / GUARD_ZIP
        accounts = {id_ for each in self.environment.stanzas.values() for id_ in each["accounts"]}
        operations = self.environment.variables.get("operations") or {}
        guard = operations.get("guard")
        has_rules = guard is not None and guard.get("access_rules") is not False
        is_told = has_rules and len(accounts) <= ACCOUNTS_OF_A_PATTERN
        quotas = (stanza.get("quota") or {} for stanza in self.environment.stanzas.values())
        buses = {quota["event_bus"] for quota in quotas if quota.get("event_bus")}
        return {
            "accounts": sorted(accounts) if is_told else None,
            "event_buses": sorted(buses),
            "package": sha256_of(package) if package.is_file() else None,
        }

    @cached_property
    def _variables(self) -> dict[str, Any]:
        """Every variable but the stanzas, because rules about all tenants read those that no role needs."""
        process = {
            name: value
            for name, value in self.process_environment.items()
            if name in _OPTIONS or name.startswith((_VARIABLE, _TAGS))
        }
        process.pop(f"{_VARIABLE}{PACKAGE}", None)
        process |= _option_files(self.process_environment, self.root)
        variables = {**self.environment.variables}
        variables.pop("tenants", None)
        return {**process, **variables}


def account_inputs(session: Session) -> AccountInputs:
    """Return the inputs of the customer accounts as the files have them now."""
    return AccountInputs(session.environment, session.terraform.process_environment())


def shard_inputs(session: Session) -> ShardInputs:
    """Return the inputs of the operations account as the files have them now."""
    return ShardInputs(session.environment, session.terraform.process_environment())


def _code(root: Path) -> dict[str, Any]:
    """Return the provider's version, and the hash of each file of a root, of its modules and of the proof."""
    root = root.resolve()
    files = [
        file
        for folder in sorted(set(_folders(root)))
        for pattern in TERRAFORM_FILES
        for file in folder.glob(pattern)
    ]
    return {
        # By their paths from the root, which are the same in every checkout.
        "files": {os.path.relpath(file, root): sha256_of(file) for file in files},
        "proof": {
            file.relative_to(TOOLS).as_posix(): sha256_of(file)
            for folder in PROOF
            for file in (TOOLS / folder).glob("*.py")
        },
        "provider": selected_provider(root),
    }


def _code_files(folder: Path) -> list[Path]:
    return [file for pattern in _CODE_FILES for file in folder.glob(pattern)]


def _option_files(process_environment: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return the hash of each file that an option of the process names, such as -var-file, by its path."""
    paths = {}
    for name in _OPTIONS:
        try:
            words = shlex.split(process_environment.get(name, ""))
        except ValueError as error:
            raise CommandError(f"{name} is not a list of options: {error}.") from None
        for path in (word.partition("=")[2] or word for word in words):
            if (root / path).is_file():
                paths[path] = sha256_of(root / path)
    return paths


def _folders(folder: Path) -> Iterator[Path]:
    """Yield a folder, and those of the modules on this disk that its files call."""
    yield folder
    for file in _code_files(folder):
        for source in _SOURCE.findall(file.read_text()):
            yield from _folders((folder / source).resolve())
