"""The Terraform root that a customer applies who manages its account itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.environment.hcl import hcl_attributes
from tools.environment.model import OFFBOARDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.environment.model import CustomerAccount, Environment
    from tools.terraform.state_content import Instance, StateContent

# What the stanza may say about the account and its function, by the names of the module's variables.
ACCOUNT_OPTIONS = (
    "code_signing_config_arn",
    "permissions_boundary",
    "readers",
    "unmaskers",
    "vpc",
)
FUNCTION_OPTIONS = (
    "architecture",
    "memory_size",
    "reserved_concurrency",
    "retention_days",
    "snap_start",
    "timeout",
)

_MAIN = """\
# Tenant {tenant} in account {account_id}, version {version}. `make handover` wrote this file once.
# Readers, retention, network and the like are yours to change. Keep account_id, environment and
# tenant: the operator's role trusts one role only, whose name contains them. What comes from
# var.handover changes with handover.auto.tfvars.json, which the operator sends again.

provider "aws" {{
{provider}
  default_tags {{
    tags = {{
{tags}    }}
  }}
}}

variable "handover" {{
  description = "What the operator hands over to this account."
  type        = any
  nullable    = false
}}

module "customer_workload" {{
  source = "./modules/customer-workload"

{arguments}
  audit           = var.handover.audit
  content         = var.handover.content
  guardrail       = var.handover.guardrail
  masking         = var.handover.masking
  models          = var.handover.models
  operations_role = var.handover.operations_role
  package_path    = "${{path.module}}/{package}"
  quota           = var.handover.quota
  state           = var.handover.state
  usage           = var.handover.usage
}}

output "function_name" {{
  description = "The function to invoke; null while the tenant is offboarding."
  value       = module.customer_workload.function_name
}}

output "record_log_group" {{
  description = "The log group of the records."
  value       = module.customer_workload.record_log_group
}}
"""

_README = """\
# Amazon Bedrock for {tenant}, account {account_id}

This folder is a complete Terraform root, version {version}. Keep it in your own version control, private, because
`handover.auto.tfvars.json` contains the ExternalId. Compare the files with SHA256SUMS first:

    sha256sum --check SHA256SUMS

Add a backend for the state if Terraform should not keep it in a file. Then, as an administrator of account
{account_id}, plan, read the plan and apply:

    terraform init
    terraform plan -out=plan
    terraform apply plan

When the operator sends a new folder, replace everything but `main.tf`, your backend and the state, and apply again.
The zip `{package}` has the SHA-256

    {sha256}
"""

_ADOPTION = """
## Take over what exists

The operator's Terraform made the function, its roles and its log groups. `imports.tf` brings them into your state, so
the first plan imports them and creates none of them anew; if it would create or destroy a role, a log group or the
function, do not apply it, and ask the operator. `main.tf` names the key and the boundary that you made for the
deployer: keep both, because the records cannot be read without the key. After the first apply, tell the operator, and
delete `imports.tf`. You may then delete the role `{deployer}`, if no other tenant in this account uses it.
"""

# The types whose creation fails, or makes a second object, while one exists, as tools/proof/adoption.py finds them,
# with the attributes of their ids: https://developer.hashicorp.com/terraform/language/import. All others are written
# with calls that replace what exists.
_IMPORT_IDS = {
    "aws_cloudwatch_log_group": ("name",),
    "aws_iam_role": ("name",),
    "aws_lambda_alias": ("function_name", "name"),
    "aws_lambda_function": ("function_name",),
    "aws_vpc_endpoint": ("id",),
}
_WORKLOAD = "module.customer_workload."


@dataclass(frozen=True)
class Release:
    """What is handed over: the version of the module, and the name and the SHA-256 of the function's zip."""

    version: str
    package: str
    sha256: str


def customer_inputs(
    environment: Environment, account: CustomerAccount, handover: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the inputs of modules/customer-workload that the operator decides."""
    stanza = environment.stanzas[account.tenant]
    return {
        "account_id": account.account_id,
        "audit": stanza.get("audit", "best-effort"),
        "content": stanza.get("content", "full"),
        "environment": environment.name,
        **{name: handover[name] for name in ("guardrail", "models")},
        "masking": stanza.get("masking", []),
        "operations_role": {
            "arn": handover["role_arn"],
            "external_id": handover["external_id"],
        },
        **{name: handover[name] for name in ("quota", "state")},
        "tenant": account.tenant,
        "usage": handover.get("usage"),  # an older hand-over has none
    }


def customer_root(
    environment: Environment,
    account: CustomerAccount,
    inputs: Mapping[str, Any],
    release: Release,
    state: StateContent,
) -> dict[str, str]:
    """Return the root's files by name: the code, the hand-over and what to do with them.

    ``inputs`` are those of `customer_inputs`. ``state`` is the operator's state of the account: what it holds is
    imported by the customer's first apply. It is empty for an account that the operator never applied.
    """
    stanza = environment.stanzas[account.tenant]
    details = environment.details_of(account)
    workload = stanza.get("workload", {})
    trusted = [*stanza["accounts"], *stanza.get("trusted_accounts", [])]
    arguments = {
        "account_id": account.account_id,
        "environment": environment.name,
        "tenant": account.tenant,
        **_made_for_the_deployer(state),
        **{name: details[name] for name in ACCOUNT_OPTIONS if name in details},
        **{name: workload[name] for name in FUNCTION_OPTIONS if name in workload},
        "trusted_accounts": sorted({*trusted} - {account.account_id}),
    }
    tags = {
        **environment.tags_of(account),
        "environment": environment.name,
        "managed-by": "terraform",
        "tenant": account.tenant,
    }
    names = {
        "tenant": account.tenant,
        "account_id": account.account_id,
        "package": release.package,
        "version": release.version,
    }
    provider = {"region": account.region, "allowed_account_ids": [account.account_id]}
    main = _MAIN.format(
        **names,
        arguments=hcl_attributes(arguments, "  "),
        provider=hcl_attributes(provider, "  "),
        tags=hcl_attributes(tags, "      "),
    )
    handover = {name: value for name, value in inputs.items() if name not in arguments}
    readme = _README.format(**names, sha256=release.sha256)
    files = {
        "README.md": readme,
        "handover.auto.tfvars.json": json.dumps({"handover": handover}, indent=2) + "\n",
        "main.tf": main,
    }
    runs = inputs["state"] != OFFBOARDING
    if imports := _imports(state, details, runs=runs, snap_start=account.snap_start):
        files["imports.tf"] = imports
        files["README.md"] += _ADOPTION.format(deployer=environment.deployer_role_name)
    return files


def _made_for_the_deployer(state: StateContent) -> dict[str, str]:
    """Return the key and the boundary that the customer made with the deployer, as the operator's state has them."""
    arguments = {}
    for instance in state.instances():
        if instance.address == "data.aws_kms_key.records":
            arguments["key_arn"] = instance.values["arn"]
        boundary = instance.values.get("permissions_boundary")
        if instance.type == "aws_iam_role" and boundary:
            arguments["permissions_boundary"] = boundary
    return arguments


def _imports(
    state: StateContent, details: Mapping[str, Any], *, runs: bool, snap_start: bool
) -> str:
    """Return an import block for what the state holds and the root declares.

    Terraform refuses to import what the root does not declare, such as the function of an offboarded tenant.
    """
    network = details.get("vpc")
    has_endpoints = runs and network is not None and network.get("id") is not None
    declared = {
        "aws_cloudwatch_log_group.": True,
        "aws_iam_role.execution[": runs or network is not None,
        'aws_iam_role.reader["reader"]': bool(details.get("readers")),
        'aws_iam_role.reader["unmasker"]': bool(details.get("unmaskers")),
        "aws_lambda_alias.": runs and snap_start,
        "aws_lambda_function.": runs,
        "aws_vpc_endpoint.": has_endpoints,
    }
    prefixes = tuple(
        f"{_WORKLOAD}{address}" for address, is_declared in declared.items() if is_declared
    )
    blocks = [
        f"import {{\n  to = {instance.address}\n{hcl_attributes({'id': _import_id(instance)}, '  ')}}}\n"
        for instance in state.instances()
        if instance.mode == "managed" and instance.address.startswith(prefixes)
    ]
    return "\n".join(blocks)


def _import_id(instance: Instance) -> str:
    return "/".join(str(instance.values[name]) for name in _IMPORT_IDS[instance.type])
