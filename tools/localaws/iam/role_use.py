"""The last use of roles, which IAM tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from datetime import datetime

    from tools.localaws.call import Caller


def note_use(caller: Caller, region: str, time: datetime) -> None:
    """Keep when and in which Region a role's session made its last request, at once; IAM takes up to four hours.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
    """
    if caller.session is None:
        return
    role = backend("iam", caller.principal.account).roles.get(caller.session.role_id)
    if role is not None:  # it may be deleted
        role.last_used, role.last_used_region = time, region
