"""Chat models: which one the settings name, and its stream with deadlines and errors of ours.

Measured with langchain-openai 1.7: 401, 429 and 5xx raise the SDK's own errors; a connection dropped in mid-stream
raises APIConnectionError where the transport sees it and nothing where it does not; an empty answer ends like a good
one; a torn chunk raises a bare JSONDecodeError; a content filter is a finish reason. So a stream counts as complete
only with a finish reason that says so.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import Runnable, RunnableSequence
from pydantic import SecretStr

from chatbot.errors import (
    GuichetError,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from chatbot.offline import OfflineChatModel
from chatbot.settings import Settings

Given = TypeVar("Given")

OFFLINE = "offline"
COMPLETE = frozenset({"stop", "length", "end_turn", "eos", "tool_calls"})
TRANSPORT_PACKAGES = frozenset({"aiohttp", "httpx", "httpx2"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an answer; usage and finish reason come with the last ones, where the provider reports them."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call: those the provider reports, else characters / 4."""

    prompt_tokens: int
    completion_tokens: int


def build_chat_model(settings: Settings) -> BaseChatModel:
    """Build the model that `CHAT_MODEL` names; the offline one when it is empty."""
    provider, _, name = settings.chat_model.partition(":")
    if not provider:
        return OfflineChatModel()
    # Imported here: 2.5 s that the offline command line does without.
    from langchain_openai import AzureChatOpenAI, ChatOpenAI
    from openai import DefaultAioHttpClient

    from chatbot.openai_shortcuts import keep_what_came, read_chunks_quickly, send_messages_as_they_are

    # A client of our own: the shared one meets a closed event loop on a second asyncio.run. Over aiohttp the reading of
    # many streams takes a third less of a core than over httpx2's own transport.
    client = DefaultAioHttpClient(timeout=settings.model_timeout)
    keep_what_came(client)
    model: AzureChatOpenAI | ChatOpenAI
    if provider == "azure_openai":
        model = AzureChatOpenAI(
            azure_deployment=name,
            azure_endpoint=settings.azure_openai_endpoint,
            api_key=settings.azure_openai_api_key,
            api_version=settings.openai_api_version,
            timeout=settings.model_timeout,
            max_retries=0,
            stream_usage=True,
            # `stream_answer` watches the pieces, with one timer; this would be a task for each of them.
            stream_chunk_timeout=None,
            http_async_client=client,
        )
    else:
        model = ChatOpenAI(
            model=name,
            # Servers without a key still want the header.
            api_key=settings.openai_api_key or SecretStr("none"),
            base_url=settings.openai_base_url or None,
            timeout=settings.model_timeout,
            max_retries=0,
            stream_usage=True,
            stream_chunk_timeout=None,
            use_responses_api=False,
            http_async_client=client,
        )
    read_chunks_quickly(model.root_async_client)
    send_messages_as_they_are(model.async_client)
    return model


async def close_model(model: BaseChatModel) -> None:
    """Let go of a model's connections, in the event loop that used them."""
    client = getattr(model, "root_async_client", None)
    if client is not None:
        await client.close()


def name_model(settings: Settings) -> str:
    """Give the name under which the log knows the model."""
    return settings.chat_model or OFFLINE


async def stream_answer(
    chain: Runnable[Given, Any], given: Given, *, timeout_s: float, deadline_s: float
) -> AsyncGenerator[Part]:
    """Stream an answer.

    Args:
        chain: a chat model, or a chain that ends with one.
        given: what the chain takes.
        timeout_s: longest wait for the next piece.
        deadline_s: longest time for all.

    Raises:
        ProviderTimeout, ProviderRejected, ProviderUnavailable, ProviderError: whose names say what happened; text given
            before stays valid as what was received.
    """
    finish_reason: str | None = None
    has_begun = has_text = False
    stream = _stream(chain, given)
    watch = _Watch(timeout_s, deadline_s)
    try:
        while True:
            watch.begin_wait()
            try:
                chunk = await anext(stream)
            except StopAsyncIteration:
                break
            except asyncio.CancelledError as error:
                if watch.is_ours():
                    raise _time_out(timeout_s, deadline_s, is_over=watch.is_over) from error
                raise
            except Exception as error:
                failure = translate(error, has_begun=has_begun)
                if failure is error:
                    raise
                raise failure from error
            finally:
                watch.end_wait()
            has_begun = True
            part = _read_chunk(chunk)
            finish_reason = part.finish_reason or finish_reason
            has_text = has_text or bool(part.text.strip())
            yield part
    finally:
        watch.close()
        await stream.aclose()
    _check_end(finish_reason, has_text)


async def _stream(chain: Runnable[Given, Any], given: Any) -> AsyncGenerator[Any]:
    """Stream a chain; of a sequence the model by itself, on what the steps before it give.

    A sequence adds all pieces up as it passes them on, for callbacks of its own: a third of what reading one cost.
    """
    last: Runnable[Any, Any] = chain
    if isinstance(chain, RunnableSequence) and isinstance(chain.last, BaseChatModel):
        last = chain.last
        for step in chain.steps[:-1]:
            given = await step.ainvoke(given)
    stream = last.astream(given)
    try:
        async for piece in stream:
            yield piece
    finally:
        await _close(stream)


class _Watch:
    """Ends a wait for the next piece that takes too long: as `asyncio.timeout`, with a timer for all pieces together.

    Pieces come by the thousand in a second where many answers are written, and each would start a timer and stop it.
    """

    def __init__(self, timeout_s: float, deadline_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._end = self._loop.time() + deadline_s
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[Any] | None = None
        self._cancelled: asyncio.Task[Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether it was the deadline for all, not that for a piece."""
        return self._due >= self._end

    def begin_wait(self) -> None:
        self._due = min(self._loop.time() + self._timeout_s, self._end)
        self._waiting = asyncio.current_task()
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def end_wait(self) -> None:
        self._waiting = None

    def is_ours(self) -> bool:
        """Tell whether the wait was cancelled from here, and by nobody else; then the task goes on."""
        return self._cancelled is not None and self._cancelled.uncancel() == 0

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._cancelled = self._waiting
            self._waiting.cancel()


def translate(error: Exception, *, has_begun: bool) -> Exception:
    """Turn an error of the provider, its SDK or the transport into ours; ours and unknown ones pass as they are.

    Args:
        has_begun: whether the answer had begun, be it without text.
    """
    if isinstance(error, GuichetError):
        return error
    if isinstance(error, json.JSONDecodeError):
        return ProviderError("The model's server sent a piece that cannot be read. Ask again.")
    openai = sys.modules.get("openai")
    if openai:
        if isinstance(error, openai.APITimeoutError) and not _is_break(error):
            return ProviderTimeout("The model's server did not answer in time. Ask again in a moment.")
        if isinstance(error, openai.APIConnectionError):
            return _translate_break(has_begun)
        if isinstance(error, openai.APIStatusError):
            return _translate_status(error.status_code)
        if isinstance(error, openai.OpenAIError):
            return ProviderError("The model's server sent an answer that cannot be read. Ask again.")
    if type(error).__module__.partition(".")[0] in TRANSPORT_PACKAGES:
        if "Timeout" in type(error).__name__:
            return ProviderTimeout("The model's server did not answer in time. Ask again in a moment.")
        return _translate_break(has_begun)
    return error


def _is_break(error: BaseException | None) -> bool:
    """Tell whether a broken or refused connection lies behind: aiohttp's transport calls each one a timeout."""
    aiohttp = sys.modules.get("aiohttp")
    while error and aiohttp:
        if isinstance(error, aiohttp.ClientConnectionError):
            return not isinstance(error, TimeoutError)
        error = error.__cause__
    return False


def _translate_break(has_begun: bool) -> ProviderError:
    if has_begun:
        return ProviderError("The connection to the model's server broke off in mid-answer. Ask again.")
    return ProviderUnavailable("The model's server cannot be reached. Ask again in a moment.")


def _translate_status(status: int) -> ProviderError:
    if status in (401, 403, 429):
        return ProviderRejected(
            f"The model's provider refused ({status}): its key or quota. The team has to look at it."
        )
    if status >= 500:
        return ProviderUnavailable(f"The model's server is out of order ({status}). Ask again in a moment.")
    return ProviderError(
        f"The model's server did not accept the question ({status}). The team has to look at it."
    )


def _time_out(timeout_s: float, deadline_s: float, *, is_over: bool) -> ProviderTimeout:
    if is_over:
        return ProviderTimeout(
            f"The answer was not done within {deadline_s:g} seconds. Ask again in a moment."
        )
    return ProviderTimeout(f"The model made no progress for {timeout_s:g} seconds. Ask again in a moment.")


def _read_chunk(chunk: AIMessageChunk) -> Part:
    usage = chunk.usage_metadata
    return Part(
        text=str(chunk.text),
        prompt_tokens=usage["input_tokens"] if usage else None,
        completion_tokens=usage["output_tokens"] if usage else None,
        finish_reason=chunk.response_metadata.get("finish_reason"),
    )


def _check_end(finish_reason: str | None, has_text: bool) -> None:
    if finish_reason == "content_filter":
        raise ProviderRejected("The model's provider stopped the answer by its content filter.")
    if finish_reason not in COMPLETE:
        raise ProviderError("The model's answer broke off before its end. Ask again.")
    if not has_text:
        raise ProviderError("The model gave an empty answer. Ask again, in other words.")


async def _close(stream: AsyncIterator[Any]) -> None:
    close = getattr(stream, "aclose", None)
    if close:
        await close()
