"""Chat models over a real server with OpenAI's wire format: parts, usage, and each fault as an error of ours."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx
import openai
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import Runnable, RunnableLambda

from chatbot.errors import (
    GuichetError,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    StoreUnavailable,
)
from chatbot.models import Part, build_chat_model, close_model, name_model, stream_answer, translate
from chatbot.offline import OfflineChatModel
from chatbot.prompts import NumberedPassage, PromptInput, build_messages
from chatbot.settings import Settings
from tests.conftest import MakeSettings
from tests.openai_server import OpenAIServer

QUESTION = "Which port?"


@pytest.fixture
def online(make_settings: MakeSettings, openai_server: OpenAIServer) -> Settings:
    """Give settings that name the server."""
    return make_settings(chat_model="openai:fake", openai_base_url=openai_server.url, openai_api_key="sk-1")


async def ask(settings: Settings, *, timeout_s: float = 60, deadline_s: float = 60) -> list[Part]:
    """Ask, and give the parts."""
    parts: list[Part] = []
    await ask_into(parts, settings, timeout_s=timeout_s, deadline_s=deadline_s)
    return parts


async def ask_into(
    parts: list[Part], settings: Settings, *, timeout_s: float = 60, deadline_s: float = 60
) -> None:
    """Ask, and keep the parts that come before a failure."""
    model = build_chat_model(settings)
    try:
        async for part in stream_answer(model, QUESTION, timeout_s=timeout_s, deadline_s=deadline_s):
            parts.append(part)
    finally:
        await close_model(model)


def read_text(parts: list[Part]) -> str:
    """Give the text of all parts."""
    return "".join(part.text for part in parts)


async def test_answer_comes_in_parts_with_usage(online: Settings, openai_server: OpenAIServer) -> None:
    """Text comes piece by piece, the finish reason and the provider's own count of tokens once."""
    openai_server.answer("It is 4180. [1]", usage=(321, 12))
    parts = await ask(online)
    assert read_text(parts) == "It is 4180. [1]"
    assert len([part for part in parts if part.text]) == 4
    assert [part.finish_reason for part in parts if part.finish_reason] == ["stop"]
    counted = [
        (part.prompt_tokens, part.completion_tokens) for part in parts if part.prompt_tokens is not None
    ]
    assert counted == [(321, 12)]


async def test_request_asks_for_a_stream_with_usage(online: Settings, openai_server: OpenAIServer) -> None:
    """The model's name, the key, streaming and usage are on the wire."""
    await ask(online)
    [request] = openai_server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-1"
    assert request.body["model"] == "fake"
    assert request.body["stream"] is True
    assert request.body["stream_options"] == {"include_usage": True}


async def test_server_without_usage_or_key_does(
    make_settings: MakeSettings, openai_server: OpenAIServer
) -> None:
    """A server that wants no key and reports no usage is as good."""
    openai_server.answer("Yes.", usage=None)
    parts = await ask(make_settings(chat_model="openai:fake", openai_base_url=openai_server.url))
    assert read_text(parts) == "Yes."
    assert {part.prompt_tokens for part in parts} == {None}


async def test_azure_is_asked_by_its_deployment(
    make_settings: MakeSettings, openai_server: OpenAIServer
) -> None:
    """Azure OpenAI gets its deployment, version and key in the places where it wants them."""
    settings = make_settings(
        chat_model="azure_openai:my-deployment",
        azure_openai_endpoint=openai_server.origin,
        azure_openai_api_key="az-1",
        openai_api_version="2024-10-21",
    )
    openai_server.answer("Yes.", usage=(5, 1))
    assert read_text(await ask(settings)) == "Yes."
    [request] = openai_server.requests
    assert request.path == "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    assert request.headers["api-key"] == "az-1"


async def test_cut_answer_is_complete(online: Settings, openai_server: OpenAIServer) -> None:
    """Finish `length` is an answer; the reason is handed on."""
    openai_server.answer("It is 41", finish_reason="length")
    assert "length" in [part.finish_reason for part in await ask(online)]


@pytest.mark.parametrize(
    ("options", "error", "code", "received"),
    [
        ({"status": 401}, ProviderRejected, "provider_rejected", ""),
        ({"status": 403}, ProviderRejected, "provider_rejected", ""),
        ({"status": 429, "retry_after": 1}, ProviderRejected, "provider_rejected", ""),
        ({"status": 400}, ProviderError, "provider_error", ""),
        ({"status": 404}, ProviderError, "provider_error", ""),
        ({"status": 500}, ProviderUnavailable, "provider_unavailable", ""),
        ({"status": 503}, ProviderUnavailable, "provider_unavailable", ""),
        ({"text": ""}, ProviderError, "provider_error", ""),
        ({"text": " \n "}, ProviderError, "provider_error", None),
        ({"finish_reason": "content_filter"}, ProviderRejected, "provider_rejected", "one two three"),
        ({"finish_reason": "who_knows"}, ProviderError, "provider_error", "one two three"),
        ({"fault": "drop", "after": 2}, ProviderError, "provider_error", "one two"),
        ({"fault": "drop", "after": 0}, ProviderError, "provider_error", ""),
        ({"fault": "end_early", "after": 2}, ProviderError, "provider_error", "one two"),
        ({"fault": "torn", "after": 2}, ProviderError, "provider_error", "one two"),
        ({"fault": "hang", "after": 2}, ProviderTimeout, "provider_timeout", "one two"),
        ({"first_delay_s": 3}, ProviderTimeout, "provider_timeout", ""),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
async def test_each_fault_is_an_error_of_ours(
    online: Settings,
    openai_server: OpenAIServer,
    options: dict[str, object],
    error: type[GuichetError],
    code: str,
    received: str | None,
) -> None:
    """Each fault of a provider has its class, code and origin; what had come is handed on, nothing is retried."""
    openai_server.answer(**({"text": "one two three"} | options))  # type: ignore[arg-type]
    parts: list[Part] = []
    with pytest.raises(GuichetError) as failure:
        await ask_into(parts, online, timeout_s=3)
    assert type(failure.value) is error
    assert (failure.value.code, failure.value.origin) == (code, "provider")
    assert received is None or read_text(parts) == received
    assert len(openai_server.requests) == 1


async def test_server_that_is_not_there_is_unavailable(make_settings: MakeSettings) -> None:
    """An address where nobody answers is the provider's absence."""
    with pytest.raises(ProviderUnavailable):
        await ask(make_settings(chat_model="openai:fake", openai_base_url="http://127.0.0.1:1/v1"))


async def test_slow_stream_ends_at_the_deadline(online: Settings, openai_server: OpenAIServer) -> None:
    """A stream that makes progress all the time is ended by the deadline for all of it."""
    openai_server.answer("word " * 100, delay_s=0.05)
    parts: list[Part] = []
    started = time.monotonic()
    with pytest.raises(ProviderTimeout, match=r"1\.5 seconds"):
        await ask_into(parts, online, timeout_s=1.4, deadline_s=1.5)
    assert time.monotonic() - started < 4
    assert len(parts) > 2


async def test_reader_who_leaves_ends_the_request(online: Settings, openai_server: OpenAIServer) -> None:
    """Whoever stops reading lets go of the provider's connection at once."""
    openai_server.answer("one two three", fault="hang")
    model = build_chat_model(online)
    stream = stream_answer(model, QUESTION, timeout_s=5, deadline_s=5)
    await anext(stream)
    started = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - started < 1
    await close_model(model)


def test_models_work_in_one_event_loop_after_the_other(online: Settings) -> None:
    """A command that runs a loop per question meets no closed one."""
    for _ in range(3):
        assert read_text(asyncio.run(ask(online))) == "Certainly. [1]"


async def test_offline_model_streams_like_the_others(settings: Settings) -> None:
    """Without a model configured the offline one answers, with parts, usage and a finish reason."""
    model = build_chat_model(settings)
    assert isinstance(model, OfflineChatModel)
    assert name_model(settings) == "offline"
    passage = NumberedPassage(1, "Ports", "en/settings.md", "TEAPOT_PORT is the port. The default is 4180.")
    chain: Runnable[PromptInput, object] = RunnableLambda(build_messages) | model
    turn = PromptInput("I", "Which port is the default?", "en", (passage,))
    parts = [part async for part in stream_answer(chain, turn, timeout_s=60, deadline_s=60)]
    assert "4180" in read_text(parts)
    assert "stop" in [part.finish_reason for part in parts]
    assert sum(part.completion_tokens or 0 for part in parts) > 0


async def speak_slowly(_: object) -> AsyncIterator[AIMessageChunk]:
    """Give a word, then nothing."""
    yield AIMessageChunk("word")
    await asyncio.Event().wait()


async def test_only_the_wait_for_a_piece_is_timed() -> None:
    """A reader may take his time over a piece; the wait for the next one is what has an end."""
    stream = stream_answer(RunnableLambda(speak_slowly), "x", timeout_s=1, deadline_s=60)
    assert (await anext(stream)).text == "word"
    await asyncio.sleep(1.1)
    with pytest.raises(ProviderTimeout, match="no progress for 1 seconds"):
        await anext(stream)
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_deadline_holds_between_pieces() -> None:
    """The time for all runs on while pieces come, and is named where it is over."""
    stream = stream_answer(RunnableLambda(speak_slowly), "x", timeout_s=60, deadline_s=1)
    await anext(stream)
    with pytest.raises(ProviderTimeout, match="within 1 seconds"):
        await anext(stream)


async def test_reader_who_is_cancelled_is_not_timed_out() -> None:
    """A cancellation from elsewhere passes as what it is."""
    stream = stream_answer(RunnableLambda(speak_slowly), "x", timeout_s=60, deadline_s=60)
    await anext(stream)
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_fault_of_ours_is_not_called_the_providers() -> None:
    """An error of our own in the chain passes as it is."""

    async def fail(_: object) -> AsyncIterator[object]:
        raise RuntimeError("Event loop is closed")
        yield

    with pytest.raises(RuntimeError, match="Event loop is closed"):
        async for _ in stream_answer(RunnableLambda(fail), "x", timeout_s=1, deadline_s=1):
            pass


REQUEST = httpx.Request("POST", "http://127.0.0.1/v1")


@pytest.mark.parametrize(
    ("error", "has_begun", "expected"),
    [
        (httpx.ConnectError("x"), False, ProviderUnavailable),
        (httpx.RemoteProtocolError("x"), True, ProviderError),
        (httpx.ReadTimeout("x"), True, ProviderTimeout),
        (httpx.ConnectTimeout("x"), False, ProviderTimeout),
        (openai.APIConnectionError(request=REQUEST), False, ProviderUnavailable),
        (openai.APIConnectionError(request=REQUEST), True, ProviderError),
        (openai.APITimeoutError(request=REQUEST), False, ProviderTimeout),
        (openai.OpenAIError("x"), False, ProviderError),
        (json.JSONDecodeError("x", "", 0), True, ProviderError),
    ],
)
def test_errors_of_transport_and_sdk_are_the_providers(
    error: Exception, has_begun: bool, expected: type[ProviderError]
) -> None:
    """Every error of the SDK and of the transport below it has a class of ours."""
    assert type(translate(error, has_begun=has_begun)) is expected


def test_every_status_error_of_the_sdk_is_translated() -> None:
    """No class of the SDK, those of later versions too, passes as it is."""

    def list_classes(base: type[Exception]) -> list[type[Exception]]:
        return [base, *(found for child in base.__subclasses__() for found in list_classes(child))]

    for kind in list_classes(openai.OpenAIError):
        error = kind.__new__(kind)
        error.status_code = 418  # type: ignore[attr-defined]
        assert isinstance(translate(error, has_begun=False), ProviderError), kind


@pytest.mark.parametrize("error", [StoreUnavailable("x"), RuntimeError("x"), KeyError("x")])
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    """What is ours, or nobody's that we know, is not called the provider's."""
    assert translate(error, has_begun=False) is error
