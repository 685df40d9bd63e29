"""All execution environments: started on demand, reused while they are valid, ended with the local AWS."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tools.localaws.aws_lambda.authorization import trusts_lambda
from tools.localaws.aws_lambda.code_store import CodeStore
from tools.localaws.aws_lambda.execution_environment import ExecutionEnvironment, Place
from tools.localaws.aws_lambda.orphan_guard import OrphanGuard
from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from tools.localaws.aws_lambda.function_version import FunctionVersion
    from tools.localaws.aws_lambda.python_runtime import PythonRuntime
    from tools.localaws.context import LocalAwsContext

# The lifetime of an environment's keys; the environment is replaced before they expire. AWS does
# not publish it: this one exceeds the hour of a chained role session, so that a warm function can
# outlive such a session.
_SESSION_SECONDS = 12 * 3600

OnStep = Callable[["FunctionVersion", str], bool]


class EnvironmentPool:
    """One process for each concurrent invocation of a function."""

    def __init__(
        self, context: LocalAwsContext, runtimes: Mapping[str, PythonRuntime], on_step: OnStep
    ) -> None:
        self._context = context
        self._runtimes = runtimes
        self._on_step = on_step
        self._folder = Path(tempfile.mkdtemp(prefix="local-aws-lambda-"))
        self._code = CodeStore(self._folder)
        self._guard = OrphanGuard(str(self._folder))
        self._idle: list[ExecutionEnvironment] = []
        self._busy: list[ExecutionEnvironment] = []
        self._lock = threading.Condition()
        self._closed = False

    def all(self) -> list[ExecutionEnvironment]:
        """All environments, busy ones first."""
        with self._lock:
            return [*self._busy, *self._idle]

    @contextlib.contextmanager
    def environment(
        self, function: FunctionVersion, concurrency: int | None
    ) -> Iterator[ExecutionEnvironment]:
        """Provide an environment for one invocation; afterwards it is frozen or ended.

        ``concurrency`` is the function's reserved concurrency. Raises ServiceError
        TooManyRequestsException (429) when all of it is in use, and AccessDeniedException when
        Lambda cannot assume the function's role.
        """
        environment = self._take(function, concurrency)
        try:
            yield environment
        finally:
            self._give_back(environment)

    def end(self, place: tuple[str, str, str]) -> None:
        """End all environments of a function, including busy ones."""
        self._end(_select(self.all(), place))

    def close(self) -> None:
        """End all environments and remove their files."""
        with self._lock:
            self._closed = True
        self._end(self.all())
        with self._lock:
            self._lock.wait_for(lambda: not self._busy)
        self._guard.close()  # which removes the folder

    def _take(self, function: FunctionVersion, concurrency: int | None) -> ExecutionEnvironment:
        with self._lock:
            if self._closed:
                raise ServiceError("ServiceException", "The local AWS is stopping.", 500)
            busy = _select(self._busy, function.place)
            if concurrency is not None and len(busy) >= concurrency:
                raise ServiceError("TooManyRequestsException", "Rate Exceeded.", 429)
            idle = _select(self._idle, function.place)
            stale = [environment for environment in idle if not self._fits(environment, function)]
            fitting = [environment for environment in idle if environment not in stale]
            environment = fitting[-1] if fitting else self._start(function)
            self._remove_idle([*stale, environment])
            self._busy.append(environment)
        for outdated in stale:
            outdated.close()
        return environment

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        with self._lock:
            if environment.state == "frozen" and not self._closed:
                self._busy.remove(environment)
                self._idle.append(environment)
                return
        environment.close()
        with self._lock:
            self._busy.remove(environment)
            self._lock.notify_all()

    def _fits(self, environment: ExecutionEnvironment, function: FunctionVersion) -> bool:
        latest_end = self._context.clock.now() + timedelta(seconds=function.timeout)
        valid = environment.session.expiration > latest_end
        return valid and environment.state == "frozen" and environment.function == function

    def _start(self, function: FunctionVersion) -> ExecutionEnvironment:
        if not trusts_lambda(function.role):
            message = "The role defined for the function cannot be assumed by Lambda."
            raise ServiceError("AccessDeniedException", message, 403)
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        session = self._context.start_role_session(
            function.role,
            function.name,
            _SESSION_SECONDS,
            {"lambda:SourceFunctionArn": function.arn},
        )
        identifier = uuid.uuid4().hex
        today = self._context.clock.now().strftime("%Y/%m/%d")
        place = Place(
            code=self._code.unpack(function.code, function.digest),
            endpoint_url=self._context.url,
            runtime=self._runtimes.get(function.runtime) or self._code.host_runtime(),
            scratch=self._folder / "scratch" / identifier,
        )
        return ExecutionEnvironment(
            function,
            session=session,
            stream=f"{today}[{function.version}]{identifier}",
            place=place,
            guard=self._guard,
            on_step=lambda step: self._on_step(function, step),
        )

    def _end(self, environments: list[ExecutionEnvironment]) -> None:
        with self._lock:
            for environment in environments:
                environment.kill()  # the user of a busy environment closes it
            idle = [environment for environment in self._idle if environment in environments]
            self._remove_idle(environments)
        for environment in idle:
            environment.close()

    def _remove_idle(self, environments: list[ExecutionEnvironment]) -> None:
        self._idle = [environment for environment in self._idle if environment not in environments]


def _select(
    environments: list[ExecutionEnvironment], place: tuple[str, str, str]
) -> list[ExecutionEnvironment]:
    return [environment for environment in environments if environment.function.place == place]
