"""Customer accounts to render a deployer for: the variables of modules/customer-deployer."""

from __future__ import annotations

from typing import Any

Deployer = dict[str, Any]

ACCOUNT = "222222222222"
AUDITOR = f"arn:aws:iam::{ACCOUNT}:user/auditor"
DEPLOYMENT = "arn:aws:iam::111111111111:role/deployment"
SIGNING = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:code-signing-config:csc-0123456789abcdef0"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock/workload-boundary"
VPC = {"security_group_ids": ["sg-2", "sg-1"], "subnet_ids": ["subnet-1", "subnet-2"]}
ENDPOINTS = {**VPC, "id": "vpc-0123456789abcdef0"}


def deployer(**changes: Any) -> Deployer:  # noqa: ANN401 - HCL values
    """The deployer of an account without optional inputs, with changes."""
    return {
        "account_id": ACCOUNT,
        "deployment_principals": [DEPLOYMENT],
        "environment": "prod",
        "external_id": "7d1f0c5b9a3e4826b0c4d7e1f2a39586",
        "operations_account_id": "111111111111",
        "region": "eu-central-1",
        "tenant": "acme",
        **changes,
    }


def everything(partition: str, region: str) -> Deployer:
    """The deployer of an account that uses every option of its stanza."""
    return deployer(
        code_signing_config_arn=SIGNING.replace("arn:aws:", f"arn:{partition}:"),
        deployment_principals=[DEPLOYMENT.replace("arn:aws:", f"arn:{partition}:")],
        partition=partition,
        permissions_boundary=BOUNDARY.replace("arn:aws:", f"arn:{partition}:"),
        readers=[AUDITOR],
        region=region,
        unmaskers=[AUDITOR],
        vpc=ENDPOINTS,
    )


DEPLOYERS = {
    "plain": deployer(),
    "aws": everything("aws", "eu-central-1"),
    "aws-cn": everything("aws-cn", "cn-north-1"),
    "aws-us-gov": everything("aws-us-gov", "us-gov-west-1"),
    "vpc": deployer(vpc=VPC),
    "endpoints": deployer(vpc=ENDPOINTS),
    "boundary": deployer(permissions_boundary=BOUNDARY),
    "readers": deployer(permissions_boundary=BOUNDARY, readers=[AUDITOR]),
    "unmaskers": deployer(permissions_boundary=BOUNDARY, unmaskers=[AUDITOR]),
    "renamed": deployer(role_name="bedrock-deployer"),
    "tagged": deployer(tags={"cost-center": "7"}),
}
