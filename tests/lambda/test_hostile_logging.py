"""What an application does to logging or to stdout costs no start mark and no copy of a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools.bench.local_tenant import RECORDS, Function, LocalTenant, deploy
from tools.bench.record_programs import logging_setups
from tools.localaws.faults import FOREVER, Fault
from tools.packaging.variant import HOST_PYTHON

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

HANDLER = b"""
from logging_setups import SETUPS
from tenant_bedrock import connect

connection = connect()

def handler(event, context):
    SETUPS[event["set_up"]]()
    with connection.invocation(context):
        message = connection.chat("claude").invoke(event["prompt"])
    return message.response_metadata["record"]
"""
REFUSING = Fault("logs", "PutLogEvents", code="InvalidParameterException", times=FOREVER)


def test_no_set_up_of_an_application_costs_a_record(soak: Callable[..., Counter[str]]) -> None:
    count = soak("hostile logging", 88, HOST_PYTHON)

    wrong = ("lost", "named gaps", "damaged", "hung", "failed")
    assert {outcome: count[outcome] for outcome in wrong} == dict.fromkeys(wrong, 0)
    assert count["spilled"] > 0  # so stdout was needed


@pytest.fixture(scope="module")
def own_handler(tenant: LocalTenant) -> Function:
    """A function whose handler changes logging before its call."""
    setups = Path(logging_setups.__file__).read_bytes()
    files = {"own_handler.py": HANDLER, "logging_setups.py": setups}
    return deploy(tenant, "own-handler", "own_handler.handler", files)


@pytest.mark.parametrize("set_up", logging_setups.SETUPS)
def test_no_set_up_of_a_handler_costs_a_record_on_lambda(
    tenant: LocalTenant, own_handler: Function, set_up: str
) -> None:
    # A changed timeout starts a new execution environment; an earlier set-up cannot be undone.
    own_handler.configure(timeout=30 + list(logging_setups.SETUPS).index(set_up))
    before = len(tenant.messages(RECORDS))
    tenant.control.fault(REFUSING)

    receipt: dict[str, Any] = own_handler.invoke({"set_up": set_up, "prompt": "grüße aus 東京"})

    tenant.control.clear_faults()
    assert receipt["delivery"] == "spilled"
    assert len(tenant.messages(RECORDS)) == before
    lines = own_handler.log_of(receipt["id"])
    assert [line["message"] for line in lines] == ["record.start", "record.spilled"]
    assert "grüße aus 東京" in str(lines[1]["record"]["input"])
