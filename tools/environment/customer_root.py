"""The Terraform root that a customer applies who manages its account itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.environment.hcl import hcl_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.environment.model import CustomerAccount, Environment

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

When the operator sends a new folder, replace everything but `main.tf` and your backend, and apply again. The zip
`{package}` has the SHA-256

    {sha256}
"""


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
    }


def customer_root(
    environment: Environment,
    account: CustomerAccount,
    inputs: Mapping[str, Any],
    release: Release,
) -> dict[str, str]:
    """Return the root's files by name: the code, the hand-over and what to do with them.

    ``inputs`` are those of `customer_inputs`.
    """
    stanza = environment.stanzas[account.tenant]
    details = stanza["accounts"][account.account_id]
    workload = stanza.get("workload", {})
    trusted = [*stanza["accounts"], *stanza.get("trusted_accounts", [])]
    arguments = {
        "account_id": account.account_id,
        "environment": environment.name,
        "tenant": account.tenant,
        **{name: details[name] for name in ACCOUNT_OPTIONS if name in details},
        **{name: workload[name] for name in FUNCTION_OPTIONS if name in workload},
        "trusted_accounts": sorted({*trusted} - {account.account_id}),
    }
    tags = {
        **environment.tags,
        **stanza.get("tags", {}),
        **details.get("tags", {}),
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
    return {
        "README.md": _README.format(**names, sha256=release.sha256),
        "handover.auto.tfvars.json": json.dumps({"handover": handover}, indent=2) + "\n",
        "main.tf": main,
    }
