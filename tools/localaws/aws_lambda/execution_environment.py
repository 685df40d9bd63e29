"""A Lambda execution environment: a process that runs the function's zip, one event at a time.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html. Between invocations
the process is frozen (SIGSTOP), as Lambda freezes it.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tools.localaws.aws_lambda.function_output import FunctionOutput
from tools.localaws.aws_lambda.outcomes import Outcome, exited, timed_out
from tools.localaws.aws_lambda.process_variables import function_variables
from tools.localaws.aws_lambda.runtime_api import (
    Exited,
    InitFailed,
    Ready,
    Result,
    RuntimeApi,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.localaws.aws_lambda.code_store import UnpackedCode
    from tools.localaws.aws_lambda.function_version import FunctionVersion
    from tools.localaws.aws_lambda.orphan_guard import OrphanGuard
    from tools.localaws.aws_lambda.python_runtime import PythonRuntime
    from tools.localaws.logs.log_delivery import LogEvent
    from tools.localaws.sts.sessions import RoleSession

# The time that a function has to load; any further time counts as part of the invocation
# (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
_INIT_SECONDS = 10

State = Literal["busy", "frozen", "gone"]


@dataclass(frozen=True)
class Place:
    """The folders and the endpoint of an environment; ``scratch`` stands for its /tmp."""

    code: UnpackedCode
    runtime: PythonRuntime
    scratch: Path
    endpoint_url: str


class ExecutionEnvironment:
    """Starts its process when it is constructed.

    ``on_step`` is called with ``init`` when the function has been loaded and with ``response`` when
    it has answered; if it returns True, the environment dies as if it had not reached the step.
    """

    def __init__(
        self,
        function: FunctionVersion,
        *,
        session: RoleSession,
        stream: str,
        place: Place,
        guard: OrphanGuard,
        on_step: Callable[[str], bool],
    ) -> None:
        self.function = function
        self.session = session
        self.stream = stream
        self.invocations = 0
        self.init_milliseconds: float | None = None
        self._peak_at_end = 0
        self._frozen = False
        self._reaped = False
        self._ending = threading.Lock()
        self._scratch = place.scratch
        self._guard = guard
        self._on_step = on_step
        self._output = FunctionOutput()
        self._api = RuntimeApi()
        self._started = time.monotonic()
        place.scratch.mkdir(parents=True)
        local_variables = {
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "_LAMBDA_TELEMETRY_LOG_FD": str(self._output.telemetry),
        }
        self._process = subprocess.Popen(
            _command(function, place),
            cwd=place.code.root,
            env=function_variables(function, session.credentials, place, local_variables),
            pass_fds=(self._output.telemetry,),
            start_new_session=True,  # a group of its own, to freeze and kill with its children
            stderr=self._output.lines,
            stdin=subprocess.DEVNULL,
            stdout=self._output.lines,
        )
        guard.watch(self._process.pid)
        self._output.start_reading()
        self._exit = threading.Thread(target=self._wait_for_exit, name="function-exit")
        self._exit.start()

    @property
    def pid(self) -> int:
        """The id of the process and of its process group."""
        return self._process.pid

    @property
    def state(self) -> State:
        """``busy`` during an invocation, ``frozen`` between invocations, ``gone`` after the end."""
        if not self._exit.is_alive():
            return "gone"
        return "frozen" if self._frozen else "busy"

    def take_output(self) -> list[LogEvent]:
        """The function's output since the last call."""
        return self._output.take()

    def load(self, request_id: str) -> Outcome | None:
        """Wait until the function is loaded; return the invocation's outcome if it cannot be loaded."""
        deadline = self._started + _INIT_SECONDS + self.function.timeout
        failure: Outcome | None = None
        match self._next_signal(deadline):
            case Ready():
                self.init_milliseconds = (time.monotonic() - self._started) * 1000
                failure = self._killed(request_id) if self._on_step("init") else None
            case InitFailed(body):
                error = {**json.loads(body), "requestId": request_id}
                failure = Outcome(json.dumps(error).encode(), "error", error["errorType"])
            case Exited(code):
                failure = exited(request_id, code)
            case _:
                failure = timed_out(request_id, self.function.timeout)
        return None if failure is None else self._end(failure)

    def invoke(self, request_id: str, payload: bytes) -> Outcome:
        """Run one event and freeze the environment; if it fails, the environment is ``gone``."""
        self._frozen = False
        self._signal(signal.SIGCONT)
        self.invocations += 1
        deadline = time.monotonic() + self.function.timeout
        self._api.send(payload, self._headers(request_id))
        outcome, ready = self._wait_for_result(request_id, deadline)
        if not ready:
            return self._end(outcome)
        self._signal(signal.SIGSTOP)
        self._frozen = True
        return outcome

    def kill(self) -> None:
        """Kill the process group immediately."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """End the process group and release all its resources."""
        self.kill()
        self._exit.join()
        self._api.close()
        self._output.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def peak_memory(self) -> int:
        """The peak memory of the process in whole MB; 0 if the process died by itself."""
        return self._peak_at_end or self._read_peak_memory()

    def _signal(self, number: signal.Signals) -> None:
        with self._ending:
            if not self._reaped:
                os.killpg(self.pid, number)

    def _read_peak_memory(self) -> int:
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return int(fields.get("VmHWM", "0 kB").split()[0]) // 1024

    def _wait_for_result(self, request_id: str, deadline: float) -> tuple[Outcome, bool]:
        """The outcome, and whether the runtime is ready for another event.

        The caller gets its answer only when the runtime asks for the next event, so that sequential
        requests of one caller use one environment.
        """
        outcome: Outcome | None = None
        while True:
            match self._next_signal(deadline):
                case Result(body=body, failed=failed):
                    if self._on_step("response"):
                        return self._killed(request_id), False
                    outcome = Outcome(body, "error" if failed else "success")
                case Ready() if outcome is not None:
                    return outcome, True
                case Exited(code):
                    return outcome or exited(request_id, code), False
                case None:
                    return outcome or timed_out(request_id, self.function.timeout), False

    def _next_signal(self, deadline: float) -> object:
        try:
            return self._api.signals.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None

    def _killed(self, request_id: str) -> Outcome:
        return exited(request_id, -signal.SIGKILL)

    def _end(self, outcome: Outcome) -> Outcome:
        self._peak_at_end = self._read_peak_memory()
        self.kill()
        self._exit.join()
        return outcome

    def _wait_for_exit(self) -> None:
        """Kill the children with the process; its id cannot be reused until the process is reaped."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._ending:
            os.killpg(self.pid, signal.SIGKILL)
            self._guard.forget(self.pid)
            code = self._process.wait()
            self._reaped = True
        self._api.signals.put(Exited(code))

    def _headers(self, request_id: str) -> dict[str, str]:
        deadline = int(time.time() * 1000) + self.function.timeout * 1000
        return {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": self.function.arn,
        }


def _command(function: FunctionVersion, place: Place) -> list[Path | str]:
    """Python without site-packages (-S): its folder is the code, its PYTHONPATH the runtime's client."""
    folder = place.code.bytecode
    bytecode = ["-B"] if folder is None else ["-X", f"pycache_prefix={folder}"]
    return [place.runtime.interpreter, "-S", *bytecode, "-m", "awslambdaric", function.handler]
