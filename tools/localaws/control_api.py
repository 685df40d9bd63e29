"""The server of the control API: ``POST /_control/<name>`` with a JSON object, on the same port as AWS."""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import Kind, parse_policy
from tools.localaws.call import Response
from tools.localaws.faults import Fault
from tools.localaws.moto_state import backend
from tools.localaws.search import search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.core.request import Request

    from tools.localaws.context import ControlRoute, LocalAwsContext

PREFIX = "/_control/"


class ControlApi:
    """Serves its own routes and those that the services have added to the context."""

    def __init__(self, context: LocalAwsContext, token: str) -> None:
        self._context = context
        self._authorization = f"Bearer {token}".encode()
        self._routes: Mapping[str, ControlRoute] = {
            "account": self._account,
            "advance_clock": self._advance_clock,
            "calls": self._calls,
            "clear_faults": self._clear_faults,
            "fault": self._fault,
            "health": self._health,
            "search": self._search,
        }

    def answer(self, request: Request) -> Response:
        """The route's result as JSON, or an error that says what is wrong with the request.

        Every request needs the token, because the functions of the local AWS reach this port too.
        """
        authorization = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(authorization, self._authorization):
            return _json(403, {"error": "The control API needs the token of the control URL."})
        name = request.path.removeprefix(PREFIX)
        route = self._routes.get(name) or self._context.control_routes.get(name)
        if route is None or request.method != "POST":
            return _json(404, {"error": f"There is no control route POST {PREFIX}{name}."})
        try:
            return _json(200, {"result": route(json.loads(request.get_data() or b"{}"))})
        except (KeyError, LookupError, TypeError, ValueError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}"})

    def _health(self, _: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return {"ready": True}

    def _account(self, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        account, name = str(arguments["account"]), str(arguments["user"])
        if len(account) != 12 or not account.isdigit():
            raise ValueError(f"{account} is not an account id of 12 digits.")
        iam = backend("iam", account)
        user = iam.users.get(name) or iam.create_user("global", name)
        user.policies.clear()
        for number, document in enumerate(arguments["policies"], start=1):
            text = json.dumps(document)
            _check_policy(text)
            iam.put_user_policy(name, f"policy-{number}", text)
        active = [key for key in user.access_keys if key.status == "Active"]
        key = active[0] if active else iam.create_access_key(name)
        return {
            "access_key_id": key.access_key_id,
            "secret_access_key": key.secret_access_key,
        }

    def _calls(self, filters: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return [asdict(entry) for entry in self._context.trail.entries(**filters)]

    def _search(self, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return search(str(arguments["needle"]), self._context)

    def _fault(self, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        self._context.faults.add(Fault(**arguments))

    def _clear_faults(self, _: Mapping[str, Any]) -> Any:  # noqa: ANN401
        self._context.faults.clear()

    def _advance_clock(self, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        self._context.clock.advance(float(arguments["seconds"]))


def _check_policy(text: str) -> None:
    try:
        parse_policy(text, "the policy", Kind.IDENTITY)
    except UnsupportedPolicyError as error:
        raise ValueError(str(error)) from error


def _json(status: int, body: Mapping[str, Any]) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
