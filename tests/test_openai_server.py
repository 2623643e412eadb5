"""The server of the tests speaks the wire format as the real ones do, faults and all."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import httpx
import pytest

from tests.openai_server import Answer, OpenAIServer

BODY = {"model": "any", "messages": [{"role": "user", "content": "Hello, teapot!"}]}
STREAM = BODY | {"stream": True, "stream_options": {"include_usage": True}}


def post(server: OpenAIServer, body: dict[str, Any] = BODY, timeout_s: float = 5) -> httpx.Response:
    """Send one request."""
    return httpx.post(f"{server.url}/chat/completions", json=body, timeout=timeout_s)


def read_stream(server: OpenAIServer, body: dict[str, Any] = STREAM) -> list[dict[str, Any]]:
    """Give the chunks of a stream that ends well."""
    lines = [line for line in post(server, body).text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def test_stream_gives_pieces_then_the_reason_then_usage(openai_server: OpenAIServer) -> None:
    """A stream begins with the role, ends with the finish reason, and usage follows where it was asked for."""
    openai_server.answer("Tea is ready. [1]")
    chunks = read_stream(openai_server)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[:-1]) == "Tea is ready. [1]"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"] == {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}
    assert openai_server.requests[0].body["stream"] is True


def test_stream_has_no_usage_unless_asked(openai_server: OpenAIServer) -> None:
    """Without `include_usage` the stream ends with the finish reason."""
    chunks = read_stream(openai_server, BODY | {"stream": True})
    assert all("usage" not in chunk for chunk in chunks)


def test_plain_answer_and_scripted_order(openai_server: OpenAIServer) -> None:
    """Scripted answers come in their order, then the default."""
    openai_server.answer("one", usage=(11, 7))
    openai_server.answer("two", finish_reason="length")
    openai_server.default = lambda body: Answer(body["messages"][-1]["content"].upper())
    first, second, third = (post(openai_server).json() for _ in range(3))
    assert first["choices"][0]["message"]["content"] == "one"
    assert first["usage"]["total_tokens"] == 18
    assert second["choices"][0]["finish_reason"] == "length"
    assert third["choices"][0]["message"]["content"] == "HELLO, TEAPOT!"


@pytest.mark.parametrize("status", [401, 429, 500])
def test_error_status_has_openai_body(openai_server: OpenAIServer, status: int) -> None:
    """A scripted error looks like OpenAI's."""
    openai_server.fail(status, retry_after=7)
    response = post(openai_server)
    assert response.status_code == status
    assert response.headers["retry-after"] == "7"
    assert response.json()["error"]["code"]


def test_dropped_stream_breaks_the_transport(openai_server: OpenAIServer) -> None:
    """A drop is seen by the transport, after the pieces that had come."""
    openai_server.answer("one two three", fault="drop", after=2)
    with pytest.raises(httpx.RemoteProtocolError):
        post(openai_server, STREAM)


def test_early_end_looks_like_success_without_a_reason(openai_server: OpenAIServer) -> None:
    """A stream that ends early has neither finish reason nor usage, and its transport sees nothing."""
    openai_server.answer("one two three", fault="end_early", after=2)
    text = post(openai_server, STREAM).text
    assert "one" in text
    assert "two" in text
    assert "three" not in text
    assert '"stop"' not in text


def test_torn_chunk_is_no_json(openai_server: OpenAIServer) -> None:
    """A torn chunk cannot be read."""
    openai_server.answer("one two", fault="torn")
    last = post(openai_server, STREAM).text.strip().split("\n\n")[-1]
    with pytest.raises(json.JSONDecodeError):
        json.loads(last.removeprefix("data: "))


def test_hang_lasts_until_the_server_closes() -> None:
    """A hanging answer holds its client, and not the end of the test."""
    server = OpenAIServer().start()
    server.answer("one two", fault="hang")
    failures: list[Exception] = []

    def ask() -> None:
        try:
            post(server, STREAM, timeout_s=30)
        except httpx.HTTPError as error:
            failures.append(error)

    client = threading.Thread(target=ask)
    client.start()
    client.join(0.3)
    assert client.is_alive()
    started = time.monotonic()
    server.close()
    client.join(5)
    assert not client.is_alive()
    assert failures
    assert time.monotonic() - started < 2


def test_empty_answer_is_a_success(openai_server: OpenAIServer) -> None:
    """An empty answer ends as a good one does."""
    openai_server.answer("")
    chunks = read_stream(openai_server)
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]] == [None, "stop"]


def test_delays_hold_each_piece_and_streams_run_at_once(openai_server: OpenAIServer) -> None:
    """A delay is waited before each piece, of many answers at the same time."""
    openai_server.default = Answer("one two three", delay_s=0.1)
    started = time.monotonic()
    clients = [threading.Thread(target=read_stream, args=(openai_server,)) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert 0.4 <= time.monotonic() - started < 1.5
    assert openai_server.most_active == 4
