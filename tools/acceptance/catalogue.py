"""All checks, in the order in which they are made: what waits longest comes last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.acceptance.account_checks import settings_checks, trail_checks
from tools.acceptance.call_checks import project_checks, shape_checks
from tools.acceptance.delays import delay_checks
from tools.acceptance.masking_checks import masking_checks
from tools.acceptance.metric_checks import metric_checks
from tools.acceptance.record_checks import record_checks
from tools.acceptance.refusals import refusal_checks

if TYPE_CHECKING:
    from tools.acceptance.observation import Check


def all_checks() -> list[Check]:
    """Return every check once."""
    return [
        *settings_checks(),
        *refusal_checks(),
        *project_checks(),
        *delay_checks(),
        *shape_checks(),
        *record_checks(),
        *masking_checks(),
        *metric_checks(),
        *trail_checks(),
    ]
