"""The handler's event, validated before any model is called."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from tenant_bedrock.errors import BadRequestError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Lambda accepts at most 6 MB of JSON in a synchronous invocation, and JSON escapes lengthen the text:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
TEXT_BYTES = 5_000_000

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
StopText = Annotated[str, Field(min_length=1)]  # may be a line break


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Message(_Strict):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: Text


class Request(_Strict):
    """The members of an event, with Converse's ranges.

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
    usage: Literal[True] | None = None  # asks for the use of the quota, and for nothing else

    @model_validator(mode="after")
    def _check_turns(self) -> Self:
        if self.usage:
            if self.model_fields_set != {"usage"}:
                raise PydanticCustomError("usage_alone", "usage must be the only key")
            return self
        if (self.prompt is None) == (self.messages is None):
            raise PydanticCustomError("prompt_or_messages", "write either prompt or messages")
        if self.messages and self.messages[0].role != "user":
            raise PydanticCustomError("user_first", "the first message must have the role user")
        if sum(len(text.encode()) for _, text in self.turns()) > TEXT_BYTES:
            raise PydanticCustomError(
                "oversize", f"the text is longer than {TEXT_BYTES:,} bytes of UTF-8, the limit"
            )
        return self

    def turns(self) -> list[tuple[str, str]]:
        """The conversation as LangChain takes it: pairs of role and text, the system prompt first."""
        system = [("system", self.system)] if self.system else []
        if self.prompt is not None:
            return [*system, ("user", self.prompt)]
        return [*system, *((message.role, message.content) for message in self.messages or [])]

    def parameters(self) -> dict[str, Any]:
        """The arguments of LangChain's ``invoke`` other than the conversation."""
        parameters = {"max_tokens", "temperature", "top_p", "stop"}
        return self.model_dump(include=parameters, exclude_none=True)


def parse(event: object) -> Request:
    """Parse an event.

    Raises BadRequestError, which names each invalid field and what to write there. Pydantic's own
    messages quote the event, so its message is composed from field names only.
    """
    if not isinstance(event, dict):
        raise BadRequestError('The event is not a JSON object; write one like {"prompt": "Hello"}.')
    try:
        return Request.model_validate(event)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
    sentences = list(dict.fromkeys(_sentence(problem) for problem in problems))
    raise BadRequestError(f"The event is invalid: {'; '.join(sentences)}.")


_CORRECTIONS = {
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "literal_error": "must be user or assistant",
    "missing": "is missing",
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
    if kind in {"prompt_or_messages", "user_first", "oversize", "usage_alone"}:
        return problem["msg"]  # written above, so it quotes nothing
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
    if field == "usage":
        return "usage must be true"
    limits = problem.get("ctx", {})
    if kind == "greater_than_equal":
        return f"{field} must be at least {limits['ge']:g}"
    if kind == "less_than_equal":
        return f"{field} must be at most {limits['le']:g}"
    return f"{field} {_CORRECTIONS.get(kind, 'has an invalid value')}"


def _unknown(location: tuple[int | str, ...]) -> str:
    """A sentence about an unknown key, which may be a misplaced prompt and so is not quoted."""
    *parents, key = location
    known = list(Message.model_fields if parents else Request.model_fields)
    where = "".join(f"[{p}]" if isinstance(p, int) else str(p) for p in parents) or "the event"
    similar = difflib.get_close_matches(str(key), known, n=1)
    advice = f"did you mean {similar[0]}?" if similar else f"known are {', '.join(known)}"
    return f"{where} has an unknown key ({advice})"
