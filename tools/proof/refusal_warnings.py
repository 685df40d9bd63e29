"""Says beside a plan that `make apply` will refuse it, with the reasons, before anybody waits for the apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.console import warn
from tools.proof.loss_check import refused_plans
from tools.proof.unbroken_calls import lost_calls_of
from tools.terraform.state import OPERATIONS

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.proof.saved_plan import SavedPlan


def warn_of_refusals(session: Session, plan: SavedPlan) -> None:
    """Print each reason for which an apply would refuse this plan, except that it is not proved.

    A confirmation lets some of them pass; each sentence says which one.
    """
    begin = f"{plan.state.label}: `make apply` will refuse this plan."
    for sentence in refused_plans(session, [plan], frozenset()).values():
        warn(f"{begin} {sentence}")
    if plan.state.root == OPERATIONS:
        for tenant, problem in lost_calls_of(session, plan.content):
            warn(f'{begin} Tenant "{tenant}": {problem}.')
