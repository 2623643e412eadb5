"""The built-in model, for when none is configured: it quotes the documentation's own words, with citations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from chatbot.quotation import QuotablePassage, quote_passages
from chatbot.text import estimate_tokens

MODEL_NAME = "offline"

NOTICES = {
    "en": "*No language model is configured: these are quotations from the documentation.*",
    "fr": "*Aucun modèle de langage n'est configuré : ce sont des citations de la documentation.*",
}
NOTHING_TO_QUOTE = {
    "en": "No language model is configured: I can only quote passages of the documentation, and none came with this "
    "question.",
    "fr": "Aucun modèle de langage n'est configuré : je ne peux que citer des passages de la documentation, et aucun "
    "n'accompagne cette question.",
}


class OfflineChatModel(BaseChatModel):
    """Answer by quotation, with the interface of any chat model of LangChain.

    The last human message carries `additional_kwargs["guichet"]`: `question`, `language` (of the reader) and
    `passages`, each with `number`, `heading`, `source`, `text`, best first.
    """

    @property
    def _llm_type(self) -> str:
        return "guichet-offline"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = _answer_messages(messages)
        message = AIMessage(
            content=answer,
            response_metadata=_finish_metadata(),
            usage_metadata=_count_usage(messages, answer),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _make_chunks(messages)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _make_chunks(messages):
            yield chunk
            # The loop has other streams to serve, and a cancellation to deliver.
            await asyncio.sleep(0)


def quote_answer(question: str, language: str, passages: Sequence[QuotablePassage]) -> str:
    """Answer by quotation, then say in the reader's language that no language model is configured.

    Args and length as `quote_passages`; the line comes on top.
    """
    quoted = quote_passages(question, language, passages)
    if not quoted:
        return NOTHING_TO_QUOTE.get(language, NOTHING_TO_QUOTE["en"])
    return f"{quoted}\n\n{NOTICES.get(language, NOTICES['en'])}"


def _answer_messages(messages: Sequence[BaseMessage]) -> str:
    asked = next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
    given = asked.additional_kwargs.get("guichet") if asked else None
    if not isinstance(given, dict):
        return NOTHING_TO_QUOTE["en"]
    passages = [
        QuotablePassage(entry["number"], entry["heading"], entry["source"], entry["text"])
        for entry in given.get("passages", ())
    ]
    return quote_answer(given["question"], given.get("language", "en"), passages)


def _make_chunks(messages: Sequence[BaseMessage]) -> Iterator[ChatGenerationChunk]:
    answer = _answer_messages(messages)
    for word in re.findall(r"\S+\s*|\s+", answer):
        yield ChatGenerationChunk(message=AIMessageChunk(content=word))
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="",
            response_metadata=_finish_metadata(),
            usage_metadata=_count_usage(messages, answer),
            chunk_position="last",
        )
    )


def _finish_metadata() -> dict[str, str]:
    return {"finish_reason": "stop", "model_name": MODEL_NAME}


def _count_usage(messages: Sequence[BaseMessage], answer: str) -> UsageMetadata:
    prompt = sum(estimate_tokens(str(message.content)) for message in messages)
    written = estimate_tokens(answer)
    return UsageMetadata(input_tokens=prompt, output_tokens=written, total_tokens=prompt + written)
