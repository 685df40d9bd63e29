"""Lambda: invocations that run the function's real zip under AWS's runtime interface client.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. Functions are kept by moto.
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
from tools.localaws.aws_lambda.platform_records import PlatformRecords, Report
from tools.localaws.call import Call, Response, ServiceError
from tools.localaws.http_server import DropConnectionError
from tools.localaws.logs.log_delivery import DELIVERY_HEADER, LogDelivery, LogEvent, LogStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.aws_lambda.execution_environment import ExecutionEnvironment
    from tools.localaws.aws_lambda.outcomes import Outcome
    from tools.localaws.context import LocalAwsContext

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_PAYLOAD_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024}
_TAIL_BYTES = 4096  # of the log, with LogType=Tail (API_Invoke)
_RETRIES = 2  # of an Event (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)


class Lambda:
    """The service ``lambda`` of every account and Region.

    It must see every call first: a scripted death can happen at any call a function makes.
    """

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._configuration = FunctionConfiguration(context)
        self._kills = FunctionKills()
        self._logs = LogDelivery(context.url)
        self._pool = EnvironmentPool(context, self._dies_at)
        context.control_routes["lambda_environments"] = self._list_environments
        context.control_routes["lambda_kill"] = self._kill
        context.control_routes["lambda_spare"] = self._spare

    def answer(self, call: Call) -> Response | None:
        """Answer invocations and what moto forgets of functions; pass on everything else."""
        self._die_at_call(call)
        if call.service != "lambda":
            return None
        if call.operation == "Invoke":
            return self._invoke(call)
        if call.operation == "DeleteFunction":
            name = read_name(call)
            self._pool.end(*name.place)
            self._configuration.forget(name)
        return self._configuration.answer(call)

    def close(self) -> None:
        """End every process."""
        self._pool.close()

    # --- Invocations -----------------------------------------------------------------------------

    def _invoke(self, call: Call) -> Response:
        name = read_name(call)
        moto_function = find_function(self._context, name)
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
        """Retries follow at once; on AWS the first comes after a minute, the second after two."""
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
            stream = LogStream(function.region, function.logging.group, environment.stream)
            keys = environment.session.credentials
            cold = environment.invocations == 0
            writable = not cold or self._logs.create_stream(stream, keys)
            events = records.init_start() if cold else []
            failure = environment.load(request_id) if cold else None
            events += records.start(request_id)
            started = time.monotonic()
            outcome = failure or environment.invoke(request_id, payload)
            milliseconds = (time.monotonic() - started) * 1000
            report = _report(environment, outcome, milliseconds, cold=cold)
            events += [*environment.take_output(), *records.end(request_id, report)]
            if writable:
                self._logs.put(stream, keys, events)
        return outcome, events

    # --- Deaths and the control API --------------------------------------------------------------

    def _dies_at(self, function: FunctionVersion, step: str) -> bool:
        return self._kills.take(function.account, function.name, step)

    def _die_at_call(self, call: Call) -> None:
        """Kill the busy environment that (as far as can be told) made this call."""
        if any(name.lower() == DELIVERY_HEADER.lower() for name in call.headers):
            return
        for environment in self._pool.all():
            function = environment.function
            if environment.state != "busy":
                continue
            what = f"{call.service}:{call.operation}"
            if self._dies_at(function, f"before {what}"):
                environment.kill()
                raise DropConnectionError
            if self._dies_at(function, f"after {what}"):
                environment.kill()

    def _list_environments(self, _: Mapping[str, Any]) -> list[dict[str, Any]]:
        """``POST /_cloud/lambda_environments {}``: all environments, oldest first."""
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

    def _kill(self, wanted: Mapping[str, Any]) -> dict[str, int]:
        """``POST /_cloud/lambda_kill {account, function, at?, skip?}``; see function_kills.

        ``at`` is ``now`` or a step. Answers how many environments were killed now.
        """
        account, function = wanted["account"], wanted["function"]
        step = wanted.get("at", "now")
        if step != "now":
            self._kills.add(Kill(account, function, step, wanted.get("skip", 0)))
            return {"killed": 0}
        doomed = [
            environment
            for environment in self._pool.all()
            if (environment.function.account, environment.function.name) == (account, function)
        ]
        for environment in doomed:
            environment.kill()
        return {"killed": len(doomed)}

    def _spare(self, _: Mapping[str, Any]) -> dict[str, int]:
        """``POST /_cloud/lambda_spare {}``: forget the deaths that have not happened yet."""
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


def _report(
    environment: ExecutionEnvironment, outcome: Outcome, milliseconds: float, *, cold: bool
) -> Report:
    return Report(
        status=outcome.status,
        duration=milliseconds,
        memory=environment.peak_memory(),
        init=environment.init_milliseconds if cold else None,
        error_type=outcome.error_type,
        error=outcome.error,
    )


def _tail(events: list[LogEvent]) -> str:
    text = "".join(f"{event.message.rstrip()}\n" for event in events).encode()
    return base64.b64encode(text[-_TAIL_BYTES:]).decode()
