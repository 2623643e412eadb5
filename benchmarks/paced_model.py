"""A model that writes 50 tokens a second for 10 seconds, to each question that names a stream a text of its own.

`PacedChatModel` runs in the process that asks; `python -m benchmarks.paced_model PORT` speaks OpenAI's wire format.
A token has its time from the answer's beginning, so that a late one does not put off those after it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

TOKENS = 500
TOKENS_PER_S = 50
OWN_TIME_S = TOKENS / TOKENS_PER_S
WARM_UP = 1_000
WARM_UP_TOKENS = 5
_STREAM = re.compile(r"stream-(\d+)")


def ask_stream(number: int) -> str:
    """Give a question that the documentation answers, with the number of its stream."""
    return f"How do I set a beta password? stream-{number}"


def write_tokens(number: int) -> list[str]:
    """Give the tokens of a stream: Markdown in paragraphs and lists, each word with the stream's number and its own.

    Args:
        number: `WARM_UP` for an answer of a few tokens.
    """
    count = WARM_UP_TOKENS if number == WARM_UP else TOKENS
    return [_write_token(number, place) for place in range(count)]


def find_words(text: str) -> list[tuple[int, int]]:
    """Give (stream, place) of each token found in a text."""
    return [(int(stream), int(place)) for stream, place in re.findall(r"s(\d+)t(\d+)", text)]


class PacedChatModel(BaseChatModel):
    """The model in the process that asks."""

    @property
    def _llm_type(self) -> str:
        return "paced"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("It only streams.")

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        tokens = write_tokens(_find_stream(str(messages[-1].content)))
        async for place in _keep_pace(len(tokens)):
            is_last = place == len(tokens) - 1
            metadata = {"finish_reason": "stop"} if is_last else {}
            yield ChatGenerationChunk(
                message=AIMessageChunk(content=tokens[place], response_metadata=metadata)
            )


async def serve(port: int) -> None:
    """Serve on loopback until the process ends."""
    server = await asyncio.start_server(_answer_requests, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


async def _answer_requests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
            number = _find_stream((await reader.readexactly(length)).decode())
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            tokens = write_tokens(number)
            async for place in _keep_pace(len(tokens)):
                writer.write(_encode_chunk(number, {"content": tokens[place]}))
            writer.writelines([_encode_chunk(number, {}, "stop"), _encode("[DONE]"), b"0\r\n\r\n"])
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        # A client that leaves.
        writer.close()


def _encode_chunk(number: int, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": f"c-{number}", "object": "chat.completion.chunk", "created": 1, "model": "paced"}
    return _encode(json.dumps(chunk | {"choices": [choice]}))


def _encode(data: str) -> bytes:
    line = f"data: {data}\n\n".encode()
    return f"{len(line):x}\r\n".encode() + line + b"\r\n"


async def _keep_pace(count: int) -> AsyncIterator[int]:
    """Give the places 0, 1, … each at its time."""
    started = time.monotonic()
    for place in range(count):
        rest = started + place / TOKENS_PER_S - time.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)
        yield place


def _find_stream(text: str) -> int:
    return int(_STREAM.findall(text)[-1])


def _write_token(number: int, place: int) -> str:
    word = f"s{number}t{place}"
    if place % 100 == 99:
        return f"{word} [1].\n\n"
    if place % 100 == 49:
        return f"{word}:\n\n- "
    if place % 100 in (60, 70, 80):
        return f"`{word}`\n- "
    return f"**{word}** " if place % 25 == 0 else f"{word} "


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
