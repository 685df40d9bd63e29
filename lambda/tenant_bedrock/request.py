"""The event the handler takes, checked before any model is paid."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from tenant_bedrock.errors import BadRequestError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# A synchronous invocation carries at most 6 MB of JSON, and escapes make text longer in JSON:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
TEXT_BYTES = 5_000_000

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
StopText = Annotated[str, Field(min_length=1)]  # a line break is a good place to stop


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Message(_Strict):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: Text


class Request(_Strict):
    """What to ask which model; the ranges are Converse's.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
    """

    prompt: Text | None = None
    messages: Annotated[list[Message], Field(min_length=1)] | None = None
    system: Text | None = None
    model: Text | None = None
    region: Text | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stop: Annotated[list[StopText], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _asks_once(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise PydanticCustomError("asks_once", "write either prompt or messages")
        if self.messages and self.messages[0].role != "user":
            raise PydanticCustomError("user_first", "the first message must have the role user")
        if sum(len(text.encode()) for _, text in self.turns()) > TEXT_BYTES:
            raise PydanticCustomError(
                "oversize", f"the text is longer than {TEXT_BYTES:,} bytes of UTF-8, the limit"
            )
        return self

    def turns(self) -> list[tuple[str, str]]:
        """The conversation as LangChain takes it: (role, text) pairs, the system prompt first."""
        system = [("system", self.system)] if self.system else []
        if self.prompt is not None:
            return [*system, ("user", self.prompt)]
        return [*system, *((message.role, message.content) for message in self.messages or [])]

    def parameters(self) -> dict[str, Any]:
        """What LangChain's ``invoke`` takes beside the conversation."""
        chosen = self.model_dump(include={"max_tokens", "temperature", "top_p", "stop"})
        return {name: value for name, value in chosen.items() if value is not None}


def parse(event: object) -> Request:
    """The request in an event.

    Raises BadRequestError: a sentence that names each wrong field and what to write there. It is
    made from the fields' names only, for pydantic's own messages quote what was sent.
    """
    if not isinstance(event, dict):
        raise BadRequestError('The event is not a JSON object; write one like {"prompt": "Hello"}.')
    try:
        return Request.model_validate(event)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
    sentences = list(dict.fromkeys(_sentence(problem) for problem in problems))
    raise BadRequestError(f"The event cannot be used: {'; '.join(sentences)}.")


_WHAT_TO_WRITE = {
    "bool_type": "must be true or false",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "literal_error": "must be user or assistant",
    "missing": "is missing",
    "model_attributes_type": "must be an object with role and content",
    "model_type": "must be an object with role and content",
    "string_pattern_mismatch": "must not be blank",
    "string_too_short": "must not be empty",
    "string_type": "must be a string",
    "string_unicode": "must be valid Unicode text",
    "too_short": "must not be empty",
}


def _sentence(problem: ErrorDetails) -> str:
    kind, location = problem["type"], problem["loc"]
    if kind == "extra_forbidden":
        return _unknown(location)
    if kind in {"asks_once", "user_first", "oversize"}:
        return problem["msg"]  # our own words
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
    limits = problem.get("ctx", {})
    if kind == "greater_than_equal":
        return f"{where} must be at least {limits['ge']:g}"
    if kind == "less_than_equal":
        return f"{where} must be at most {limits['le']:g}"
    return f"{where} {_WHAT_TO_WRITE.get(kind, 'has a value that cannot be used')}"


def _unknown(location: tuple[int | str, ...]) -> str:
    """An unknown key is never printed, it may be anything; the known one it resembles is."""
    *parents, key = location
    known = list(Message.model_fields if parents else Request.model_fields)
    where = "".join(f"[{p}]" if isinstance(p, int) else str(p) for p in parents) or "the event"
    meant = difflib.get_close_matches(str(key), known, n=1)
    advice = f"did you mean {meant[0]}?" if meant else f"known are {', '.join(known)}"
    return f"{where} has an unknown key ({advice})"
