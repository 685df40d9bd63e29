"""What calls need in a customer account, and Terraform's destruction of it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.console import progress
from tools.live.network_interfaces import function_interfaces, sharing_functions, wait_until_deleted

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.terraform.state import State
    from tools.terraform.state_content import StateContent

# The execution role, and with it its policy and the function that runs as it. The log groups, their key and the
# reader roles remain, because customers are promised that their records remain.
EXECUTION_ROLE = "module.customer_workload.aws_iam_role.execution"
FUNCTION = "module.customer_workload.aws_lambda_function.this"


def workload_in(content: StateContent) -> frozenset[str]:
    """Return which of EXECUTION_ROLE and FUNCTION a customer state holds."""
    addresses = content.addresses()
    return frozenset(
        resource
        for resource in (EXECUTION_ROLE, FUNCTION)
        if any(address.startswith(resource) for address in addresses)
    )


def destroy_workload(session: Session, state: State) -> str:
    """Destroy the workload of a customer state and return a line about it."""
    if not (workload := workload_in(session.bucket.state(state.key))):
        return "nothing to remove"
    _wait_for_interfaces(session, state, has_function=FUNCTION in workload)
    counts = session.terraform.destroy(state.limited_to([EXECUTION_ROLE]))
    return f"{counts} Records, their key and their readers remain, in the state too."


def _wait_for_interfaces(session: Session, state: State, *, has_function: bool) -> None:
    """In a VPC, destroy the function alone and wait until Lambda has deleted its network interfaces.

    Lambda deletes them with the rights of the execution role, which is destroyed afterwards.
    """
    environment, tenant = session.environment, state.variables["tenant"]
    account = environment.only_account(tenant, state.variables["account_id"])
    if (network := environment.network_of(account)) is None:
        return
    if has_function:
        session.terraform.destroy(state.limited_to([FUNCTION]))
    ec2 = session.target.client(session.target.deployer(account), "ec2", account.region)
    name = environment.base_name(tenant)
    wait_until_deleted(
        lambda: function_interfaces(ec2, name, network),
        progress,
        sharing=sharing_functions(environment, account),
    )
