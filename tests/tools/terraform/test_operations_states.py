"""Which resources a command for one tenant plans in the operations account."""

from dataclasses import replace

from tools.environment.model import load_environment
from tools.terraform.state import SCHEDULES, operations_states, role_module, tenant_of_address

LOCAL = load_environment("local")


def with_guard(guard):
    operations = {**LOCAL.variables["operations"], "guard": guard}
    return replace(LOCAL, shards=2, variables={**LOCAL.variables, "operations": operations})


GUARDED, UNGUARDED = with_guard({}), with_guard(None)


def test_without_a_guard_a_tenant_is_its_role():
    assert not UNGUARDED.has_guard
    (state,) = operations_states(UNGUARDED, "acme")
    assert state.targets == (role_module("acme"),)


def test_with_a_guard_a_tenants_limits_are_planned_with_its_role():
    assert GUARDED.has_guard
    (state,) = operations_states(GUARDED, "acme")
    assert state.targets == (role_module("acme"), *SCHEDULES)
    assert state.tenant == "acme"


def test_all_shards_are_planned_whole():
    assert [state.targets for state in operations_states(GUARDED)] == [(), ()]


def test_the_schedule_is_no_tenants():
    assert [tenant_of_address(f"{schedule}[0]") for schedule in SCHEDULES] == [None, None]
