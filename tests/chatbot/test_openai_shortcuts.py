"""Requests and pieces of a stream are the same, however quickly they are written and read."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from chatbot.openai_shortcuts import keep_what_came, read_chunks_quickly, send_messages_as_they_are
from tests.openai_server import Answer, OpenAIServer

HEAD: dict[str, Any] = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
KEPT: list[dict[str, Any]] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": "Port"}, "finish_reason": None, "logprobs": None}]},
    {"choices": [{"index": 0, "delta": {"content": "x", "reasoning_content": "y"}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}], "system_fingerprint": "f", "own": 1},
    {"choices": [], "usage": USAGE},
    {"choices": [], "usage": None, "prompt_filter_results": [{"prompt_index": 0}]},
]
BROKEN: list[dict[str, Any]] = [
    {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "eos"}]},
    {"choices": [{"delta": {"content": "x"}}]},
    {"choices": None, "created": None},
]


def read(data: Any, *, is_quick: bool, kind: type = ChatCompletionChunk) -> Any:
    """Have a client read one piece."""
    client = openai.AsyncOpenAI(api_key="none")
    if is_quick:
        read_chunks_quickly(client)
    return client._process_response_data(data=data, cast_to=kind, response=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("piece", [*KEPT, *BROKEN])
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning:pydantic")
def test_piece_is_read_as_the_package_reads_it(piece: dict[str, Any]) -> None:
    """With fields of a server's own, and where it breaks the schema: nothing is lost, nothing is refused."""
    quick, slow = (read(HEAD | piece, is_quick=is_quick) for is_quick in (True, False))
    assert type(quick) is type(slow) is ChatCompletionChunk
    assert quick.model_dump() == slow.model_dump()


def test_pieces_that_keep_the_schema_are_not_built_by_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own reading is asked for those alone that break it."""
    asked: list[Any] = []
    monkeypatch.setattr(
        openai.AsyncOpenAI, "_process_response_data", lambda self, *, data, **_: asked.append(data)
    )
    for piece in [*KEPT, *BROKEN]:
        read(HEAD | piece, is_quick=True)
    assert asked == [HEAD | piece for piece in BROKEN]
    read({}, is_quick=True, kind=dict)
    assert asked[-1] == {}


TEXT: list[dict[str, Any]] = [
    {"role": "system", "content": "Answer from the passages."},
    {"role": "user", "content": "Quel port ? \U0001fad6"},
]
PICTURE: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
    {"role": "assistant", "content": None, "tool_calls": []},
]


@pytest.mark.parametrize("messages", [TEXT, PICTURE, [*TEXT, *PICTURE]])
@pytest.mark.parametrize("given", [{}, {"extra_body": {"top_k": 3}}])
async def test_request_is_written_as_the_package_writes_it(
    openai_server: OpenAIServer, messages: list[dict[str, Any]], given: dict[str, Any]
) -> None:
    """Text, other forms, and a caller's own fields reach the server as they would."""
    bodies = []
    for is_quick in (True, False):
        async with openai.AsyncOpenAI(api_key="none", base_url=openai_server.url) as client:
            if is_quick:
                send_messages_as_they_are(client.chat.completions)
            await client.chat.completions.create(model="m", messages=messages, **given)  # type: ignore[call-overload]
        bodies.append(openai_server.requests[-1].body)
    assert bodies[0] == bodies[1]
    assert bodies[0]["messages"] == messages


async def test_messages_of_text_are_not_looked_through(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's own look at the request meets none of them."""
    seen: list[Any] = []
    module = "openai.resources.chat.completions.completions.async_maybe_transform"

    async def transform(data: Any, _kind: Any) -> Any:
        seen.append(data["messages"])
        return data

    monkeypatch.setattr(module, transform)
    async with openai.AsyncOpenAI(api_key="none", base_url=openai_server.url) as client:
        send_messages_as_they_are(client.chat.completions)
        await client.chat.completions.create(model="m", messages=TEXT)  # type: ignore[arg-type]
    assert seen == [[]]


async def test_words_that_came_before_a_break_are_given(openai_server: OpenAIServer) -> None:
    """Who looks only after the connection broke finds all that had come by then, and then the break."""
    openai_server.default = Answer("One two three.", fault="drop", after=2)
    http = openai.DefaultAioHttpClient()
    keep_what_came(http)
    words = []
    async with openai.AsyncOpenAI(
        api_key="none", base_url=openai_server.url, http_client=http, max_retries=0
    ) as client:
        stream = await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "Count."}], stream=True
        )
        # Too short a moment makes the test easier, never red.
        await asyncio.sleep(0.3)
        with pytest.raises(openai.APIConnectionError):
            async for piece in stream:
                words.append(piece.choices[0].delta.content)
    assert "".join(word or "" for word in words) == "One two"
