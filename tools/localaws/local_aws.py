"""The local AWS: each request is identified, authorized, answered, and recorded in the trail."""

from __future__ import annotations

import secrets
import threading
import time
import traceback
from typing import TYPE_CHECKING, Self

from moto.core.base_backend import BackendDict
from moto.utilities.utils import get_partition

from tools.localaws.authorizer import AccessDeniedError, authorize
from tools.localaws.aws_lambda.service import Lambda
from tools.localaws.bedrock.metrics import count_scripted_error
from tools.localaws.bedrock.service import Bedrock
from tools.localaws.call import Call, Caller, Principal, Response, Service, ServiceError
from tools.localaws.clock import Clock
from tools.localaws.cloudtrail.event_history import EventHistory
from tools.localaws.cloudtrail.management_events import EventRecorder
from tools.localaws.cloudwatch.bedrock_data_points import BedrockDataPoints
from tools.localaws.cloudwatch.service import CloudWatch
from tools.localaws.context import LocalAwsContext
from tools.localaws.control import Control
from tools.localaws.control_api import PREFIX, ControlApi
from tools.localaws.events.service import EventBuses
from tools.localaws.faults import Fault, Faults
from tools.localaws.http_server import DropConnectionError, LoopbackServer
from tools.localaws.iam.policy_propagation import PolicyPropagation
from tools.localaws.iam.role_use import note_use
from tools.localaws.iam.service import Iam
from tools.localaws.identity import Identity, Signature, UnidentifiedError, read_signature
from tools.localaws.kms.service import Kms
from tools.localaws.logs.log_delivery import is_delivery
from tools.localaws.logs.service import Logs
from tools.localaws.moto_app import Moto
from tools.localaws.organizations.service import Organizations
from tools.localaws.protocols import Operation, read_operation, write_error
from tools.localaws.required_permissions import RequiredPermissions
from tools.localaws.s3.service import S3
from tools.localaws.scheduler.service import Scheduler
from tools.localaws.service_quotas import ServiceQuotas
from tools.localaws.sts.service import Sts
from tools.localaws.sts.sessions import Sessions
from tools.localaws.trail import Trail, TrailEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from moto.core.request import Request

    from tools.localaws.aws_lambda.python_runtime import PythonRuntime

# Moto's state is global in a process, so only one local AWS at a time may use it.
_PROCESS_LOCK = threading.Lock()


class LocalAws:
    """An AWS with many accounts on a free port of 127.0.0.1; all accounts are empty at its start.

    Use it as a context manager, or call ``start`` and ``stop``. A process can run only one
    (RuntimeError otherwise). ``runtimes`` gives functions of a Runtime, such as ``python3.13``, that Python;
    all others run under this one.
    """

    def __init__(self, runtimes: Mapping[str, PythonRuntime] | None = None) -> None:
        self._runtimes = runtimes or {}
        self._server: LoopbackServer | None = None
        self.url = ""
        self.control_url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def control(self) -> Control:
        """A client of the control API."""
        return Control(self.control_url)

    def start(self) -> None:
        """Empty all accounts and answer requests until ``stop``."""
        if not _PROCESS_LOCK.acquire(blocking=False):
            raise RuntimeError("A local AWS is already running in this process; stop it first.")
        BackendDict.reset()
        self._server = LoopbackServer()
        self.url = f"http://{self._server.address}"
        self._context = _context(self.url)
        self._server.now = self._context.clock.now
        self._services = _services(self._context, self._runtimes)
        token = secrets.token_urlsafe(32)
        self.control_url = f"http://{token}@{self._server.address}"
        pipeline = Pipeline(self._context, self._services, token)
        self._server.start(pipeline.answer)

    def stop(self) -> None:
        """Stop answering and end all processes of the services; no effect when it is not running."""
        if self._server is None:
            return
        self._server.stop()
        self._server = None
        for service in self._services:
            close = getattr(service, "close", None)
            if close is not None:
                close()
        BackendDict.reset()
        _PROCESS_LOCK.release()


def _context(url: str) -> LocalAwsContext:
    clock = Clock()
    return LocalAwsContext(
        url=url,
        clock=clock,
        faults=Faults(),
        trail=Trail(),
        sessions=Sessions(clock),
        inference_profiles={},
        data_points=BedrockDataPoints(clock),
        propagation=PolicyPropagation(clock),
    )


def _services(context: LocalAwsContext, runtimes: Mapping[str, PythonRuntime]) -> Sequence[Service]:
    """The services that answer before moto, in this order: Lambda must see every call of a function."""
    return (
        Lambda(context, runtimes),
        Sts(context),
        S3(),
        Logs(context),
        Bedrock(context),
        Kms(),
        Iam(context),
        ServiceQuotas(),
        EventHistory(context),
        Organizations(context),
        CloudWatch(context),
        EventBuses(context),
        Scheduler(context),
    )


class Pipeline:
    """Handles a request in four steps: identity, authorization, the service's answer, the trail."""

    def __init__(
        self, context: LocalAwsContext, services: Sequence[Service], control_token: str
    ) -> None:
        self._context = context
        self._services = services
        self._identity = Identity(context.sessions, context.clock)
        self._permissions = RequiredPermissions(
            context.inference_profiles, context.enforced_guardrails, context.delegation_policies
        )
        self._moto = Moto()
        self._control = ControlApi(context, control_token)
        self._events = EventRecorder(context)

    def answer(self, request: Request) -> Response:
        """Answer a control request or an AWS call; errors are written in the call's protocol."""
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        entry = TrailEntry()
        try:
            response = self._answer_signed(request, entry)
            entry.status = response.status
        except ServiceError as error:
            _record_error(error, entry)
            response = write_error(error, request, entry.service)
        except DropConnectionError:  # there is no response, so the status stays 0
            raise
        except Exception:  # noqa: BLE001 — a bug must become an error response too
            # A bug of the local AWS: its console shows the traceback, and the call fails.
            traceback.print_exc()
            bug = ServiceError("InternalFailure", f"The local AWS failed at {entry.action}.")
            _record_error(bug, entry)
            entry.refused_by = "a bug of the local AWS"
            response = write_error(bug, request, entry.service)
        finally:
            entry.time = self._context.clock.now().isoformat(timespec="milliseconds")
            entry.allowed = entry.refused_by is None
            self._context.trail.add(entry)
        return response

    def _answer_signed(self, request: Request, entry: TrailEntry) -> Response:
        signature = read_signature(request)
        entry.service, entry.region = signature.service, signature.region
        operation = read_operation(request, signature.service)
        entry.service, entry.action = operation.service, f"{operation.service}:{operation.name}"
        caller = self._identity.identify(request, signature)
        _record_principal(caller.principal, entry)
        call = _call(request, signature, caller, operation)
        note_use(caller, call.region, self._context.clock.now())
        try:
            return self._answer_call(request, call, entry)
        except ServiceError as error:
            self._events.record(call, error)
            raise

    def _answer_call(self, request: Request, call: Call, entry: TrailEntry) -> Response:
        permissions = self._permissions.for_call(call)
        owner = call.account
        if permissions:
            entry.action, entry.resource = permissions[0].action, permissions[0].resource
            owner = permissions[0].owner
        entry.reason = authorize(call, permissions, self._context)
        fault = None if is_delivery(call) else self._context.faults.take(call)
        try:
            _apply(fault)
        except ServiceError as error:
            count_scripted_error(self._context.data_points, call, error.status)
            raise
        response = self._serve(request, call, owner)
        self._events.record(call)
        if fault is not None and fault.drop == "after":
            raise DropConnectionError
        return response

    def _serve(self, request: Request, call: Call, owner: str) -> Response:
        for service in self._services:
            response = service.answer(call)
            if response is not None:
                return response
        try:
            return self._moto.answer(request, owner)
        # moto raises it for an operation that it does not implement.
        except NotImplementedError as error:
            message = f"The local AWS does not support {call.service}:{call.operation}."
            raise ServiceError("NotImplementedException", message) from error


def _record_principal(principal: Principal | None, entry: TrailEntry) -> None:
    if principal is not None:
        entry.account, entry.principal_arn = principal.account, principal.arn


def _record_error(error: ServiceError, entry: TrailEntry) -> None:
    entry.error_code, entry.status = error.code, error.status
    if isinstance(error, AccessDeniedError):
        entry.action, entry.resource = error.action, error.resource
        entry.refused_by, entry.reason = error.refused_by, error.reason
    elif isinstance(error, UnidentifiedError):
        _record_principal(error.principal, entry)
        entry.refused_by, entry.reason = "identity", error.message
    elif error.code.startswith("AccessDenied"):
        entry.refused_by, entry.reason = entry.service, error.message


def _call(request: Request, signature: Signature, caller: Caller, operation: Operation) -> Call:
    return Call(
        service=operation.service,
        operation=operation.name,
        region=signature.region,
        partition=get_partition(signature.region),
        caller=caller,
        parameters=operation.parameters,
        headers=dict(request.headers.items(lower=True)),
        body=request.get_data(),
    )


def _apply(fault: Fault | None) -> None:
    """Apply the part of a fault that comes before the call is served."""
    if fault is None:
        return
    time.sleep(fault.delay_seconds)
    if fault.code is not None:
        raise ServiceError(fault.code, fault.message, fault.status)
    if fault.drop == "before":
        raise DropConnectionError
