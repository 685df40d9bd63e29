"""LangChain's chat model, with each request assigned to its LangChain run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from langchain_aws.chat_models.bedrock_converse import ChatBedrockConverse

from tenant_bedrock import botocore_hooks, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult


class RecordedChat(ChatBedrockConverse):
    """ChatBedrockConverse that assigns the requests of ``generate`` and ``agenerate`` to their runs.

    Both begin the runs of all prompts before the first request, and ``agenerate`` sends from many
    threads. Only the run manager, which LangChain passes to these two methods, tells which request
    belongs to which run. Without them the call is still recorded, but may name another prompt's run.

    A failure that another model may not have is raised as one of ``errors.retryable_errors``.
    """

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's signature, here and below
    ) -> ChatResult:
        try:
            return super()._generate(messages, stop, run_manager, **kwargs)
        except ClientError as error:
            raise errors.as_transient(error, self.client) from error.__cause__

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[ChatGenerationChunk]:
        """Yield the chunks, the first one only when the second is there.

        The first one says that an answer begins and holds nothing of it. Bedrock may throttle or fail
        after it, and LangChain asks a fallback only before the first chunk.
        """
        chunks = super()._stream(messages, stop, run_manager, **kwargs)
        try:
            first = next(chunks, None)
            second = next(chunks, None)
            yield from (chunk for chunk in (first, second) if chunk is not None)
            yield from chunks
        except ClientError as error:
            raise errors.as_transient(error, self.client) from error.__cause__

    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        with botocore_hooks.run_context(run_manager.run_id if run_manager else None):
            return super()._generate_with_cache(messages, stop, run_manager, **kwargs)

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        with botocore_hooks.run_context(run_manager.run_id if run_manager else None):
            return await super()._agenerate_with_cache(messages, stop, run_manager, **kwargs)
