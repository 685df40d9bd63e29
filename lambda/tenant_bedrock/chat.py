"""LangChain's chat model, with each request assigned to its run and tokens counted by Bedrock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from langchain_aws.chat_models.bedrock_converse import ChatBedrockConverse, _messages_to_bedrock
from langchain_core.messages import get_buffer_string

from tenant_bedrock import botocore_hooks, errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult


class RecordedChat(ChatBedrockConverse):
    """ChatBedrockConverse that assigns the requests of ``generate`` and ``agenerate`` to their runs.

    Both begin the runs of all prompts before the first request, and ``agenerate`` sends from many
    threads. Only the run manager, which LangChain passes to these two methods, tells which request
    belongs to which run. Without them the call is still recorded, but may name another prompt's run.

    A failure that another model may not have is raised as one of ``errors.retryable_errors``.

    Its tokens are counted by Bedrock. LangChain would write Bedrock's answer to a refused count to
    the function's log, and then count with the tokenizer of another model, which is not in the zip.
    """

    def prepare_for_threads(self) -> None:
        """Compute what LangChain would keep in the chat at its first call.

        The first calls of several threads would otherwise fail with "dictionary changed size during iteration":
        one adds it to the attributes of the chat while another lists them.
        """
        _ = self._serialized

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[Any] | None = None,  # noqa: ARG002 - as in LangChain, which ignores them too
    ) -> int:
        """Count the input tokens of ``messages``; ``trim_messages(token_counter=chat)`` calls this.

        ``trim_messages`` also counts parts of a conversation, some of them in reverse. Bedrock counts
        only what Converse would accept, so it counts any other part as one text.

        Raises ModelNotGrantedError unless the stanza has ``count_tokens`` for the model, and
        ThrottledError or ModelFailedError if Bedrock does not count.
        https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
        """
        if self.custom_get_token_ids is not None:
            return self.get_num_tokens(get_buffer_string(messages))
        if not messages:
            return 0
        turns, system = _messages_to_bedrock(
            list(messages), self.system, model_id=self._get_base_model(), provider=self.provider
        )
        try:
            return self._count({"messages": turns, **({"system": system} if system else {})})
        except (BotoCoreError, ClientError) as error:
            if errors.error_code(error) != "ValidationException":
                raise errors.from_token_count(error) from None
        return self.get_num_tokens(get_buffer_string(messages))

    def get_num_tokens(self, text: str) -> int:
        """Count the tokens of ``text`` as one message; raises as ``get_num_tokens_from_messages``."""
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens(text)
        turn = {"role": "user", "content": [{"text": text}]}
        try:
            return self._count({"messages": [turn]})
        except (BotoCoreError, ClientError) as error:
            raise errors.from_token_count(error) from None

    def _count(self, conversation: dict[str, Any]) -> int:
        counted = self.client.count_tokens(
            modelId=self._get_base_model(), input={"converse": conversation}
        )
        tokens: int = counted["inputTokens"]
        return tokens

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
