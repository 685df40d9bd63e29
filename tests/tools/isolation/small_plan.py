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
PROJECT: Json = {
    "Effect": "Allow",
    "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
    "Resource": "arn:aws:bedrock:eu-central-1:111111111111:project/default",
}
STANZA: Json = {
    "accounts": {"222222222222": {}},
    "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
    "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
}


ROLE = "bedrock-prod-acme"
PERMISSIONS: Json = {"Version": "2012-10-17", "Statement": [INVOKE, PROJECT]}


def role(**arguments: Any) -> Json:  # noqa: ANN401 - any JSON value
    """Return the tenant's role with, in place of its arguments, these."""
    values = {
        "name": ROLE,
        "path": "/",
        "assume_role_policy": json.dumps(TRUST),
        "max_session_duration": 3600,
        "force_detach_policies": True,
        "tags": {"tenant": "acme"},
        "tags_all": {"environment": "prod", "tenant": "acme"},
        **arguments,
    }
    return resource(
        "aws_iam_role", values, {"arn": True, "inline_policy": True, "managed_policy_arns": True}
    )


def grants(text: str = json.dumps(PERMISSIONS), **arguments: Any) -> Json:  # noqa: ANN401 - any JSON value
    """Return the role's only inline policy with this text and, in place of its arguments, these."""
    values = {"name": "grants", "policy": text, "role": ROLE, **arguments}
    return resource("aws_iam_role_policy", values, {"id": True}, name="grants")


def inline_policies(*names: str) -> Json:
    """Return the list of the role's inline policies."""
    values = {"policy_names": list(names), "role_name": ROLE}
    return resource("aws_iam_role_policies_exclusive", values)


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


def state_of(*resources: Json) -> Json:
    """Return a state that holds what these resources will be."""
    existing = [
        {
            **{key: item[key] for key in ("address", "mode", "type", "provider_name")},
            "values": item["change"]["after"],
        }
        for item in resources
    ]
    return {"values": {"root_module": {"resources": existing}}}


def plan_json(
    *resources: Json,
    arguments: tuple[str, ...] = ("assume_role_policy",),
    **variables: Any,  # noqa: ANN401 - HCL values
) -> Json:
    """Return the plan as `terraform show -json` prints it; the code gives the role these arguments.

    The tenant's role has its two resources about policies, except those that ``resources`` replace.
    """
    types = {item["type"] for item in resources}
    beside = [grants(), inline_policies("grants")]
    code = {
        "aws_iam_role.this": arguments,
        "aws_iam_role_policy.grants": ("name", "policy", "role"),
        "aws_iam_role_policies_exclusive.this": ("policy_names", "role_name"),
    }
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
        "resource_changes": [
            *resources,
            *(item for item in beside if "aws_iam_role" in types and item["type"] not in types),
        ],
        "configuration": {
            "provider_config": {
                "aws": {
                    "name": "aws",
                    "full_name": AWS,
                    "expressions": {
                        "allowed_account_ids": {"references": ["var.operations.account_id"]},
                        "default_tags": [{"tags": {"references": ["var.environment", "var.tags"]}}],
                        "region": {"references": ["var.operations.region"]},
                    },
                }
            },
            "root_module": {
                "resources": [
                    {
                        "address": address,
                        "mode": "managed",
                        "type": address.split(".")[0],
                        "provider_config_key": "aws",
                        "expressions": {argument: {} for argument in names},
                    }
                    for address, names in code.items()
                ]
            },
        },
        "complete": True,
    }
