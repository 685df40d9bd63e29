"""Finds resources that a failed or killed apply left half made, and lets the next plan complete them in place.

Terraform marks a resource whose creation failed after the object existed as tainted, and plans to replace it:
https://developer.hashicorp.com/terraform/language/state/taint. To replace a key or a log group would
destroy records, so prevent_destroy stops every later plan; to replace a role would take access away.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.terraform.runner import Terraform
    from tools.terraform.state import State

# All others stay tainted: a function or an endpoint that failed while it was made holds nothing, and may be
# in a state in which AWS does not let it be changed.
COMPLETED_IN_PLACE = frozenset(
    {
        "aws_cloudwatch_log_data_protection_policy",
        "aws_cloudwatch_log_group",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_kms_alias",
        "aws_kms_key",
    }
)


def heal(terraform: Terraform, state: State) -> list[str]:
    """Untaint what must not be replaced, and return the addresses."""
    content = terraform.bucket.state(state.key) or {}
    addresses = [
        address
        for address in tainted(content)
        if not state.targets or address.startswith(tuple(f"{target}." for target in state.targets))
    ]
    for address in addresses:
        terraform.untaint(state, address)
    return addresses


def tainted(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the addresses in a state that are tainted and must not be replaced."""
    for resource in content.get("resources") or ():
        if resource["type"] in COMPLETED_IN_PLACE:
            prefix = f"{resource['module']}." if resource.get("module") else ""
            for instance in resource.get("instances") or ():
                if instance.get("status") == "tainted":
                    key = instance.get("index_key")
                    index = "" if key is None else f"[{json.dumps(key)}]"
                    yield f"{prefix}{resource['type']}.{resource['name']}{index}"
