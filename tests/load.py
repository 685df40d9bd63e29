"""Calls of a customer's function on the local AWS, one or many."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from tools.localaws.control import Control

PAUSE_SECONDS = 0.25
PATHS = Config(
    s3={"addressing_style": "path"}
)  # of a client of S3, whose buckets have no host names here


def client(
    control: Control,
    account_id: str,
    service: str,
    **options: Any,  # noqa: ANN401 - boto3's own options
) -> Any:  # noqa: ANN401 - boto3's clients
    """A client of an owner of the account."""
    keys = control.account(account_id, user="owner")
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=control.endpoint,
        region_name="eu-central-1",
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        **options,
    )


class Caller:
    """An owner of a customer account who calls its function."""

    def __init__(self, control: Control, account_id: str, function: str) -> None:
        once = Config(retries={"total_max_attempts": 1})
        self._function = function
        self._lambda = client(control, account_id, "lambda", config=once)

    def call(self, prompt: str, **options: str) -> dict[str, Any]:
        """The function's answer; or its error, with errorType and errorMessage."""
        result = self._lambda.invoke(
            FunctionName=self._function, Payload=json.dumps({"prompt": prompt, **options})
        )
        answer: dict[str, Any] = json.load(result["Payload"])
        return answer

    def restart(self) -> None:
        """Change the function, so that the next call is a new process's, which assumes the role itself."""
        self._lambda.update_function_configuration(FunctionName=self._function, Timeout=100)

    def exists(self) -> bool:
        """Whether there is a function."""
        try:
            self._lambda.get_function(FunctionName=self._function)
        except self._lambda.exceptions.ResourceNotFoundException:
            return False
        return True


@dataclass
class Load:
    """Calls one after the other, from the first line of the block to the last.

    The pause leaves the machine to the commands that change something meanwhile; what is shorter is caught by
    tests/environments/test_policies_under_calls.py, whose calls have none.
    """

    caller: Caller
    model: str | None = None  # an alias; None for the stanza's first
    answered: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        options = {"model": self.model} if self.model else {}
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                answer = self.caller.call("Still there?", **options)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong is a failed call
                answer = {"errorMessage": str(error)}
            if "answer" in answer:
                self.answered += 1
            else:
                self.failed.append(answer)
