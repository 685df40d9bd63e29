"""A minimal plan that is proved, with one tenant and one model, for tests that change it in one place."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

AWS = "registry.terraform.io/hashicorp/aws"

TRUST: Json = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
            "Condition": {
                "ArnEquals": {
                    "aws:PrincipalArn": "arn:aws:iam::222222222222:role/bedrock-prod-acme-execution"
                },
                "StringEquals": {
                    "sts:ExternalId": "269170463fdc32af10a91e67a8fd77bd",
                    "sts:RoleSessionName": "acme",
                },
            },
        }
    ],
}
INVOKE: Json = {
    "Effect": "Allow",
    "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
    "Resource": "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
}
STANZA: Json = {
    "accounts": {"222222222222": {}},
    "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
    "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
}


def role(**arguments: Any) -> Json:  # noqa: ANN401 - any JSON value
    """Return the tenant's role with an inline policy and, in place of its other arguments, these."""
    permissions = {"Version": "2012-10-17", "Statement": [INVOKE]}
    values = {
        "name": "bedrock-prod-acme",
        "path": "/",
        "assume_role_policy": json.dumps(TRUST),
        "inline_policy": [{"name": "models", "policy": json.dumps(permissions)}],
        "max_session_duration": 3600,
        "tags": {"tenant": "acme"},
        "tags_all": {"environment": "prod", "tenant": "acme"},
        **arguments,
    }
    return resource("aws_iam_role", values, {"arn": True, "managed_policy_arns": True})


def resource(type_: str, values: Json, unknown: Json | None = None, name: str = "this") -> Json:
    """Return a resource that the plan creates."""
    change = {"actions": ["create"], "after": values, "after_unknown": unknown or {}}
    return {
        "address": f"{type_}.{name}",
        "mode": "managed",
        "type": type_,
        "provider_name": AWS,
        "change": change,
    }


def plan_json(
    *resources: Json,
    arguments: tuple[str, ...] = ("assume_role_policy", "inline_policy"),
    **variables: Any,  # noqa: ANN401 - HCL values
) -> Json:
    """Return the plan as `terraform show -json` prints it; the code gives the role these arguments."""
    return {
        "format_version": "1.2",
        "variables": {
            name: {"value": value}
            for name, value in {
                "environment": "prod",
                "operations": {"account_id": "111111111111", "region": "eu-central-1"},
                "tenants": {"acme": STANZA},
                **variables,
            }.items()
        },
        "planned_values": {},
        "resource_changes": list(resources),
        "configuration": {
            "provider_config": {
                "aws": {
                    "name": "aws",
                    "full_name": AWS,
                    "expressions": {
                        "allowed_account_ids": {"references": ["var.operations.account_id"]},
                        "default_tags": [{"tags": {"references": ["var.environment"]}}],
                        "region": {"references": ["var.operations.region"]},
                    },
                }
            },
            "root_module": {
                "resources": [
                    {
                        "address": "aws_iam_role.this",
                        "mode": "managed",
                        "type": "aws_iam_role",
                        "provider_config_key": "aws",
                        "expressions": {argument: {} for argument in arguments},
                    }
                ]
            },
        },
        "complete": True,
    }
