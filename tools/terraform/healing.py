"""Finds resources that a failed or killed apply left half made, and lets the next plan complete them in place.

Terraform marks a resource whose creation failed after the object existed as tainted, and plans to replace it:
https://developer.hashicorp.com/terraform/language/state/taint. To replace a key or a log group would
destroy records, so prevent_destroy stops every later plan; to replace a role would take access away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.terraform.runner import Terraform
    from tools.terraform.state import State
    from tools.terraform.state_content import StateContent

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

# These hold nothing, and may be in a state in which AWS does not let them be changed.
REPLACED_WHEN_HALF_MADE = frozenset({"aws_lambda_alias", "aws_lambda_function", "aws_vpc_endpoint"})
# The reason that a plan gives for it:
# https://developer.hashicorp.com/terraform/internals/json-format#change-representation
TAINTED = "replace_because_tainted"


def heal(terraform: Terraform, state: State) -> list[str]:
    """Untaint what must not be replaced, and return the addresses."""
    addresses = tainted(terraform.bucket.state(state.key), state.targets)
    for address in addresses:
        terraform.untaint(state, address)
    return addresses


def tainted(content: StateContent, targets: tuple[str, ...]) -> list[str]:
    """Return the addresses in a state, or in the targets, that are tainted and must not be replaced."""
    beginnings = tuple(f"{target}." for target in targets) or ("",)
    return [
        instance.address
        for instance in content.instances()
        if instance.is_tainted
        and instance.type in COMPLETED_IN_PLACE
        and instance.address.startswith(beginnings)
    ]
