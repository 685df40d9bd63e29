"""A client of the control API: create users, read the trail, search all stored data, script faults.

It needs only the control URL, so it works from another process too. The URL contains a token, which the
functions of the local AWS are not told, because a function's code must not be able to use the control API.
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
    """The local AWS refused a control request; the message says why."""


class Control:
    """``control_url`` is ``LocalAws.control_url``, such as ``http://TOKEN@127.0.0.1:4566``."""

    def __init__(self, control_url: str) -> None:
        parts = urlsplit(control_url)
        self._token = parts.username or ""
        self._address = f"{parts.hostname}:{parts.port}"

    @property
    def endpoint(self) -> str:
        """The URL at which the same local AWS answers AWS's API."""
        return f"http://{self._address}"

    def health(self) -> bool:
        """Whether the local AWS answers; OSError when nothing listens at its address."""
        return bool(self.post("health", {})["ready"])

    def account(
        self,
        account_id: str,
        user: str = "deployer",
        policies: Sequence[Mapping[str, Any]] = (ALLOW_ALL,),
    ) -> Credentials:
        """Create an IAM user with these inline policies if there is none, and return the user's key.

        For an existing user it replaces the inline policies and returns the same key.
        """
        body = {"account": account_id, "user": user, "policies": [dict(p) for p in policies]}
        return Credentials(**self.post("account", body))

    def calls(self, **filters: object) -> list[TrailEntry]:
        """The calls so far whose TrailEntry fields have these values, oldest first."""
        return [TrailEntry(**entry) for entry in self.post("calls", filters)]

    def search(self, needle: str) -> dict[str, list[str]]:
        """All places where ``needle`` is stored: account id => locations."""
        locations: dict[str, list[str]] = self.post("search", {"needle": needle})
        return locations

    def fault(self, fault: Fault) -> None:
        """Script a fault."""
        self.post("fault", asdict(fault))

    def clear_faults(self) -> None:
        """Remove all scripted faults."""
        self.post("clear_faults", {})

    def advance_clock(self, seconds: float) -> None:
        """Move the clock of the local AWS forward, so that keys expire, or back by a negative number."""
        self.post("advance_clock", {"seconds": seconds})

    def post(self, name: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Call a control route by name; ControlError when the local AWS refuses it."""
        connection = http.client.HTTPConnection(self._address, timeout=120)
        try:
            headers = {
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            }
            connection.request("POST", f"/_control/{name}", json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ControlError(answer["error"])
        return answer["result"]
