"""Lambda: invocations run the function's real zip under AWS's runtime interface client.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. Moto stores the functions.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from tools.localaws.aws_lambda.configuration import FunctionConfiguration
from tools.localaws.aws_lambda.environment_pool import EnvironmentPool
from tools.localaws.aws_lambda.function_version import (
    FunctionVersion,
    current_version,
    find_function,
    read_name,
)
from tools.localaws.aws_lambda.kills import FunctionKills, Kill
from tools.localaws.aws_lambda.platform_records import PlatformRecords
from tools.localaws.call import Call, Response, ServiceError
from tools.localaws.cloudwatch.metric_data import put_points
from tools.localaws.http_server import DropConnectionError
from tools.localaws.logs.log_delivery import LogDelivery, LogEvent, LogStream, is_delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.aws_lambda.outcomes import Outcome
    from tools.localaws.aws_lambda.python_runtime import PythonRuntime
    from tools.localaws.context import LocalAwsContext

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_PAYLOAD_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024}
_TAIL_BYTES = 4096  # of the log, for LogType=Tail (API_Invoke)
_RETRIES = 2  # of an Event (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)


class Lambda:
    """The service ``lambda`` of all accounts and Regions.

    It must see all calls first, because a scripted death can occur at any call of a function.
    """

    def __init__(self, context: LocalAwsContext, runtimes: Mapping[str, PythonRuntime]) -> None:
        self._context = context
        self._configuration = FunctionConfiguration()
        self._kills = FunctionKills()
        self._logs = LogDelivery(context.url)
        self._pool = EnvironmentPool(context, runtimes, self._dies_at)
        context.control_routes["lambda_environments"] = self._list_environments
        context.control_routes["lambda_kill"] = self._kill
        context.control_routes["lambda_spare"] = self._spare

    def answer(self, call: Call) -> Response | None:
        """Answer invocations and the operations of FunctionConfiguration; moto answers all others."""
        self._die_at_call(call)
        if call.service != "lambda":
            return None
        if call.operation == "Invoke":
            return self._invoke(call)
        if call.operation == "DeleteFunction":
            name = read_name(call)
            if name.qualifier is None:  # otherwise one version is deleted, and the function remains
                self._pool.end(name.place)
                self._configuration.forget(name)
        return self._configuration.answer(call)

    def close(self) -> None:
        """End all processes."""
        self._pool.close()

    # --- Invocations -----------------------------------------------------------------------------

    def _invoke(self, call: Call) -> Response:
        name = read_name(call)
        moto_function = find_function(name)
        kind = call.parameters.get("InvocationType") or "RequestResponse"
        _check_payload(call.body, kind)
        if kind == "DryRun":
            return Response(204, b"")
        function = current_version(moto_function, self._configuration.logging(name))
        reserved = moto_function.reserved_concurrency
        concurrency = None if reserved is None else int(reserved)
        request_id = str(uuid.uuid4())
        payload = call.body or b"{}"
        if kind == "Event":
            arguments = (function, concurrency, request_id, payload)
            threading.Thread(target=self._run_event, args=arguments, name="lambda-event").start()
            return Response(202, b"", {"x-amzn-RequestId": request_id})
        outcome, events = self._run(function, concurrency, request_id, payload)
        headers = {
            "Content-Type": "application/json",
            "X-Amz-Executed-Version": function.version,
            "x-amzn-RequestId": request_id,
        }
        if outcome.status != "success":
            headers["X-Amz-Function-Error"] = "Unhandled"
        if call.parameters.get("LogType") == "Tail":
            headers["X-Amz-Log-Result"] = _tail(events)
        return Response(200, outcome.body, headers)

    def _run_event(
        self, function: FunctionVersion, concurrency: int | None, request_id: str, payload: bytes
    ) -> None:
        """Retries follow immediately; on AWS the first one follows after a minute, the second after two."""
        for _ in range(1 + _RETRIES):
            try:
                outcome, _ = self._run(function, concurrency, request_id, payload)
            except ServiceError:
                continue
            if outcome.status == "success":
                return

    def _run(
        self, function: FunctionVersion, concurrency: int | None, request_id: str, payload: bytes
    ) -> tuple[Outcome, list[LogEvent]]:
        with self._pool.environment(function, concurrency) as environment:
            records = PlatformRecords(function)
            stream = LogStream(function.region, function.logging["LogGroup"], environment.stream)
            keys = environment.session.credentials
            cold = environment.invocations == 0
            writable = not cold or self._logs.create_stream(stream, keys)
            events = records.init_start() if cold else []
            failure = environment.load(request_id) if cold else None
            events += records.start(request_id)
            started = time.monotonic()
            outcome = failure or environment.invoke(request_id, payload)
            milliseconds = (time.monotonic() - started) * 1000
            events += environment.take_output()
            events += records.end(
                request_id,
                outcome,
                duration=milliseconds,
                memory=environment.peak_memory(),
                init=environment.init_milliseconds if cold else None,
            )
            if writable:
                self._logs.put(stream, keys, events)
            self._count(function, outcome)
        return outcome, events

    def _count(self, function: FunctionVersion, outcome: Outcome) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html."""
        dimensions = [{"Name": "FunctionName", "Value": function.name}]
        points = [
            {"MetricName": name, "Dimensions": dimensions, "Unit": "Count", "Value": value}
            for name, value in (("Errors", int(outcome.status != "success")), ("Invocations", 1))
        ]
        now = self._context.clock.now()
        put_points(function.account, function.region, "AWS/Lambda", points, now)

    # --- Deaths and the control API --------------------------------------------------------------

    def _dies_at(self, function: FunctionVersion, step: str) -> bool:
        return self._kills.take(function.account, function.name, step)

    def _die_at_call(self, call: Call) -> None:
        """Kill the busy environment that (as far as it can be determined) made this call."""
        if is_delivery(call):
            return
        for environment in self._pool.all():
            function = environment.function
            if environment.state != "busy":
                continue
            operation = f"{call.service}:{call.operation}"
            if self._dies_at(function, f"before {operation}"):
                environment.kill()
                raise DropConnectionError
            if self._dies_at(function, f"after {operation}"):
                environment.kill()

    def _list_environments(self, _: Mapping[str, Any]) -> list[dict[str, Any]]:
        """``POST /_control/lambda_environments {}``: all environments, busy ones first."""
        return [
            {
                "account": environment.function.account,
                "function": environment.function.name,
                "invocations": environment.invocations,
                "log_stream": environment.stream,
                "pid": environment.pid,
                "region": environment.function.region,
                "state": environment.state,
            }
            for environment in self._pool.all()
        ]

    def _kill(self, arguments: Mapping[str, Any]) -> dict[str, int]:
        """``POST /_control/lambda_kill {account, function, at?, skip?}``; see kills.py.

        ``at`` is ``now`` or a step. Returns the number of environments that were killed now.
        """
        account, function = arguments["account"], arguments["function"]
        step = arguments.get("at", "now")
        if step != "now":
            self._kills.add(Kill(account, function, step, arguments.get("skip", 0)))
            return {"killed": 0}
        victims = [
            environment
            for environment in self._pool.all()
            if (environment.function.account, environment.function.name) == (account, function)
        ]
        for environment in victims:
            environment.kill()
        return {"killed": len(victims)}

    def _spare(self, _: Mapping[str, Any]) -> dict[str, int]:
        """``POST /_control/lambda_spare {}``: remove the deaths that have not occurred yet."""
        self._kills.clear()
        return {}


def _check_payload(payload: bytes, kind: str) -> None:
    limit = _PAYLOAD_BYTES.get(kind)
    if limit is not None and len(payload) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise ServiceError("RequestTooLargeException", message, 413)
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        message = "Could not parse request body into json."
        raise ServiceError("InvalidRequestContentException", message) from error


def _tail(events: list[LogEvent]) -> str:
    text = "".join(f"{event.message.rstrip()}\n" for event in events).encode()
    return base64.b64encode(text[-_TAIL_BYTES:]).decode()
