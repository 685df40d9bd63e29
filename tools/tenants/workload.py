"""What calls need in a customer account, and Terraform's destruction of it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.console import progress
from tools.live.network_interfaces import function_interfaces, wait_until_deleted

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.terraform.state import State

# The execution role, and with it its policy and the function that runs as it. The log groups, their key and the
# reader roles remain, because customers are promised that their records remain.
WORKLOAD = "module.customer_workload.aws_iam_role.execution"
FUNCTION = "module.customer_workload.aws_lambda_function.this"


def has_workload(session: Session, state: State) -> bool:
    """Return whether a customer state holds a function or its execution role."""
    addresses = session.bucket.state(state.key).addresses()
    return any(address.startswith(WORKLOAD) for address in addresses)


def destroy_workload(session: Session, state: State) -> str:
    """Destroy the workload of a customer state and return a line about it."""
    if not has_workload(session, state):
        return "nothing to remove"
    _wait_for_interfaces(session, state)
    counts = session.terraform.destroy(state.limited_to([WORKLOAD]))
    return f"{counts} Records, their key and their readers remain, in the state too."


def _wait_for_interfaces(session: Session, state: State) -> None:
    """In a VPC, destroy the function alone and wait until Lambda has deleted its network interfaces.

    Lambda deletes them with the rights of the execution role, which is destroyed afterwards.
    """
    environment, tenant = session.environment, state.variables["tenant"]
    [account] = environment.accounts_of(tenant, state.variables["account_id"])
    network = environment.stanzas[tenant]["accounts"][account.account_id].get("vpc")
    if network is None:
        return
    addresses = session.bucket.state(state.key).addresses()
    if any(address.startswith(FUNCTION) for address in addresses):
        session.terraform.destroy(state.limited_to([FUNCTION]))
    ec2 = session.target.client(session.target.deployer(account), "ec2", account.region)
    name = environment.base_name(tenant)
    wait_until_deleted(lambda: function_interfaces(ec2, name, network), progress)
