"""The process environment in which terraform runs in a state."""

from types import SimpleNamespace

import pytest

from tools.environment.model import load_environment
from tools.terraform.runner import Terraform
from tools.terraform.state import customer_state, operations_states

LOCAL = load_environment("local")
OPERATIONS_STATE = operations_states(LOCAL)[0]
CUSTOMER_STATE = customer_state(LOCAL.accounts[0])


@pytest.fixture
def variables(tmp_path):
    """Return terraform's variables in a state, beside those of the shell."""

    def of(state, **shell):
        bucket = SimpleNamespace(unique_name="bucket")
        terraform = Terraform(LOCAL, tmp_path, lambda: shell, print, bucket)
        return terraform._environment(state)

    return of


def test_the_memory_of_a_customers_plan_is_limited_and_not_that_of_hundreds_of_roles(variables):
    assert variables(CUSTOMER_STATE)["GOMEMLIMIT"] == "150MiB"
    assert "GOMEMLIMIT" not in variables(OPERATIONS_STATE)


def test_a_limit_of_the_shell_stays(variables):
    assert variables(CUSTOMER_STATE, GOMEMLIMIT="1GiB")["GOMEMLIMIT"] == "1GiB"


def test_each_state_has_a_data_directory_of_its_own(variables):
    folders = {
        variables(state, TF_DATA_DIR="mine")["TF_DATA_DIR"]
        for state in (OPERATIONS_STATE, CUSTOMER_STATE)
    }
    assert len(folders) == 2
    assert "mine" not in folders
