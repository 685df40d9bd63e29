"""What calls need in a customer account, and Terraform's destruction of it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.terraform.state import State

# The execution role, and with it its policy and the function that runs as it. The log groups, their key and the
# reader roles remain, because customers are promised that their records remain.
WORKLOAD = "module.customer_workload.aws_iam_role.execution"


def has_workload(session: Session, state: State) -> bool:
    """Return whether a customer state holds a function or its execution role."""
    addresses = session.bucket.state(state.key).addresses()
    return any(address.startswith(WORKLOAD) for address in addresses)


def destroy_workload(session: Session, state: State) -> str:
    """Destroy the workload of a customer state and return a line about it."""
    if not has_workload(session, state):
        return "nothing to remove"
    counts = session.terraform.destroy(state.limited_to([WORKLOAD]))
    return f"{counts} Records, their key and their readers remain, in the state too."
