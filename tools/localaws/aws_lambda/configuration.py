"""Lambda's control plane where moto forgets: LoggingConfig, SnapStart, and some members on update.

Without them in the answers, Terraform would plan a change after every apply. Everything
else about functions stays moto's.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError

from tools.localaws.aws_lambda.execution_role import trusts_lambda
from tools.localaws.aws_lambda.function_version import (
    FunctionName,
    LoggingConfig,
    find_function,
    logging_config,
    read_name,
)
from tools.localaws.call import Response, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext


class FunctionConfiguration:
    """Answers the operations that create, show and change one function."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._logging: dict[tuple[str, str, str], LoggingConfig] = {}
        self._snapshots: set[tuple[str, str, str]] = set()
        self._lock = threading.Lock()
        self._operations: Mapping[str, Callable[[Call], tuple[int, Mapping[str, Any]]]] = {
            "CreateFunction": self._create,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_configuration,
            "UpdateFunctionCode": self._update_code,
            "UpdateFunctionConfiguration": self._update_configuration,
        }

    def answer(self, call: Call) -> Response | None:
        """Answer one of the operations above; None for any other."""
        operation = self._operations.get(call.operation)
        if operation is None:
            return None
        try:
            status, members = operation(call)
        except JsonRESTError as error:
            raise ServiceError(error.error_type, error.message, error.code) from error
        headers = {"Content-Type": "application/json"}
        return Response(status, json.dumps(members, default=str).encode(), headers)

    def logging(self, name: FunctionName) -> LoggingConfig:
        """The function's logging configuration."""
        with self._lock:
            known = self._logging.get(name.place)
        return known or logging_config(name.name, None)

    def forget(self, name: FunctionName) -> None:
        """The function was deleted."""
        with self._lock:
            self._logging.pop(name.place, None)
            self._snapshots.discard(name.place)

    def _create(self, call: Call) -> tuple[int, Mapping[str, Any]]:
        spec = json.loads(call.body)
        name = FunctionName(call.account, call.region, spec["FunctionName"], None)
        backend = self._context.backend("lambda", call.account, call.region)
        if any(one.function_name == name.name for one in backend.list_functions()):
            message = f"Function already exist: {name.name}"
            raise ServiceError("ResourceConflictException", message, 409)
        if not trusts_lambda(spec["Role"]):
            message = "The role defined for the function cannot be assumed by Lambda."
            raise ServiceError("InvalidParameterValueException", message)
        function = backend.create_function(spec)
        self._remember(name, spec.get("LoggingConfig"))
        self._remember_snapshots(name, spec.get("SnapStart") or {})
        return 201, self._shown(name, function.get_configuration(on_create=True))

    def _get(self, call: Call) -> tuple[int, Mapping[str, Any]]:
        name = read_name(call)
        function = find_function(self._context, name)
        members = dict(function.get_code())
        members["Configuration"] = self._shown(name, members["Configuration"])
        if function.reserved_concurrency is not None:  # moto leaves out a reservation of 0
            reserved = {"ReservedConcurrentExecutions": function.reserved_concurrency}
            members["Concurrency"] = reserved
        return 200, members

    def _get_configuration(self, call: Call) -> tuple[int, Mapping[str, Any]]:
        name = read_name(call)
        function = find_function(self._context, name)
        return 200, self._shown(name, function.get_configuration())

    def _update_code(self, call: Call) -> tuple[int, Mapping[str, Any]]:
        name, body = read_name(call), json.loads(call.body)
        function = find_function(self._context, name)
        if body.get("Architectures") and not body.get("DryRun"):
            function.architectures = body["Architectures"]
        backend = self._context.backend("lambda", name.account, name.region)
        updated = backend.update_function_code(name.name, name.qualifier, body)
        return 200, self._shown(name, updated)

    def _update_configuration(self, call: Call) -> tuple[int, Mapping[str, Any]]:
        name, body = read_name(call), json.loads(call.body)
        function = find_function(self._context, name)
        if "LoggingConfig" in body:
            self._remember(name, body["LoggingConfig"])
        if "SnapStart" in body:
            self._remember_snapshots(name, body["SnapStart"])
        if "TracingConfig" in body:
            function.tracing_config = body["TracingConfig"]
        if "EphemeralStorage" in body:
            function.ephemeral_storage = body["EphemeralStorage"]["Size"]
        return 200, self._shown(name, function.update_configuration(body))

    def _remember(self, name: FunctionName, given: Mapping[str, str] | None) -> None:
        with self._lock:
            self._logging[name.place] = logging_config(name.name, given)

    def _remember_snapshots(self, name: FunctionName, given: Mapping[str, str]) -> None:
        """That they were asked for; none is taken here, and every version starts from nothing."""
        with self._lock:
            if given.get("ApplyOn") == "PublishedVersions":
                self._snapshots.add(name.place)
            else:
                self._snapshots.discard(name.place)

    def _shown(self, name: FunctionName, configuration: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            asked = name.place in self._snapshots
        snap_start = {
            "ApplyOn": "PublishedVersions" if asked else "None",
            "OptimizationStatus": "On" if asked and name.qualifier else "Off",
        }
        return {
            **configuration,
            "LoggingConfig": self.logging(name).members(),
            "SnapStart": snap_start,
        }
