"""Functions that share network interfaces are named, since those interfaces do not go before they do."""

from dataclasses import replace

import pytest

from tools.command_error import CommandError
from tools.environment.model import CustomerAccount, load_environment
from tools.live.network_interfaces import sharing_functions, wait_until_deleted

ACCOUNT = "222222222222"


def environment_with(**networks):
    """Tenants in one account, each with a network of (subnets, groups)."""
    stanzas = {
        tenant: {
            "accounts": {
                ACCOUNT: {
                    "vpc": {"subnet_ids": subnets.split(), "security_group_ids": groups.split()}
                }
            }
        }
        for tenant, (subnets, groups) in networks.items()
    }
    return replace(
        load_environment("local"),
        stanzas=stanzas,
        accounts=tuple(CustomerAccount(tenant, ACCOUNT, "eu-central-1") for tenant in networks),
    )


@pytest.mark.parametrize(
    ("other", "functions"),
    [
        (("subnet-1 subnet-3", "sg-1"), ["bedrock-local-globex"]),
        (("subnet-3", "sg-1"), []),
        (("subnet-1", "sg-2"), []),
        (("subnet-1", "sg-1 sg-2"), []),
    ],
)
def test_functions_with_a_common_subnet_and_the_same_groups_share_interfaces(other, functions):
    environment = environment_with(acme=("subnet-1 subnet-2", "sg-1"), globex=other)
    assert sharing_functions(environment, environment.accounts[0]) == functions


@pytest.mark.parametrize(
    ("sharing", "sentence"),
    [
        (["bedrock-local-globex"], "bedrock-local-globex may use them too"),
        ([], "Another function with the same subnets and security groups may use them"),
    ],
)
def test_the_refusal_says_who_else_may_use_the_interfaces(sharing, sentence):
    with pytest.raises(CommandError, match=sentence):
        wait_until_deleted(lambda: ["eni-1"], lambda _: None, lambda _: None, sharing)
