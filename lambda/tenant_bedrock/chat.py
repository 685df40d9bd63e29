"""The chat model: LangChain's own, which says which run each of its requests belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_aws.chat_models.bedrock_converse import ChatBedrockConverse

from tenant_bedrock import wire

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatResult


class RecordedChat(ChatBedrockConverse):
    """``generate`` begins the runs of all its prompts before it sends the first request.

    ``agenerate`` sends them from many threads, so nothing but LangChain's run manager tells which
    request is whose, and it is handed to these two methods alone. Without them, a record may name
    another prompt's run; it is written all the same.
    """

    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's signature
    ) -> ChatResult:
        with wire.belonging_to(run_manager.run_id if run_manager else None):
            return super()._generate_with_cache(messages, stop, run_manager, **kwargs)

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResult:
        with wire.belonging_to(run_manager.run_id if run_manager else None):
            return await super()._agenerate_with_cache(messages, stop, run_manager, **kwargs)
