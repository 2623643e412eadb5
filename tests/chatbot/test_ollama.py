"""A local model behind Ollama, by its wire: no key, its own chunks, thoughts, and a model that is not there.

Source of the wire's form: answers of Ollama's `/v1` as its users have published them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chatbot.errors import ProviderError
from chatbot.events import Failed, Reply, Token
from chatbot.models import build_chat_model, close_model, stream_answer
from tests.chatbot.conftest import ANSWERABLE, Counter, MakeCounter
from tests.chatbot.test_conversation import run
from tests.conftest import MakeSettings

MODEL = "qwen3:4b"


class Ollama(ThreadingHTTPServer):
    """Streams `pieces`, each a delta, to whoever asks for `MODEL`, with or without a key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pieces: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Give the base URL as a setting takes it."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Ollama

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        if body["model"] != MODEL:
            error = {"message": f"model '{body['model']}' not found", "type": "not_found_error", "code": None}
            self._send(404, "application/json", json.dumps({"error": error}))
            return
        deltas = [{"role": "assistant", "content": "", **piece} for piece in self.server.pieces]
        chunks = [_make_chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
        end = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 700, "completion_tokens": 60, "total_tokens": 760}
        chunks += [_make_chunk([end]), _make_chunk([], usage=usage)]
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        self._send(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _send(self, status: int, media_type: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _make_chunk(choices: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    chunk = {"id": "chatcmpl-730", "object": "chat.completion.chunk", "created": 1788158498, "model": MODEL}
    return {**chunk, "system_fingerprint": "fp_ollama", "choices": choices, **values}


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    """Give a server that listens."""
    with Ollama() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
async def counter(make_counter: MakeCounter, ollama: Ollama) -> AsyncIterator[Counter]:
    """Give a conversation whose model is Ollama's."""
    counter = make_counter(chat_model=f"openai:{MODEL}", openai_base_url=ollama.url)
    counter.add_thread()
    yield counter
    await counter.conversation.close()


async def test_question_is_answered_without_a_key(counter: Counter, ollama: Ollama) -> None:
    """The model's name goes out tag and all; text, citation and the server's own count of tokens come back."""
    ollama.pieces = [{"content": piece} for piece in ("It is", " 4180.", " [1]")]
    reply = (await run(counter, ANSWERABLE))[-1]
    assert isinstance(reply, Reply)
    assert (reply.status, reply.answer) == ("complete", "It is 4180. [1]")
    assert [passage.number for passage in reply.passages] == [1]
    row = counter.list_messages()[1]
    assert (row.model, row.prompt_tokens, row.completion_tokens) == (f"openai:{MODEL}", 700, 60)
    assert ollama.bodies[0]["model"] == MODEL


@pytest.mark.parametrize(
    "pieces",
    [
        [
            {"content": "<think>"},
            {"content": "\nThe port? [7]\n"},
            {"content": "</think>\n\nIt is"},
            {"content": " 4180. [1]"},
        ],
        [{"reasoning": "The port? [7]"}, {"content": "It is 4180. [1]"}],
    ],
    ids=["in the text", "apart"],
)
async def test_thoughts_are_neither_shown_nor_stored(
    counter: Counter, ollama: Ollama, pieces: list[dict[str, str]]
) -> None:
    """Whether a model's thoughts come in the text or apart from it, only the answer is seen."""
    ollama.pieces = pieces
    events = await run(counter, ANSWERABLE)
    assert "".join(event.text for event in events if isinstance(event, Token)).strip() == "It is 4180. [1]"
    assert counter.list_messages()[1].content.strip() == "It is 4180. [1]"


async def test_thoughts_alone_are_no_answer(counter: Counter, ollama: Ollama) -> None:
    """A model that thinks and then says nothing has failed, and the failure is the provider's."""
    ollama.pieces = [{"content": "<think>Hm.</think>"}]
    failed = (await run(counter, ANSWERABLE))[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.origin) == ("provider_error", "provider")


async def test_model_that_was_not_pulled_is_said(make_settings: MakeSettings, ollama: Ollama) -> None:
    """A name that Ollama does not know is the provider's refusal, with its status."""
    model = build_chat_model(make_settings(chat_model="openai:absent", openai_base_url=ollama.url))
    try:
        with pytest.raises(ProviderError, match="404"):
            [part async for part in stream_answer(model, "Hello", timeout_s=5, deadline_s=10)]
    finally:
        await close_model(model)
