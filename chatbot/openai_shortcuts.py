"""What the openai package does slowly for every answer, done quickly where the outcome is the same; and what it drops.

The package builds a piece field by field, so that one which breaks its schema passes too; that was a third of what a
streamed token cost here (openai 3.54, measured with `python -m benchmarks streams`). A piece that keeps to the schema
is the same either way; any other is still read as the package reads it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
from openai import AsyncOpenAI
from openai.resources.chat.completions import AsyncCompletions
from openai.types.chat import ChatCompletionChunk
from pydantic import ValidationError


def read_chunks_quickly(client: AsyncOpenAI) -> None:
    """Have a client read its streams so; a version of the package that asks for no reading like this stays as it is."""
    read = client._process_response_data

    def read_quickly(*, data: Any, cast_to: Any, response: Any) -> Any:
        if cast_to is ChatCompletionChunk:
            try:
                return ChatCompletionChunk.model_validate(data)
            except ValidationError:
                # Servers have reasons and fields of their own.
                pass
        return read(data=data, cast_to=cast_to, response=response)

    client._process_response_data = read_quickly  # type: ignore[method-assign]


def send_messages_as_they_are(completions: AsyncCompletions) -> None:
    """Have messages of plain text sent as they come.

    The package looks at each in every form that a message can have, for fields it would have to rewrite, and finds none
    in text: a tenth of what the beginning of an answer cost here. What `extra_body` names, it sends unlooked at.
    """
    create: Any = completions.create

    async def create_quickly(*, messages: Any, extra_body: Any = None, **given: Any) -> Any:
        if all(isinstance(message.get("content"), str) for message in messages):
            extra_body, messages = {**(extra_body or {}), "messages": list(messages)}, []
        return await create(messages=messages, extra_body=extra_body, **given)

    completions.create = create_quickly  # type: ignore[method-assign]


def keep_what_came(client: httpx2.AsyncClient) -> None:
    """Have a client over aiohttp give, where a connection breaks, what had come by then and was not read yet.

    aiohttp's reader raises the break first, and what lies in it is never given: with every answer that breaks off some
    words would go that the model's server had sent.
    """
    transport: Any = client._transport
    handle = transport.handle_async_request

    async def handle_whole(request: httpx2.Request) -> httpx2.Response:
        response: httpx2.Response = await handle(request)
        response.stream = _Whole(response.stream)
        return response

    transport.handle_async_request = handle_whole


class _Whole(httpx2.AsyncByteStream):
    """A response's bytes over aiohttp, to the last that came."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        try:
            async for piece in self._stream:
                yield piece
        except httpx2.TransportError:
            content = self._stream._aiohttp_response.content
            content.set_exception(None)
            if rest := content.read_nowait():
                yield rest
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()
