"""LangChain's side of the record: which run a call belongs to, and the receipt for the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import get_debug
from langsmith.utils import tracing_is_enabled

from tenant_bedrock import wire
from tenant_bedrock.errors import PromptLeakError, RecordNote

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, GenerationChunk, LLMResult

    from tenant_bedrock.recorder import Recorder


def refuse_onlookers() -> None:
    """Raise PromptLeakError while LangChain would show prompts to anyone else."""
    if get_debug() or tracing_is_enabled():
        raise PromptLeakError(
            "LangChain's debug output or LangSmith tracing is on and would show this prompt "
            "outside the record; switch off set_debug() and tracing. Nothing was sent."
        )


class RecordingCallback(BaseCallbackHandler):
    """Begins a record for each LangChain run and ends those that never reach the wire.

    What was sent and received is written by ``wire``, before LangChain hears of it: LangChain stays
    silent about a cancelled task, and about the first prompt of a ``generate`` whose second fails.
    """

    # A bug in here must stop the call, not lose its record: LangChain swallows it otherwise.
    raise_error = True
    # The run must begin in the thread or task that sends it, also under `ainvoke`.
    run_inline = True

    def __init__(self, alias: str, recorder: Recorder) -> None:
        self._alias = alias
        self._recorder = recorder

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 - LangChain's signature, here and below
        messages: list[list[BaseMessage]],  # noqa: ARG002
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Begin a record; raises PromptLeakError if LangChain would show the prompt to others."""
        self._begin(run_id, parent_run_id)

    def on_llm_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002
        prompts: list[str],  # noqa: ARG002
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """The same, for a model that takes plain text."""
        self._begin(run_id, parent_run_id)

    def on_llm_new_token(
        self,
        token: str | list[str | dict[str, Any]],  # noqa: ARG002
        *,
        chunk: GenerationChunk | ChatGenerationChunk | None = None,
        run_id: UUID,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Hand the receipt over with a stream's closing chunk, after Bedrock's last event."""
        if chunk is not None:
            self._hand_over(chunk, run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:  # noqa: ANN401
        """Hand the receipt over: ``message.response_metadata["record"]``."""
        for generations in response.generations:
            for generation in generations:
                self._hand_over(generation, run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:  # noqa: ANN401
        """Record what failed before it was sent, and note on the error where its record is."""
        self._recorder.failed_unsent(run_id, error)
        receipt = self._recorder.receipt(run_id)
        if receipt is not None:
            error.add_note(RecordNote(f"record {receipt.id} {receipt.delivery}"))

    def _begin(self, run_id: UUID, parent_run_id: UUID | None) -> None:
        refuse_onlookers()
        self._recorder.begin(self._alias, run_id, parent_run_id)
        wire.enter(run_id)

    def _hand_over(self, generation: object, run_id: UUID) -> None:
        receipt = self._recorder.receipt(run_id)
        message = getattr(generation, "message", None)  # a plain-text generation has none
        if receipt is not None and message is not None:
            message.response_metadata["record"] = receipt.as_dict()
