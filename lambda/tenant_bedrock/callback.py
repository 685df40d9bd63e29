"""The LangChain callback that ties a call to its run and returns the receipt to the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import get_debug
from langsmith.utils import tracing_is_enabled

from tenant_bedrock import botocore_hooks
from tenant_bedrock.errors import PromptLeakError, RecordNote

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, GenerationChunk, LLMResult

    from tenant_bedrock.recorder import Recorder


def ensure_no_tracing() -> None:
    """Raise PromptLeakError while LangChain's debug output or LangSmith tracing is on."""
    if get_debug() or tracing_is_enabled():
        raise PromptLeakError(
            "Turn off set_debug() and tracing: LangChain's debug output or LangSmith would show this "
            "prompt outside the record. Nothing was sent."
        )


class RecordingCallback(BaseCallbackHandler):
    """Opens a call for each LangChain run and records the runs that fail before a request.

    ``botocore_hooks`` records everything that is sent: LangChain does not report a cancelled task, nor
    the first prompt of a ``generate`` whose second prompt fails.
    """

    # An error in this class must stop the call; by default LangChain ignores it and the record is lost.
    raise_error = True
    # The run must be entered in the thread or task that sends its request, also in `ainvoke`.
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
        """Open a call; raises PromptLeakError if the prompt would be shown elsewhere."""
        ensure_no_tracing()
        self._recorder.begin(self._alias, run_id, parent_run_id)
        botocore_hooks.enter_run(run_id)

    def on_llm_new_token(
        self,
        token: str | list[str | dict[str, Any]],  # noqa: ARG002
        *,
        chunk: GenerationChunk | ChatGenerationChunk | None = None,
        run_id: UUID,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Add the receipt to the last chunk of a stream, which LangChain adds to Bedrock's."""
        message = getattr(chunk, "message", None)
        if getattr(message, "chunk_position", None) == "last":
            self._add_receipt(chunk, run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:  # noqa: ANN401
        """Add the receipt to the answer, as ``message.response_metadata["record"]``."""
        for generations in response.generations:
            for generation in generations:
                self._add_receipt(generation, run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:  # noqa: ANN401
        """Record a run that failed before its request, and add a note about the record to the error."""
        self._recorder.fail_before_request(run_id, error)
        receipt = self._recorder.receipt(run_id)
        if receipt is not None:
            error.add_note(RecordNote(f"record {receipt.id} {receipt.delivery}"))

    def _add_receipt(self, generation: object, run_id: UUID) -> None:
        receipt = self._recorder.receipt(run_id)
        message = getattr(generation, "message", None)  # a plain-text generation has none
        if receipt is not None and message is not None:
            message.response_metadata["record"] = receipt.as_dict()
