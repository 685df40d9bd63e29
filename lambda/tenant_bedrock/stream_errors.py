"""The errors of an answer that is read bit by bit, raised as the classes that the same failure has otherwise.

botocore raises EventStreamError for every exception event, and urllib3's errors while it reads.
Neither can be told apart by class, which is all that LangChain's ``with_fallbacks`` looks at.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EventStreamError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as UrllibReadTimeoutError

from tenant_bedrock.errors import OutOfTimeError
from tenant_bedrock.native_answer import is_last_chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.eventstream import EventStream
    from botocore.response import StreamingBody
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tenant_bedrock.time_budget import TimeBudget


def register(client: BedrockRuntimeClient, budget: TimeBudget) -> None:
    """Wrap what is read of ``client``'s answers; call it before the hooks that read it."""
    for operation, member, wrapper in (
        ("ConverseStream", "stream", TypedStream),
        ("InvokeModel", "body", TypedBody),
        ("InvokeModelWithResponseStream", "body", TypedStream),
    ):
        client.meta.events.register(
            f"after-call.bedrock-runtime.{operation}",
            partial(_wrap, client, budget, member, wrapper),
        )


def _wrap(
    client: BedrockRuntimeClient,
    budget: TimeBudget,
    member: str,
    wrapper: Callable[..., TypedBody | TypedStream],
    *,
    parsed: dict[str, Any],
    **_: object,
) -> None:
    if member in parsed:
        parsed[member] = wrapper(parsed[member], client, budget)


class TypedBody:
    """The body of InvokeModel's answer, whose errors are botocore's or OutOfTimeError."""

    def __init__(
        self, body: StreamingBody, client: BedrockRuntimeClient, budget: TimeBudget
    ) -> None:
        self._body = body
        self._client = client
        self._budget = budget

    def read(self) -> bytes:
        """Read the whole body."""
        try:
            return self._body.read()
        except (BotoCoreError, HTTPError, OSError) as error:
            if self._budget.seconds_to_answer() <= 0:
                raise OutOfTimeError(
                    "The answer was not over before the invocation's end, so it was given up. Give the function a "
                    "longer timeout, or ask for a shorter answer."
                ) from error
            if isinstance(error, BotoCoreError):
                raise
            raise _as_botocores(error, self._client) from error


class TypedStream:
    """The events of ``events``, whose errors are Bedrock's own classes, botocore's or OutOfTimeError."""

    def __init__(
        self, events: EventStream[Any], client: BedrockRuntimeClient, budget: TimeBudget
    ) -> None:
        self._events = events
        self._client = client
        self._budget = budget

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every event; an answer that is not over in time ends with OutOfTimeError."""
        is_over = False
        try:
            for event in self._events:
                is_over = is_over or "messageStop" in event or is_last_chunk(event)
                self._check_time(is_over)
                yield event
        except EventStreamError as error:
            raise _as_modelled(error, self._client) from error
        except (HTTPError, OSError, ParserError) as error:
            self._check_time(is_over)
            if not is_over or self._budget.seconds_to_answer() > 0:
                raise _as_botocores(error, self._client) from error
            # Otherwise the answer is whole, and the budget has ended the wait for its metadata.
        self._check_time(is_over)

    def close(self) -> None:
        """Stop reading."""
        self._events.close()

    def _check_time(self, is_over: bool) -> None:
        if not is_over and self._budget.seconds_to_answer() <= 0:
            raise OutOfTimeError(
                "The streamed answer was not over before the invocation's end, so it was given up. "
                "The record holds the part that has arrived. Give the function a longer timeout, or "
                "ask for a shorter answer."
            )


def _as_modelled(error: EventStreamError, client: BedrockRuntimeClient) -> Exception:
    """The error under the code that Converse uses, ``ThrottlingException`` for ``throttlingException``."""
    details = error.response.get("Error", {})
    code = details.get("Code", "")
    code = code[:1].upper() + code[1:]
    response: Any = {**error.response, "Error": {**details, "Code": code}}
    # The stubs take the class that ``from_code`` returns for an instance.
    modelled: type[ClientError] = client.exceptions.from_code(code)  # type: ignore[assignment]
    return _of_a_stream(modelled)(response, error.operation_name)  # type: ignore[arg-type]  # the stubs have no hash


@cache
def _of_a_stream(modelled: type[ClientError]) -> type[ClientError]:
    """The modelled class, which is botocore's class of errors in a stream as well: some callers look for that one."""
    return type(
        modelled.__name__, (modelled, EventStreamError), {"__module__": modelled.__module__}
    )


def _as_botocores(error: Exception, client: BedrockRuntimeClient) -> Exception:
    if isinstance(error, (TimeoutError, UrllibReadTimeoutError)):
        return ReadTimeoutError(endpoint_url=client.meta.endpoint_url, error=error)
    return ResponseStreamingError(error=error)
