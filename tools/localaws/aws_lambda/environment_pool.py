"""All execution environments: made when needed, used again while they fit, ended with the cloud."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tools.localaws.aws_lambda.code_store import CodeStore
from tools.localaws.aws_lambda.execution_environment import ExecutionEnvironment, Place
from tools.localaws.aws_lambda.execution_role import trusts_lambda
from tools.localaws.aws_lambda.orphan_guard import OrphanGuard
from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from tools.localaws.aws_lambda.code_store import UnpackedCode
    from tools.localaws.aws_lambda.function_version import FunctionVersion
    from tools.localaws.context import LocalAwsContext

# How long an environment's keys work; it is replaced before they expire. AWS names no number: this
# one is longer than the hour of a chained role session, so that a warm function can outlive one.
_SESSION_SECONDS = 12 * 3600

OnStep = Callable[["FunctionVersion", str], bool]


@dataclass(frozen=True)
class _Workshop:
    """What environments are made with; everything they leave is in ``folder``."""

    folder: Path
    code: CodeStore
    guard: OrphanGuard


class EnvironmentPool:
    """One process for each concurrent invocation of a function."""

    def __init__(self, context: LocalAwsContext, on_step: OnStep) -> None:
        self._context = context
        self._on_step = on_step
        self._workshop: _Workshop | None = None  # made for the first environment
        self._idle: list[ExecutionEnvironment] = []
        self._busy: list[ExecutionEnvironment] = []
        self._lock = threading.Condition()
        self._closed = False

    def all(self) -> list[ExecutionEnvironment]:
        """Every environment there is, busy ones first."""
        with self._lock:
            return [*self._busy, *self._idle]

    @contextlib.contextmanager
    def environment(
        self, function: FunctionVersion, concurrency: int | None
    ) -> Iterator[ExecutionEnvironment]:
        """An environment for one invocation, frozen or ended afterwards.

        ``concurrency`` is the function's reserved concurrency. Raises ServiceError
        TooManyRequestsException (429) when all of it is in use, and AccessDeniedException when
        Lambda cannot assume the function's role.
        """
        workshop = self._open_workshop()
        code = workshop.code.unpack(function.code, function.digest)
        environment = self._take(
            function, concurrency, lambda: self._start(function, workshop, code)
        )
        try:
            yield environment
        finally:
            self._give_back(environment)

    def end(self, account: str, region: str, name: str) -> None:
        """End every environment of a function, busy ones too."""
        self._end(_of_function(self.all(), account, region, name))

    def close(self) -> None:
        """End every environment and remove what they left."""
        with self._lock:
            self._closed = True
        self._end(self.all())
        with self._lock:
            self._lock.wait_for(lambda: not self._busy)
        if self._workshop is not None:
            self._workshop.guard.close()  # it removes the folder as its last act

    def _open_workshop(self) -> _Workshop:
        with self._lock:
            if self._closed:
                raise ServiceError("ServiceException", "The local AWS is stopping.", 500)
            if self._workshop is None:
                folder = Path(tempfile.mkdtemp(prefix="local-cloud-lambda-"))
                self._workshop = _Workshop(folder, CodeStore(folder), OrphanGuard(str(folder)))
            return self._workshop

    def _take(
        self,
        function: FunctionVersion,
        concurrency: int | None,
        start: Callable[[], ExecutionEnvironment],
    ) -> ExecutionEnvironment:
        with self._lock:
            if self._closed:
                raise ServiceError("ServiceException", "The local AWS is stopping.", 500)
            mine = _of_function(self._busy, function.account, function.region, function.name)
            if concurrency is not None and len(mine) >= concurrency:
                raise ServiceError("TooManyRequestsException", "Rate Exceeded.", 429)
            idle = _of_function(self._idle, function.account, function.region, function.name)
            stale = [environment for environment in idle if not self._fits(environment, function)]
            fit = [environment for environment in idle if environment not in stale]
            self._idle = [one for one in self._idle if one not in (*stale, *fit[-1:])]
            environment = fit[-1] if fit else start()
            self._busy.append(environment)
        for one in stale:
            one.close()
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
        outlives = self._context.clock.now() + timedelta(seconds=function.timeout)
        valid = environment.session.expiration > outlives
        return valid and environment.state == "frozen" and environment.function == function

    def _start(
        self, function: FunctionVersion, workshop: _Workshop, code: UnpackedCode
    ) -> ExecutionEnvironment:
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
            code=code,
            endpoint_url=self._context.url,
            runtime=workshop.code.runtime,
            scratch=workshop.folder / "scratch" / identifier,
        )
        return ExecutionEnvironment(
            function,
            session=session,
            stream=f"{today}[{function.version}]{identifier}",
            place=place,
            guard=workshop.guard,
            on_step=lambda step: self._on_step(function, step),
        )

    def _end(self, environments: list[ExecutionEnvironment]) -> None:
        with self._lock:
            for environment in environments:
                environment.kill()  # a busy one is closed by who uses it, when it has seen the end
            idle = [one for one in self._idle if one in environments]
            self._idle = [one for one in self._idle if one not in environments]
        for environment in idle:
            environment.close()


def _of_function(
    environments: list[ExecutionEnvironment], account: str, region: str, name: str
) -> list[ExecutionEnvironment]:
    place = (account, region, name)
    return [
        one
        for one in environments
        if (one.function.account, one.function.region, one.function.name) == place
    ]
