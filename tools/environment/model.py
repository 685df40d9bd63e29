"""An environment as data: what terraform.tfvars, tenants' own files and backend.hcl in environments/<name> declare."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3

from tools.command_error import CommandError
from tools.environment.hcl import read_hcl
from tools.environment.tenant_files import TENANTS, TFVARS, TenantFiles, stanzas_sha256
from tools.environment.unknown_keys import (
    declarations,
    repeated_keys,
    unknown_keys,
    unknown_stanza_keys,
)
from tools.iam.external_ids import external_ids_in, without_external_ids
from tools.paths import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

DEPLOYER_ROLE = "terraform-deployer"  # the default in environments/variables.tf
ACTIVE, SUSPENDED, OFFBOARDING = (
    "active",
    "suspended",
    "offboarding",
)  # what a stanza's state may be
DECLARATIONS = ENVIRONMENTS / "variables.tf"  # the first of the files that declare the variables
RETENTION_DAYS = 365  # the default of workload.retention_days


@dataclass(frozen=True)
class CustomerAccount:
    """One customer account of one tenant."""

    tenant: str
    account_id: str
    region: str
    snap_start: bool = False

    @property
    def name(self) -> str:
        """``TENANT/ACCOUNT``, as PART= and the matrix of the CI workflow write it."""
        return f"{self.tenant}/{self.account_id}"


@dataclass(frozen=True)
class Environment:
    """One environment's data. Account ids are strings of 12 digits."""

    name: str
    operations_account_id: str
    operations_region: str
    deployer_role_name: str
    accounts: tuple[CustomerAccount, ...]
    stanzas: dict[str, Any]
    backend: dict[str, Any]
    shared_accounts: frozenset[str] = frozenset()  # customer accounts that may have several tenants
    # ARNs of the principals of the operations account that may assume the deployers
    deployment_principals: tuple[str, ...] = ()
    shards: int = 1  # states of the operations account
    tags: Mapping[str, str] = field(default_factory=dict)  # of every resource
    # All variables but the tenants, as terraform.tfvars has them, without attributes that are null.
    variables: Mapping[str, Any] = field(default_factory=dict)
    # Of the files that have stanzas when they were read; two environments are equal if they mean the same.
    tfvars_sha256: str = field(default="", compare=False)
    files: Mapping[str, Path] = field(
        default_factory=dict, compare=False
    )  # tenants' own, by tenant
    only: str | None = None  # the tenant that was read alone; None for all

    @property
    def folder(self) -> Path:
        """The folder that holds the environment's data."""
        return ENVIRONMENTS / self.name

    @property
    def tfvars(self) -> Path:
        """The file that declares the environment, and the tenants that have no file of their own."""
        return self.folder / TFVARS

    def place_of(self, tenant: str) -> str:
        """Return the path of the file that has a tenant's stanza, from the top of the repository."""
        file = self.files.get(tenant, self.tfvars)
        return f"{ENVIRONMENTS.name}/{self.name}/{file.relative_to(self.folder).as_posix()}"

    @property
    def file_variables(self) -> dict[str, Any]:
        """The variables by which Terraform gets the stanzas of files too, and reads no file; none without files.

        A plan has its variables, so that what is proved and applied does not depend on files that change meanwhile.
        Raises ValueError for an environment of one tenant, whose plan would destroy the others.
        """
        if self.only is not None:
            raise ValueError(f"{self.name} was read for {self.only} alone")
        return {"data_folder": "", "tenants": self.stanzas} if self.files else {}

    @property
    def has_guard(self) -> bool:
        """Whether the environment has a guard, which enforces the quotas of its stanzas."""
        return self.variables.get("operations", {}).get("guard") is not None

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants' names, in alphabetical order as in Terraform."""
        return tuple(dict.fromkeys(account.tenant for account in self.accounts))

    @cached_property  # each boto3 session reloads the table
    def partition(self) -> str:
        """The AWS partition of the operations Region, from botocore's own table."""
        partition: str = boto3.Session().get_partition_for_region(self.operations_region)
        return partition

    def tags_of(self, account: CustomerAccount) -> dict[str, str]:
        """Return the tags that a customer account's resources get beside the reserved ones."""
        stanza_tags = self.stanzas[account.tenant].get("tags", {})
        return {**self.tags, **stanza_tags, **self.details_of(account).get("tags", {})}

    def details_of(self, account: CustomerAccount) -> dict[str, Any]:
        """Return what the stanza says of an account."""
        details: dict[str, Any] = self.stanzas[account.tenant]["accounts"][account.account_id]
        return details

    def accounts_of(
        self, tenant: str | None, account_id: str | None = None
    ) -> tuple[CustomerAccount, ...]:
        """Return the customer accounts of one tenant, or of all when ``tenant`` is None.

        Raises CommandError for a tenant or an account that the environment does not have.
        """
        if tenant is None:
            return self.accounts
        accounts = tuple(account for account in self.accounts if account.tenant == tenant)
        if not accounts and tenant in self.stanzas:
            raise CommandError(
                f'Tenant "{tenant}" has no account in {self.place_of(tenant)}; write at least one into accounts.'
            )
        if not accounts:
            raise CommandError(
                f'Environment "{self.name}" has no tenant "{tenant}"; it has {_joined(self.tenants)}. '
                f"`make tenant ENV={self.name} NAME={tenant} ACCOUNT=…` adds one."
            )
        if account_id is None:
            return accounts
        matches = tuple(account for account in accounts if account.account_id == account_id)
        if not matches:
            account_ids = _joined(account.account_id for account in accounts)
            raise CommandError(
                f'Tenant "{tenant}" has no account {account_id}; it has {account_ids}.'
            )
        return matches

    def state_of(self, tenant: str) -> str:
        """Return "active", "suspended" or "offboarding", as the tenant's stanza says."""
        return str(self.stanzas[tenant].get("state", ACTIVE))

    def retention_days(self, tenant: str) -> int:
        """Return for how many days CloudWatch keeps the tenant's records; the default for one without a stanza."""
        workload = self.stanzas.get(tenant, {}).get("workload", {})
        return int(workload.get("retention_days", RETENTION_DAYS))

    def is_self_managed(self, account: CustomerAccount) -> bool:
        """Whether the customer applies the module itself: ``managed_by = "customer"`` in the account."""
        return (
            self.has_account(account) and self.details_of(account).get("managed_by") == "customer"
        )

    def has_account(self, account: CustomerAccount) -> bool:
        """Whether the account is in its tenant's stanza; a state may outlive that."""
        return account.account_id in self.stanzas.get(account.tenant, {}).get("accounts", {})

    def network_of(self, account: CustomerAccount) -> dict[str, Any] | None:
        """Return the VPC of an account's function, as the stanza has it; None outside a VPC."""
        return self.details_of(account).get("vpc")

    def refuse_self_managed(self, account: CustomerAccount) -> None:
        """Raise CommandError for an account that a command would enter through a deployer that is not there."""
        if self.is_self_managed(account):
            raise CommandError(
                f"{account.tenant} {account.account_id} is managed by its customer, so the operator's commands "
                "cannot enter it; the customer does this in the account itself. "
                "docs/how-to/self-managed-customers.md lists what each side does."
            )

    def options_of(self, account: CustomerAccount) -> str:
        """Return what names an account in a command of `make`."""
        return f"ENV={self.name} TENANT={account.tenant} ACCOUNT={account.account_id}"

    def deployed_accounts(self, tenant: str | None = None) -> list[CustomerAccount]:
        """Return the customer accounts in which the operator's Terraform works."""
        accounts = self.accounts_of(tenant)
        return [account for account in accounts if not self.is_self_managed(account)]

    def only_account(self, tenant: str, account_id: str | None) -> CustomerAccount:
        """Return the tenant's only account, or the one that ``account_id`` names.

        Raises CommandError when the tenant has several accounts and none is named.
        """
        accounts = self.accounts_of(tenant, account_id)
        if len(accounts) > 1:
            account_ids = _joined(account.account_id for account in accounts)
            raise CommandError(
                f'Tenant "{tenant}" has several accounts; add ACCOUNT= and one of {account_ids}.'
            )
        return accounts[0]

    def accounts_named(self, names: str) -> list[CustomerAccount]:
        """Return the accounts that ``TENANT/ACCOUNT`` names list; CommandError for an unknown one."""
        accounts: list[CustomerAccount] = []
        for name in names.split():
            tenant, slash, account_id = name.partition("/")
            if not slash:
                raise CommandError(
                    f'"{name}" does not name an account; write TENANT/ACCOUNT, such as acme/222222222222.'
                )
            accounts.extend(self.accounts_of(tenant, account_id))
        return accounts

    def deployer_external_id(self, tenant: str) -> str:
        """Return the ExternalId that the deployer role of a tenant's accounts demands.

        Raises CommandError when the stanza has none.
        """
        deployer = self.stanzas[tenant].get("deployer") or {}
        if external_id := deployer.get("external_id"):
            return str(external_id)
        raise CommandError(
            f'Tenant "{tenant}" has no deployer.external_id in its stanza; mint one with '
            '`openssl rand -hex 16` and write deployer = { external_id = "…" }.'
        )

    def without_external_ids(self, text: str, *documents: Any) -> str:  # noqa: ANN401 - any JSON value
        """Return a text for people to read, with a name in place of each ExternalId.

        ``documents`` are the plans or states that the text is about: they contain ExternalIds that are still
        valid and that no stanza has any more, of a lost tenant or of one that was edited.
        """
        names = {
            external_id: "(an ExternalId)"
            for document in documents
            for external_id in external_ids_in(document)
        }
        for tenant, stanza in self.stanzas.items():
            names |= dict.fromkeys(external_ids_in(stanza), f"(an ExternalId of {tenant})")
        return without_external_ids(text, names)

    def base_name(self, tenant: str) -> str:
        """Return the name that begins every resource of a tenant, in either account."""
        return f"bedrock-{self.name}-{tenant}"

    def function_name(self, account: CustomerAccount) -> str:
        """Return what to invoke in a customer account: with snapshots it is the function's alias."""
        return f"{self.base_name(account.tenant)}{':live' if account.snap_start else ''}"

    def record_log_group(self, tenant: str) -> str:
        """Return the name of the log group that holds a tenant's records."""
        return f"/bedrock/{self.name}/{tenant}/records"

    def role_arn(self, account_id: str, role_name: str) -> str:
        """Return the ARN of a role in one of the environment's accounts."""
        return f"arn:{self.partition}:iam::{account_id}:role/{role_name}"


def tfvars_of(name: str) -> Path:
    """Return an environment's terraform.tfvars; CommandError when there is no environment of this name."""
    tfvars = ENVIRONMENTS / name / TFVARS
    # A path in place of a name would read an environment under another name, with other credentials.
    if not re.fullmatch(r"[a-z][a-z0-9]*", name) or not tfvars.is_file():
        raise CommandError(
            f'There is no environment "{name}"; write ENV= and one of {_joined(environment_names())}.'
        )
    return tfvars


def environment_names() -> list[str]:
    """Return the names of all environments, in alphabetical order."""
    return sorted(path.parent.name for path in ENVIRONMENTS.glob("*/terraform.tfvars"))


def data_folders() -> set[str]:
    """Return the names of the folders with the data of an environment, also of those that have no terraform.tfvars."""
    patterns = (
        "backend.hcl",
        "*.tfvars",
        "*.tfvars.json",
        f"{TENANTS}/*.tfvars",
        f"{TENANTS}/*.tfvars.json",
    )
    folders = [folder for folder in ENVIRONMENTS.iterdir() if not any(folder.glob("*.tf"))]
    return {folder.name for folder in folders if any(any(folder.glob(item)) for item in patterns)}


def load_environment(name: str, only: str | None = None) -> Environment:
    """Read an environment; CommandError when there is none of this name or its files are wrong.

    With ``only``, it has this tenant alone. The other stanzas may then be wrong, and their files are not read.
    """
    tfvars = tfvars_of(name)
    files = TenantFiles(tfvars.parent, only)
    files.refuse_outside()
    # Taken before the files are read, so that an edit in between is found.
    sha256 = stanzas_sha256(tfvars, files.paths)
    with ThreadPoolExecutor() as pool:
        # Terraform reads these in processes of their own, and this one the declarations in the meantime.
        reading = pool.submit(read_hcl, tfvars)
        reading_backend = pool.submit(read_hcl, ENVIRONMENTS / name / "backend.hcl")
        reading_files = pool.submit(files.stanzas)
        repeated = {}
        if only is None:
            declarations(DECLARATIONS)
            repeated = {
                path: repeated_keys(path.read_text(encoding="utf-8", errors="replace"))
                for path in (tfvars, *files.paths.values())
                if path.suffix != ".json"
            }
    variables = reading.result()
    own_stanzas = reading_files.result()
    if only is not None:
        tenants = variables.get("tenants")
        stanza = tenants.get(only) if isinstance(tenants, dict) else None
        variables["tenants"] = {} if stanza is None else {only: stanza}
    if only is None:
        files.refuse_ignored()
    if only is None or not _has_objects(variables, own_stanzas):
        _refuse_unknown_keys(tfvars, variables, files, own_stanzas, repeated)
    files.refuse_two_places(variables.get("tenants") or {})
    variables = without_nulls(_with_stanzas(variables, own_stanzas))
    if "environment" not in variables:
        raise CommandError(
            f'environments/{name}/terraform.tfvars does not say which environment it is; write environment = "{name}".'
        )
    if variables["environment"] != name:
        raise CommandError(
            f'environments/{name}/terraform.tfvars says environment = "{variables["environment"]}"; '
            f'write "{name}", the name of its folder, because commands would act on the other environment.'
        )
    try:
        environment = _from_variables(name, variables, reading_backend.result())
    except KeyError as error:
        place = next(
            (
                f"tenants/{path.name}"
                for tenant, path in files.paths.items()
                if "accounts" not in variables["tenants"][tenant]
            ),
            tfvars.name,
        )
        raise CommandError(
            f"environments/{name}/{place} lacks {error}; environments/variables*.tf declare its shape."
        ) from None
    return replace(environment, files=files.paths, only=only, tfvars_sha256=sha256)


def load_tenant(name: str, tenant: str) -> Environment:
    """Return an environment with one tenant alone, so that no other stanza has to be read or to be valid.

    Raises CommandError when there is no such tenant.
    """
    environment = load_environment(name, only=tenant)
    if not environment.tenants:
        load_environment(name).accounts_of(tenant)  # which says what there is
    return environment


def _with_stanzas(variables: dict[str, Any], own_stanzas: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment's variables with the stanzas of files among the tenants, in alphabetical order."""
    if not own_stanzas:
        return variables
    stanzas = {**(variables.get("tenants") or {}), **own_stanzas}
    return {**variables, "tenants": {tenant: stanzas[tenant] for tenant in sorted(stanzas)}}


def _refuse_unknown_keys(
    tfvars: Path,
    variables: dict[str, Any],
    files: TenantFiles,
    own_stanzas: Mapping[str, Any],
    repeated: Mapping[Path, list[str]],
) -> None:
    """Raise CommandError for what Terraform would drop silently, in any of the files."""
    unknown = {tfvars: unknown_keys(variables, DECLARATIONS)}
    for tenant, sentences in unknown_stanza_keys(own_stanzas, DECLARATIONS).items():
        unknown[files.paths[tenant]] = sentences
    problems = [
        f"{path.relative_to(ENVIRONMENTS).as_posix()}: {sentence}"
        for path, sentences in unknown.items()
        for sentence in (*repeated.get(path, ()), *sentences)
    ]
    if problems:
        raise CommandError("\n".join(problems))


def _has_objects(variables: Mapping[str, Any], own_stanzas: Mapping[str, Any]) -> bool:
    """Whether there are objects where an environment is made of them.

    The check of every key takes longer than a command for one tenant may take to start, and names the key.
    """
    stanzas = [*variables["tenants"].values(), *own_stanzas.values()]
    values = [variables.get("operations"), *stanzas]
    for stanza in stanzas:
        if isinstance(stanza, dict):
            accounts = stanza.get("accounts")
            values += [accounts, stanza.get("workload")]
            values += accounts.values() if isinstance(accounts, dict) else ()
    return all(isinstance(value, dict | None) for value in values)


def _from_variables(name: str, variables: dict[str, Any], backend: dict[str, Any]) -> Environment:
    operations = variables["operations"]
    stanzas = variables.get("tenants", {})
    return Environment(
        name=name,
        operations_account_id=str(operations["account_id"]),
        operations_region=operations["region"],
        deployer_role_name=variables.get("deployer_role_name", DEPLOYER_ROLE),
        accounts=tuple(
            CustomerAccount(
                tenant,
                str(account_id),
                account.get("region") or operations["region"],
                stanza.get("workload", {}).get("snap_start", False),
            )
            for tenant, stanza in stanzas.items()
            for account_id, account in stanza["accounts"].items()
        ),
        stanzas=stanzas,
        backend=backend,
        shared_accounts=frozenset(variables.get("accounts_with_several_tenants", ())),
        deployment_principals=tuple(operations.get("deployment_principals", ())),
        shards=_shards(operations.get("shards", 1)),
        tags=variables.get("tags", {}),
        variables={key: value for key, value in variables.items() if key != "tenants"},
    )


def _shards(number: object) -> int:
    """Return the number of shards; CommandError unless it is a whole number of 1 or more, as in Terraform."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise CommandError(f"operations.shards is a whole number of 1 or more, not {number}.")
    return number


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Drop every attribute that is null, which Terraform takes for one that is left out."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return value


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
