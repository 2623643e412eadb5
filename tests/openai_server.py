"""A real HTTP server that speaks the wire format of OpenAI's chat completions and embeddings, faults and all.

    with OpenAIServer() as server:
        server.answer("Run `bwcli unban`. [1]", delay_s=0.02)
        settings = make_settings(chat_model="openai:any", openai_base_url=server.url, openai_api_key="key")
        ...
        assert server.requests[0].body["stream"] is True

Answers are given in the order in which they were scripted, then `default` again and again. Embeddings are made by
`embed`, a function from text to vector that may be replaced; their faults are scripted by `fail_embeddings`.
"""

from __future__ import annotations

import json
import math
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["drop", "end_early", "torn", "hang"]
EmbeddingFault = Literal["drop", "torn", "hang", "too_few", "uneven", "empty", "not_a_number"]

CHARACTERS_PER_TOKEN = 4
REASONS = {
    400: "invalid_request_error",
    401: "invalid_api_key",
    404: "model_not_found",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "server_error",
}
_PIECE = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request is answered.

    Args:
        text: what the model says; empty gives an answer without any text.
        pieces: the chunks of a stream; by default one per word.
        delay_s: waited before each chunk, and before a plain answer.
        first_delay_s: waited before the response begins.
        status: another than 200 gives OpenAI's error body instead of an answer.
        retry_after: the header of that name.
        finish_reason: as the provider says it: `stop`, `length`, `content_filter`.
        usage: (prompt, completion) tokens; None reports none, `()` counts characters / 4.
        fault: `drop` breaks the connection off, `end_early` ends the stream without finish reason, `torn` sends a chunk
            that is no JSON, `hang` falls silent until the server closes.
        after: how many chunks come before the fault.
    """

    text: str = "Certainly. [1]"
    pieces: tuple[str, ...] = ()
    delay_s: float = 0.0
    first_delay_s: float = 0.0
    status: int = 200
    retry_after: int | None = None
    finish_reason: str = "stop"
    usage: tuple[int, int] | tuple[()] | None = ()
    fault: Fault | None = None
    after: int = 1

    def split(self) -> tuple[str, ...]:
        """Give the chunks of a stream."""
        return self.pieces or tuple(_PIECE.findall(self.text))

    def count_usage(self, body: dict[str, Any]) -> dict[str, int] | None:
        """Give the usage object of a request."""
        if self.usage is None:
            return None
        if self.usage:
            prompt, completion = self.usage
        else:
            sent = "".join(str(message.get("content") or "") for message in body.get("messages", []))
            prompt, completion = _count(sent), _count("".join(self.split()))
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }


@dataclass(frozen=True, slots=True)
class EmbeddingFailure:
    """How a request for embeddings fails.

    Args:
        status: another than 200 gives OpenAI's error body.
        retry_after: the header of that name, as it is.
        fault: with status 200: `drop`, `torn` and `hang` as for answers; `too_few` leaves a vector out, `uneven`
            shortens one, `empty` gives none, `not_a_number` puts a NaN into one.
        delay_s: waited before the response, which is a good one if there is neither status nor fault.
    """

    status: int = 200
    retry_after: str | None = None
    fault: EmbeddingFault | None = None
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


Default = Answer | Callable[[dict[str, Any]], Answer]
Embed = Callable[[str], Sequence[float]]


def embed_letters(text: str) -> list[float]:
    """Embed a text by how often it has each letter: enough for equal texts to be nearest."""
    return [1.0 + text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"]


@dataclass(slots=True)
class _State:
    default: Default
    embed: Embed = embed_letters
    max_batch: int = 2048
    max_characters: int = 100_000
    lock: threading.Lock = field(default_factory=threading.Lock)
    scripted: deque[Answer] = field(default_factory=deque)
    failures: deque[EmbeddingFailure] = field(default_factory=deque)
    requests: list[Recorded] = field(default_factory=list)
    connections: set[socket.socket] = field(default_factory=set)
    is_closing: threading.Event = field(default_factory=threading.Event)
    active: int = 0
    most_active: int = 0


class OpenAIServer:
    """The server, in a thread of its own, on a free port of loopback.

    Args:
        default: the answer where none is scripted, or a function from the request's body to it.
    """

    def __init__(self, default: Default | None = None) -> None:
        self._state = _State(default or Answer())
        self._server = _Server(("127.0.0.1", 0), _Handler, self._state)
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.01), name="openai-server", daemon=True
        )

    @property
    def url(self) -> str:
        """What `OPENAI_BASE_URL` is set to."""
        return f"{self.origin}/v1"

    @property
    def origin(self) -> str:
        """The address without a path (`AZURE_OPENAI_ENDPOINT`)."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> list[Recorded]:
        """Every request that came for an answer, the oldest first."""
        with self._state.lock:
            return list(self._state.requests)

    @property
    def most_active(self) -> int:
        """How many answers were written at once at most."""
        return self._state.most_active

    @property
    def default(self) -> Default:
        """The answer where none is scripted; may be replaced."""
        return self._state.default

    @default.setter
    def default(self, answer: Default) -> None:
        self._state.default = answer

    def answer(self, text: str = Answer.text, **options: Any) -> None:
        """Script the next answer; options are those of `Answer`."""
        with self._state.lock:
            self._state.scripted.append(Answer(text, **options))

    def fail(self, status: int, **options: Any) -> None:
        """Script an error status as the next answer."""
        self.answer(status=status, **options)

    @property
    def embed(self) -> Embed:
        """What makes a vector of a text; may be replaced."""
        return self._state.embed

    @embed.setter
    def embed(self, function: Embed) -> None:
        self._state.embed = function

    @property
    def embedded(self) -> list[list[str]]:
        """The texts of every request for embeddings, the oldest first."""
        return [recorded.body["input"] for recorded in self.requests if "input" in recorded.body]

    def limit_embeddings(self, max_batch: int = 2048, max_characters: int = 100_000) -> None:
        """Refuse with 413 more texts at once, and with 400 longer ones, as small servers do."""
        self._state.max_batch = max_batch
        self._state.max_characters = max_characters

    def fail_embeddings(self, status: int = 200, *, times: int = 1, **options: Any) -> None:
        """Script the failure of the next requests for embeddings; options are those of `EmbeddingFailure`."""
        with self._state.lock:
            self._state.failures.extend([EmbeddingFailure(status, **options)] * times)

    def mend_embeddings(self) -> None:
        """Take back the failures that have not come yet."""
        with self._state.lock:
            self._state.failures.clear()

    def start(self) -> OpenAIServer:
        """Begin to serve."""
        self._thread.start()
        return self

    def close(self) -> None:
        """End every answer, hanging ones too, and wait for their threads."""
        self._state.is_closing.set()
        self._server.shutdown()
        self._thread.join()
        with self._state.lock:
            connections = list(self._state.connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def __enter__(self) -> OpenAIServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], state: _State
    ) -> None:
        super().__init__(address, handler)
        self.state = state

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.state.lock:
            self.server.state.connections.add(self.connection)

    def finish(self) -> None:
        with self.server.state.lock:
            self.server.state.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        if self.path.endswith("/models"):
            return self._send_json(200, {"object": "list", "data": [{"id": "any", "object": "model"}]})
        return self._send_error(404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        route = self.path.partition("?")[0]
        state = self.server.state
        headers = {name.lower(): value for name, value in self.headers.items()}
        if route.endswith("/embeddings"):
            with state.lock:
                state.requests.append(Recorded(self.path, headers, body))
                failure = state.failures.popleft() if state.failures else EmbeddingFailure()
            try:
                return self._embed(failure, body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
                return None
        if not route.endswith("/chat/completions"):
            return self._send_error(404)
        with state.lock:
            state.requests.append(Recorded(self.path, headers, body))
            answer = state.scripted.popleft() if state.scripted else None
            state.active += 1
            state.most_active = max(state.most_active, state.active)
        if answer is None:
            answer = state.default(body) if callable(state.default) else state.default
        try:
            self._answer(answer, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with state.lock:
                state.active -= 1

    def _answer(self, answer: Answer, body: dict[str, Any]) -> None:
        self._wait(answer.first_delay_s)
        if answer.status != 200:
            self._send_error(answer.status, answer.retry_after)
        elif body.get("stream"):
            self._stream(answer, body)
        else:
            self._complete(answer, body)

    def _stream(self, answer: Answer, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, chunk in enumerate(self._list_chunks(answer, body)):
            if answer.fault and number > answer.after:
                return self._break(answer.fault)
            if number:
                self._wait(answer.delay_s)
            self._send_chunk(f"data: {json.dumps(chunk)}\n\n")
        if answer.fault:
            return self._break(answer.fault)
        self._send_chunk("data: [DONE]\n\n")
        return self._send_chunk("")

    def _list_chunks(self, answer: Answer, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the role, the pieces, the finish reason and, where it was asked for, the usage."""
        wants_usage = (body.get("stream_options") or {}).get("include_usage")
        usage = answer.count_usage(body) if wants_usage else None
        base = _head(body, "chat.completion.chunk")

        def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
            return base | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

        yield chunk({"role": "assistant", "content": ""})
        for piece in answer.split():
            yield chunk({"content": piece})
        yield chunk({}, answer.finish_reason)
        if usage:
            yield base | {"choices": [], "usage": usage}

    def _break(self, fault: Fault) -> None:
        if fault == "hang":
            self.server.state.is_closing.wait()
        elif fault == "end_early":
            return self._send_chunk("")
        elif fault == "torn":
            self._send_chunk('data: {"id": "chatcmpl-1", "choices": [{"index": 0, "del\n\n')
            return self._send_chunk("")
        return self._drop()

    def _complete(self, answer: Answer, body: dict[str, Any]) -> None:
        self._wait(answer.delay_s)
        text = "".join(answer.split())
        message = {"role": "assistant", "content": text}
        document = _head(body, "chat.completion") | {
            "choices": [{"index": 0, "message": message, "finish_reason": answer.finish_reason}],
            "usage": answer.count_usage(body),
        }
        content = json.dumps(document).encode()
        if answer.fault is None:
            return self._send_body(200, content)
        if answer.fault == "torn":
            return self._send_body(200, content[: len(content) // 2])
        if answer.fault == "hang":
            self.server.state.is_closing.wait()
            return self._drop()
        # Fewer bytes than were announced: the transport's own way to see an end that came too early.
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        return self._drop()

    def _embed(self, failure: EmbeddingFailure, body: dict[str, Any]) -> None:
        self._wait(failure.delay_s)
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        # Servers beside OpenAI's know texts and floats alone.
        is_plain = all(isinstance(text, str) for text in texts) and body.get("encoding_format") == "float"
        state = self.server.state
        if failure.status != 200:
            return self._send_error(failure.status, failure.retry_after)
        if not is_plain or any(len(text) > state.max_characters for text in texts):
            return self._send_error(400)
        if len(texts) > state.max_batch:
            return self._send_error(413)
        vectors = [list(state.embed(text)) for text in texts]
        if failure.fault in ("drop", "hang"):
            if failure.fault == "hang":
                state.is_closing.wait()
            return self._drop()
        _spoil(vectors, failure.fault)
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        usage = {"prompt_tokens": sum(map(_count, texts)), "total_tokens": sum(map(_count, texts))}
        document = {"object": "list", "data": data, "model": body.get("model", "any"), "usage": usage}
        content = json.dumps(document).encode()
        return self._send_body(200, content[: len(content) // 2] if failure.fault == "torn" else content)

    def _wait(self, seconds: float) -> None:
        if seconds and self.server.state.is_closing.wait(seconds):
            raise BrokenPipeError

    def _drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send_chunk(self, text: str) -> None:
        content = text.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def _send_error(self, status: int, retry_after: int | str | None = None) -> None:
        reason = REASONS.get(status, "server_error")
        error = {"message": f"Scripted failure {status}.", "type": reason, "param": None, "code": reason}
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._send_json(status, {"error": error}, headers)

    def _send_json(
        self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self._send_body(status, json.dumps(document).encode(), headers)

    def _send_body(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": int(time.time()),
        "model": body.get("model", "any"),
    }


def _spoil(vectors: list[list[float]], fault: EmbeddingFault | None) -> None:
    if fault == "too_few":
        vectors.pop()
    elif fault == "empty":
        vectors.clear()
    elif fault == "uneven":
        vectors[-1].pop()
    elif fault == "not_a_number":
        vectors[-1][0] = math.nan


def _count(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
