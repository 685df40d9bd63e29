import json
import zipfile

import pytest

from tests.terraform import MODULES, OFFLINE_PROVIDER, Folder, folder_of

# Each case is a tenant, so that a single plan covers all of them.
TENANTS = f"""\
locals {{
  cases = jsondecode(file("cases.json"))
}}

module "role" {{
  source   = "{MODULES / "operations-role"}"
  for_each = local.cases

  operations = each.value.operations
  stanza     = each.value.stanza
  tenant     = each.key
}}

output "roles" {{
  value = {{ for name, instance in module.role : name => instance.role }}
}}
"""

OPERATIONS = {
    "account_id": "111111111111",
    "environment": "prod",
    "partition": "aws",
    "region": "eu-central-1",
}


@pytest.fixture(scope="session")
def module(tmp_path_factory):
    """Return a function that makes a root of a module's files and an offline provider."""

    def linked(name):
        files = (MODULES / name).glob("*.tf")
        path = folder_of(
            tmp_path_factory.mktemp(name) / "root", files, {"provider.tf": OFFLINE_PROVIDER}
        )
        return Folder(path).init()

    return linked


@pytest.fixture(scope="session")
def rules(tmp_path_factory):
    """Return a function that makes a root of a module's variables; their rules need no provider."""

    def linked(name):
        files = (MODULES / name).glob("variables*.tf")
        return Folder(folder_of(tmp_path_factory.mktemp(name) / "rules", files))

    return linked


@pytest.fixture(scope="session")
def tenants(tmp_path_factory):
    """Return a function that makes a root with an operations-role for each of many stanzas."""

    def folder(stanzas, operations_of=None, **operations):
        """``operations_of`` replaces the operations of individual tenants."""
        others = operations_of or {}
        cases = {
            name: {
                "operations": {**OPERATIONS, **operations, **others.get(name, {})},
                "stanza": stanza,
            }
            for name, stanza in stanzas.items()
        }
        files = {
            "cases.json": json.dumps(cases),
            "main.tf": TENANTS,
            "provider.tf": OFFLINE_PROVIDER,
        }
        path = folder_of(tmp_path_factory.mktemp("tenants") / "root", [], files)
        return Folder(path, AWS_REGION="eu-central-1").init()

    return folder


@pytest.fixture(scope="session")
def workload(module):
    return module("customer-workload")


@pytest.fixture(scope="session")
def empty_package(tmp_path_factory):
    """The path of an empty zip, in place of a package of ours."""
    package = tmp_path_factory.mktemp("package") / "empty.zip"
    zipfile.ZipFile(package, "w").close()
    return str(package)


@pytest.fixture(scope="session")
def inputs(empty_package):
    """The required inputs of customer-workload."""
    return {
        "account_id": "222222222222",
        "environment": "prod",
        "models": {
            "nova": {
                "base_model_id": "amazon.nova-lite-v1:0",
                "fallbacks": [],
                "model": "amazon.nova-lite-v1:0",
                "regions": ["eu-central-1"],
                "streaming": True,
            }
        },
        "operations_role": {
            "arn": "arn:aws:iam::111111111111:role/bedrock-prod-acme",
            "external_id": "269170463fdc32af10a91e67a8fd77bd",
        },
        "package_path": empty_package,
        "tenant": "acme",
    }


@pytest.fixture(scope="session")
def plain(workload, inputs):
    """The plan of a workload without optional inputs."""
    return workload.plan(**inputs)


@pytest.fixture(scope="session")
def full(workload, inputs):
    """The plan of a workload with every input, in another partition."""
    everything = {
        "architecture": "x86_64",
        "audit": "required",
        "content": "hashed",
        "guardrail": {
            "arn": "arn:aws-cn:bedrock:cn-north-1:111111111111:guardrail/abc",
            "version": "1",
        },
        "masking": ["EmailAddress", "BankAccountNumber-DE"],
        "memory_size": 2048,
        "models": {
            "nova": {
                "base_model_id": "amazon.nova-lite-v1:0",
                "count_tokens": True,
                "fallbacks": ["pro"],
                "model": "cn.amazon.nova-lite-v1:0",
                "regions": ["cn-north-1"],
                "streaming": False,
            },
            "pro": {
                "base_model_id": "amazon.nova-pro-v1:0",
                "fallbacks": [],
                "model": "amazon.nova-pro-v1:0",
                "regions": ["cn-northwest-1"],
                "streaming": True,
            },
        },
        "operations_role": {
            "arn": "arn:aws-cn:iam::111111111111:role/bedrock-prod-acme",
            "external_id": "269170463fdc32af10a91e67a8fd77bd",
        },
        "permissions_boundary": "arn:aws-cn:iam::222222222222:policy/boundary",
        "readers": [
            "arn:aws-cn:iam::999999999999:role/security",
            "arn:aws-cn:iam::222222222222:user/auditor",
            "arn:aws-cn:iam::222222222222:role/audit/lead",
        ],
        "quota": {
            "max_tokens_per_call": 4096,
            "requests_per_second": 0.5,
            "tokens_per_day": 1000000,
            "tokens_per_month": 20000000,
        },
        "reserved_concurrency": 20,
        "retention_days": 3653,
        "timeout": 900,
        "trusted_accounts": ["999999999999"],
        "unmaskers": ["arn:aws-cn:iam::222222222222:role/audit/lead"],
        "usage": {"parameter": "/bedrock/prod/usage/acme", "region": "cn-north-1"},
        "vpc": {
            "id": "vpc-0123456789abcdef0",
            "security_group_ids": ["sg-1"],
            "subnet_ids": ["subnet-2", "subnet-1"],
        },
    }
    return workload.plan(region="cn-north-1", **{**inputs, **everything})
