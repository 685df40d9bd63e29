"""An environment as data: what environments/<env>/terraform.tfvars and backend.hcl say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import hcl2
from hcl2.utils import SerializationOptions

from tools.cli.console import CommandError
from tools.environment.unknown_keys import unknown_keys
from tools.paths import ENVIRONMENTS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEPLOYER_ROLE = "terraform-deployer"  # the default in environments/variables.tf


@dataclass(frozen=True)
class CustomerAccount:
    """One customer account of one tenant."""

    tenant: str
    account_id: str
    region: str
    readers: tuple[str, ...] = ()
    unmaskers: tuple[str, ...] = ()
    in_vpc: bool = False
    permissions_boundary: str | None = None
    snap_start: bool = False


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

    @property
    def folder(self) -> Path:
        """Where the environment's data lies."""
        return ENVIRONMENTS / self.name

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants' names, in the order of the file."""
        return tuple(dict.fromkeys(account.tenant for account in self.accounts))

    def of(self, tenant: str | None, account_id: str | None = None) -> tuple[CustomerAccount, ...]:
        """The customer accounts of one tenant, or of all; CommandError for a name that is not there."""
        if tenant is None:
            return self.accounts
        chosen = tuple(account for account in self.accounts if account.tenant == tenant)
        if not chosen:
            raise CommandError(
                f'No tenant "{tenant}" in environments/{self.name}/terraform.tfvars; it has '
                f"{_listed(self.tenants)}. `make tenant ENV={self.name} NAME={tenant} ACCOUNT=…` adds one."
            )
        if account_id is None:
            return chosen
        named = tuple(account for account in chosen if account.account_id == account_id)
        if not named:
            has = _listed(account.account_id for account in chosen)
            raise CommandError(f'Tenant "{tenant}" has no account {account_id}; it has {has}.')
        return named

    @cached_property  # each session reads the table anew
    def partition(self) -> str:
        """The AWS partition that the operations Region lies in, by botocore's own table."""
        partition: str = boto3.Session().get_partition_for_region(self.operations_region)
        return partition

    def role_arn(self, account_id: str, name: str) -> str:
        """The ARN of a role in one of the environment's accounts."""
        return f"arn:{self.partition}:iam::{account_id}:role/{name}"

    def records_of(self, tenant: str) -> str:
        """The tenant's record log group."""
        return f"/bedrock/{self.name}/{tenant}/records"

    def name_of(self, tenant: str) -> str:
        """The base name of everything a tenant has in either account."""
        return f"bedrock-{self.name}-{tenant}"

    def function_of(self, account: CustomerAccount) -> str:
        """What to invoke in a customer account: of a function with snapshots, the alias that starts from one."""
        return f"{self.name_of(account.tenant)}{':live' if account.snap_start else ''}"


def load(name: str) -> Environment:
    """Read an environment; CommandError when it does not exist or its tfvars cannot be right."""
    folder = ENVIRONMENTS / name
    tfvars = folder / "terraform.tfvars"
    # A path would read an environment under another name, with other credentials.
    if not re.fullmatch(r"[a-z][a-z0-9]*", name) or not tfvars.is_file():
        known = sorted(path.parent.name for path in ENVIRONMENTS.glob("*/terraform.tfvars"))
        raise CommandError(f'No environment "{name}"; write ENV= and one of {_listed(known)}.')
    problems = unknown_keys(tfvars, ENVIRONMENTS / "variables.tf")
    if problems:
        raise CommandError("\n".join(problems))
    data = read_hcl(tfvars)
    if data.get("environment") != name:
        raise CommandError(
            f'environments/{name}/terraform.tfvars says environment = "{data.get("environment")}"; '
            f'write "{name}", the name of its folder, or it would act on the other one.'
        )
    try:
        region = data["operations"]["region"]
        return Environment(
            name=name,
            operations_account_id=str(data["operations"]["account_id"]),
            operations_region=region,
            deployer_role_name=data.get("deployer_role_name", DEPLOYER_ROLE),
            accounts=tuple(
                CustomerAccount(
                    tenant,
                    str(account_id),
                    account.get("region") or region,
                    tuple(account.get("readers", ())),
                    tuple(account.get("unmaskers", ())),
                    in_vpc="vpc" in account,
                    permissions_boundary=account.get("permissions_boundary"),
                    snap_start=stanza.get("workload", {}).get("snap_start", False),
                )
                for tenant, stanza in data.get("tenants", {}).items()
                for account_id, account in stanza["accounts"].items()
            ),
            stanzas=data.get("tenants", {}),
            backend=read_hcl(folder / "backend.hcl"),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise CommandError(
            f"environments/{name}/terraform.tfvars lacks {error}; see environments/variables*.tf for its shape."
        ) from None


def read_hcl(path: Path) -> dict[str, Any]:
    """The attributes of a tfvars or backend file as plain Python values; CommandError when it is not HCL."""
    plain = SerializationOptions(
        strip_string_quotes=True, explicit_blocks=False, with_comments=False
    )
    try:
        with path.open() as file:
            content: dict[str, Any] = hcl2.load(file, serialization_options=plain)
    except Exception as error:  # noqa: BLE001 - the parser raises many types; each means "not HCL"
        raise CommandError(
            f"{path.relative_to(ROOT)} is not valid HCL: {str(error).splitlines()[0]}"
        ) from None
    plain_keys: dict[str, Any] = _unquoted(content)
    return plain_keys


def _unquoted(value: Any) -> Any:  # noqa: ANN401 - HCL values are any JSON value
    """Object keys keep their quotes in python-hcl2 8; take them off."""
    if isinstance(value, dict):
        return {str(key).strip('"'): _unquoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    return value


def _listed(names: Any) -> str:  # noqa: ANN401 - any iterable of names
    return ", ".join(names) or "none"
