"""A client of the local AWS's control API: make an identity, read the trail, search, break things.

No AWS client ever calls it. It needs only the cloud's URL, so it works from another process too.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tools.localaws.sts.sessions import Credentials
from tools.localaws.trail import TrailEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.localaws.faults import Fault

ALLOW_ALL: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "AllowAll", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class ControlError(Exception):
    """The cloud did not do what it was told; the message says why."""


class Control:
    """``url`` is the cloud's own, such as ``http://127.0.0.1:4566``."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc

    def health(self) -> bool:
        """Whether the cloud answers; OSError when nothing listens there."""
        return bool(self.post("health", {})["ready"])

    def account(
        self,
        account_id: str,
        user: str = "deployer",
        policies: Sequence[Mapping[str, Any]] = (ALLOW_ALL,),
    ) -> Credentials:
        """A key of an IAM user who has these inline policies, and is made if not there yet.

        Called again, it replaces the user's inline policies and returns the same key.
        """
        body = {"account": account_id, "user": user, "policies": [dict(p) for p in policies]}
        return Credentials(**self.post("account", body))

    def calls(self, **filters: object) -> list[TrailEntry]:
        """The calls so far whose TrailEntry fields have these values, oldest first."""
        return [TrailEntry(**entry) for entry in self.post("calls", filters)]

    def search(self, needle: str) -> dict[str, list[str]]:
        """Everything at rest that holds ``needle``: account id => locations."""
        found: dict[str, list[str]] = self.post("search", {"needle": needle})
        return found

    def fault(self, fault: Fault) -> None:
        """Script a fault."""
        self.post("fault", asdict(fault))

    def clear_faults(self) -> None:
        """Forget all scripted faults."""
        self.post("clear_faults", {})

    def advance_clock(self, seconds: float) -> None:
        """Move the cloud's clock ahead, so that keys expire, or back by a negative number."""
        self.post("advance_clock", {"seconds": seconds})

    def post(self, name: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Call a control route by name; ControlError when the cloud refuses."""
        connection = http.client.HTTPConnection(self._address, timeout=120)
        try:
            connection.request(
                "POST", f"/_cloud/{name}", json.dumps(body), {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ControlError(answer["error"])
        return answer["result"]
