"""The smallest plan that is proved: one tenant, one model; for tests that change one thing in it."""

from __future__ import annotations

import json
from typing import Any

Shown = dict[str, Any]

TRUST: Shown = {
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
INVOKE: Shown = {
    "Effect": "Allow",
    "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
    "Resource": "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
}
STANZA: Shown = {
    "accounts": {"222222222222": {}},
    "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
    "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
}


def role(**changed: Any) -> Shown:  # noqa: ANN401 - any JSON value
    """The tenant's role, with its policy as a block in it."""
    permissions = {"Version": "2012-10-17", "Statement": [INVOKE]}
    after = {
        "name": "bedrock-prod-acme",
        "path": "/",
        "assume_role_policy": json.dumps(TRUST),
        "inline_policy": [{"name": "models", "policy": json.dumps(permissions)}],
        **changed,
    }
    return resource("aws_iam_role", after, {"arn": True, "managed_policy_arns": True})


def resource(kind: str, after: Shown, unknown: Shown | None = None, name: str = "this") -> Shown:
    """A resource that the plan would make."""
    change = {"actions": ["create"], "after": after, "after_unknown": unknown or {}}
    return {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "change": change}


def shown(
    *resources: Shown,
    given: tuple[str, ...] = ("assume_role_policy", "inline_policy"),
    **variables: Any,  # noqa: ANN401 - HCL values
) -> Shown:
    """A plan of one tenant as `terraform show -json` tells it; ``given`` are the role's arguments."""
    return {
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
            "root_module": {
                "resources": [
                    {"address": "aws_iam_role.this", "expressions": {name: {} for name in given}}
                ]
            }
        },
        "complete": True,
    }
