"""Plans by Terraform of the local environment, with more tenants that together use every feature."""

import copy
import shutil
import zipfile

import pytest

from tests.terraform import ENVIRONMENTS, MODULES, OFFLINE_PROVIDER, Folder, offline_provider
from tests.tools.isolation.plan_mutants import read_customer_key
from tools.bench.proof_time import set_own_providers
from tools.environment.hcl import read_hcl

UNWANTED = shutil.ignore_patterns(".terraform*")

# Merged into the files of a root: https://developer.hashicorp.com/terraform/language/files/override
OPERATIONS = (
    (OFFLINE_PROVIDER + offline_provider("iam_events")).replace(
        "access_key ", "allowed_account_ids = null\n  access_key "
    )
    + """\
terraform {
  backend "local" {}
}
"""
)
CUSTOMER = """\
terraform {
  backend "local" {}
}

# The customer's key, which cannot be looked up offline.
data "aws_kms_key" "records" {
  count = 0
}

locals {
  key_arn = format(
    "arn:aws:kms:%s:%s:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    coalesce(local.account.region, var.operations.region), var.account_id,
  )
}
"""

# What the roots configure their providers with, in place of the offline providers of the tests.
# tests/tools/commands/test_prove.py proves plans with the roots' own providers.
CUSTOMER_PROVIDER = {
    "allowed_account_ids": {"references": ["var.account_id"]},
    "assume_role": [
        {
            "external_id": {"references": ["local.stanza.deployer.external_id", "local.stanza"]},
            "role_arn": {
                "references": ["local.partition", "var.account_id", "var.deployer_role_name"]
            },
        }
    ],
    "default_tags": [
        {
            "tags": {
                "references": [
                    "local.account.tags",
                    "local.stanza.tags",
                    "var.environment",
                    "var.tags",
                    "var.tenant",
                ]
            }
        }
    ],
    "region": {
        "references": [
            "local.account.region",
            "local.account",
            "var.operations.region",
            "var.operations",
        ]
    },
}

# Quotas, and what enforces them.
GUARD = {
    "on_failure": "closed",
    "permissions_boundary": "arn:aws:iam::111111111111:policy/guard",
    "tokens_per_minute": {"amazon.nova-lite-v1:0": 2000000},
    "prices": {
        "anthropic.claude-haiku-4-5-20251001-v1:0": {"cache_read": 0.1, "input": 1, "output": 5}
    },
}
INITECH_QUOTA = {
    "aliases": {"claude": {"tokens_per_day": 500000}},
    "event_bus": "arn:aws:events:eu-central-1:555555555555:event-bus/quotas",
    "time_zone": "Europe/Berlin",
    "usd_per_month": 99.5,
}

# Tenants beside those of the local environment, so that the plans have everything a module can create.
GUARDRAIL = {"arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc123", "version": "7"}
NETWORKS = ["203.0.113.0/24", "2001:db8::/32"]
NOVA = {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}
HAIKU = {"model": "anthropic.claude-haiku-4-5-20251001-v1:0", "regions": ["eu-central-1"]}
SONNET = {"model": "anthropic.claude-sonnet-4-20250514-v1:0", "regions": ["eu-central-1"]}
MORE = {
    "everything": {
        "accounts": {
            "666666666666": {
                "readers": [
                    "arn:aws:iam::666666666666:user/auditor",
                    "arn:aws:iam::999999999999:role/audit/lead",
                ],
                "tags": {"site": "east"},
                "vpc": {
                    "id": "vpc-0123456789abcdef0",
                    "security_group_ids": ["sg-0123456789abcdef0"],
                    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
                },
            },
            "777777777777": {},
        },
        "deployer": {"external_id": "everything-deployer-external-id"},
        "external_ids": {"current": "everything-current", "previous": "everything-previous"},
        "guardrail": GUARDRAIL,
        "masking": ["EmailAddress", "BankAccountNumber-DE"],
        "models": {
            "claude": {
                **SONNET,
                "count_tokens": True,
                "profile": "eu.",
                "route": "geographic",
                "track": True,
            },
            "haiku": {**HAIKU, "route": "global"},
            "nova": {**NOVA, "streaming": False},
            "pro": {
                "destinations": ["eu-central-1", "eu-north-1"],
                "model": "amazon.nova-pro-v1:0",
                "profile": "eu.",
                "regions": ["eu-central-1"],
                "route": "geographic",
            },
            "world": {
                "model": "anthropic.claude-sonnet-4-5-20250929-v1:0",
                "regions": ["eu-central-1"],
                "route": "global",
                "track": True,
            },
        },
        "perimeter": {"networks": NETWORKS, "vpc_endpoints": ["vpce-0123456789abcdef0"]},
        "quota": {"aliases": {"claude": {"tokens_per_month": 7000000}}, "warn_at": [90]},
        "tags": {"owner": "research"},
        "trusted_accounts": ["999999999999"],
        "workload": {"memory_size": 512, "reserved_concurrency": 5, "snap_start": True},
    },
    # Two tenants that share an account.
    "hooli": {
        "accounts": {"888888888888": {}},
        "deployer": {"external_id": "hooli-deployer-external-id"},
        "external_ids": {"current": "hooli-current-external-id"},
        "models": {"nova": NOVA},
        "perimeter": {"networks": NETWORKS},
    },
    "hooli-labs": {
        "accounts": {"888888888888": {}},
        "deployer": {"external_id": "hooli-labs-deployer-external-id"},
        "external_ids": {"current": "hooli-labs-current-external-id"},
        "models": {"nova": NOVA},
        "perimeter": {"vpc_endpoints": ["vpce-0fedcba9876543210"]},
    },
    # Models and a guardrail that are being replaced.
    "changing": {
        "accounts": {"123123123123": {}},
        "deployer": {"external_id": "changing-deployer-external-id"},
        "external_ids": {"current": "changing-current-external-id"},
        "guardrail": {**GUARDRAIL, "previous": {**GUARDRAIL, "version": "6"}},
        "models": {
            "claude": {
                **SONNET,
                "previous": {**HAIKU, "count_tokens": True, "route": "global", "track": True},
                "profile": "eu.",
                "route": "geographic",
                "track": True,
            },
            "nova": {
                **NOVA,
                "previous": {
                    **NOVA,
                    "destinations": ["eu-central-1", "eu-west-1"],
                    "profile": "eu.",
                    "route": "geographic",
                },
                "streaming": False,
            },
        },
    },
    "gone": {
        "accounts": {
            "123456789012": {
                "readers": ["arn:aws:iam::123456789012:role/auditor"],
                "vpc": {"security_group_ids": ["sg-0"], "subnet_ids": ["subnet-0"]},
            }
        },
        "deployer": {"external_id": "gone-deployer-external-id"},
        "external_ids": {"current": "gone-current-external-id"},
        "models": {"nova": {**NOVA, "track": True}},
        "state": "offboarding",
    },
}


@pytest.fixture(scope="session")
def environment():
    """The variables of the local environment, with more tenants."""
    local = read_hcl(ENVIRONMENTS / "local" / "terraform.tfvars")
    tenants = copy.deepcopy({**local["tenants"], **MORE})
    tenants["initech"]["quota"] |= INITECH_QUOTA
    return {
        **local,
        "accounts_with_several_tenants": ["888888888888"],
        "tags": {"cost-center": "7"},
        "operations": {**local["operations"], "guard": GUARD},
        "tenants": tenants,
    }


@pytest.fixture(scope="session")
def plans(tmp_path_factory, environment):
    """The output of `terraform show -json` for the operations root and for three customer accounts."""
    top = tmp_path_factory.mktemp("plans")
    shutil.copytree(MODULES, top / "modules", ignore=UNWANTED)
    roots = shutil.copytree(ENVIRONMENTS, top / "environments", symlinks=True, ignore=UNWANTED)
    (top / "build").mkdir()
    for package in ("operations-guard", "tenant-bedrock-arm64"):
        zipfile.ZipFile(top / "build" / f"{package}-py3.13.zip", "w").close()
    (roots / "operations" / "offline_override.tf").write_text(OPERATIONS)
    (roots / "customer" / "offline_override.tf").write_text(CUSTOMER)
    (roots / "customer" / "providers.tf").write_text(OFFLINE_PROVIDER)

    operations = Folder(roots / "operations").init().plan_json(**environment)
    handovers = planned_handovers(operations)
    customer = Folder(roots / "customer").init()
    accounts = [("acme", "222222222222"), ("everything", "666666666666"), ("gone", "123456789012")]
    return {
        "operations": with_provider(operations, "operations"),
        **{
            f"{tenant} {account}": with_provider(
                customer.plan_json(
                    **environment, tenant=tenant, account_id=account, handover=handovers[tenant]
                ),
                "customer",
            )
            for tenant, account in accounts
        },
    }


def with_provider(plan, root):
    """The plan as if the root's own provider had made it and had looked up the customer's key."""
    provider = plan["configuration"]["provider_config"]["aws"]
    assert provider["full_name"] == "registry.terraform.io/hashicorp/aws"
    if root == "operations":
        set_own_providers(plan)
    else:
        provider["expressions"] = CUSTOMER_PROVIDER
        groups = [
            item["change"]["after"]
            for item in plan["resource_changes"]
            if item["type"] == "aws_cloudwatch_log_group"
        ]
        read_customer_key(plan, groups[0]["kms_key_id"])
    return plan


def planned_handovers(operations):
    """The planned hand-over of each tenant, with ARNs of the new profiles."""
    profile = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/0123456789ab"
    handover = operations["output_changes"]["handover"]["after"]
    for tenant in handover.values():
        models = tenant["models"].items()
        tenant["models"] = {alias: {"model": profile, **model} for alias, model in models}
    return handover
