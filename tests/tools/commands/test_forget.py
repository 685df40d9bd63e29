"""What `make forget` refuses, and what it leaves to the customer's administrators."""

from dataclasses import replace

import pytest

from tools.command_error import CommandError
from tools.commands.forget import left_in, refuse_active_tenant
from tools.environment.model import load_environment
from tools.tenants.workload import EXECUTION_ROLE, FUNCTION

LOCAL = load_environment("local")
ACCOUNT = next(account for account in LOCAL.accounts if account.tenant == "acme")
EVERYTHING = frozenset({EXECUTION_ROLE, FUNCTION})
ROLE_OF_A_VPC = frozenset({EXECUTION_ROLE})
OFFBOARDED = replace(
    LOCAL, stanzas={**LOCAL.stanzas, "acme": {**LOCAL.stanzas["acme"], "state": "offboarding"}}
)


@pytest.mark.parametrize("workload", [ROLE_OF_A_VPC, frozenset()])
def test_an_offboarded_tenant_may_be_forgotten_although_a_vpc_keeps_its_role(workload):
    refuse_active_tenant(OFFBOARDED, "acme", {ACCOUNT: workload})


@pytest.mark.parametrize(
    ("environment", "workload"), [(LOCAL, frozenset()), (OFFBOARDED, EVERYTHING)]
)
def test_a_tenant_that_is_active_or_has_a_function_is_not_forgotten(environment, workload):
    with pytest.raises(CommandError, match="run `make offboard ENV=local TENANT=acme` first"):
        refuse_active_tenant(environment, "acme", {ACCOUNT: workload})


def test_the_customer_deletes_the_role_that_a_vpc_keeps():
    role, function = "role bedrock-local-acme-execution", "function bedrock-local-acme"
    assert {role, function} <= {*left_in(LOCAL, ACCOUNT, EVERYTHING)}
    lines = left_in(OFFBOARDED, ACCOUNT, ROLE_OF_A_VPC)
    assert role in lines
    assert function not in lines
    assert role not in left_in(OFFBOARDED, ACCOUNT, frozenset())
