"""Streams: comments in silence, readers that do not read, answers of another process, events seen already."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from apps.chat import turn_stream
from chatbot.store import leases, threads
from chatbot.store.records import Message
from tests.apps.chat.conftest import (
    ANSWERABLE,
    NOWHERE,
    SLOW,
    Client,
    Serve,
    Service,
    collect,
    read_code,
    wait_for,
)
from tests.conftest import Clock
from tests.openai_server import Answer, OpenAIServer

LONG = Answer(pieces=tuple(f"{number} is a long word. " * 50 for number in range(150)))


# Silence


async def test_comment_is_sent_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing comes a comment is sent every 15 seconds, and the next line is not lost by it."""
    assert turn_stream.KEEP_ALIVE_S == 15
    monkeypatch.setattr(turn_stream, "KEEP_ALIVE_S", 0.02)
    gate = asyncio.Event()

    async def speak() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        await gate.wait()
        yield "data: 2\n\n"

    lines: list[str] = []
    async for line in turn_stream.stream_lines(speak()).body_iterator:
        lines.append(str(line))
        if len(lines) == 4:
            gate.set()
    assert lines[0] == "data: 1\n\n"
    assert lines[-1] == "data: 2\n\n"
    assert set(lines[1:-1]) == {": still here\n\n"}


def test_comment_reaches_the_client(
    online: Service, shared_model: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client whose answer is thought about sees comments, also where it takes a stream up again."""
    monkeypatch.setattr(turn_stream, "KEEP_ALIVE_S", 0.05)
    shared_model.default = Answer("One two. [1]", first_delay_s=0.5)
    tester = online.tester()
    thread = tester.start_chat()
    body = {"thread_id": thread, "message": ANSWERABLE}
    with tester.stream("POST", "/api/chat", json=body, headers={"accept": "text/event-stream"}) as response:
        lines = list(response.iter_lines())
    assert ": still here" in lines
    assert [line for line in lines if line.startswith("event: ")][-1] == "event: done"


# Readers


async def test_line_is_made_when_it_is_asked_for() -> None:
    """However much there is to say, no more is made than the reader took: nothing piles up behind a slow one."""
    made = 0

    async def speak() -> AsyncIterator[str]:
        nonlocal made
        while True:
            made += 1
            yield f"data: {made}\n\n"

    lines = turn_stream.stream_lines(speak()).body_iterator
    for _ in range(3):
        await anext(lines)
        await asyncio.sleep(0)
    assert made == 3
    await lines.aclose()  # type: ignore[attr-defined]


def open_raw(service: Service, client: Client, thread: str) -> socket.socket:
    """Ask for a stream over a socket with a small buffer, and read nothing of it."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect((host, int(port)))
    body = json.dumps({"thread_id": thread, "message": ANSWERABLE}).encode()
    head = (
        f"POST /api/chat HTTP/1.1\r\nHost: {host}\r\nCookie: guichet={client.cookies['guichet']}\r\n"
        f"Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def test_reader_that_does_not_read_holds_up_nobody(online: Service, shared_model: OpenAIServer) -> None:
    """Beside readers who read nothing of a long answer another gets his, and what waits for them stays bounded."""
    testers = [online.tester() for _ in range(4)]
    started = [tester.start_chat() for tester in testers]
    reader = online.tester()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        shared_model.default = LONG
        sockets = [open_raw(online, *pair) for pair in zip(testers, started, strict=True)]
        answers = [
            tester.wait_for_answers(thread)[0] for tester, thread in zip(testers, started, strict=True)
        ]
        assert all(len(answer["content"]) > 100_000 for answer in answers)
        shared_model.default = Answer("Port 4180. [1]")
        reply = reader.ask(reader.start_chat()).json()
        assert reply["answered"] is True
        # Each event is kept once, by the turn, and of the rendered states the last.
        kept = tracemalloc.get_traced_memory()[0] - before
        assert kept < 12 * sum(len(answer["content"]) for answer in answers)
    finally:
        tracemalloc.stop()
        for connection in sockets:
            connection.close()


def test_slow_reader_gets_the_whole_answer(online: Service, shared_model: OpenAIServer) -> None:
    """Who begins to read after the end reads all words and the end."""
    shared_model.default = LONG
    tester = online.tester()
    thread = tester.start_chat()
    with closing(open_raw(online, tester, thread)) as connection:
        tester.wait_for_answers(thread)
        connection.settimeout(10)
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += connection.recv(65536)
    texts = [
        json.loads(line[6:])["text"]
        for line in received.decode(errors="ignore").split("\n")
        if line.startswith('data: {"text"')
    ]
    assert len("".join(texts)) > 100_000


# Taking up again


def test_events_go_on_after_the_last_seen(asker: Client, shared_model: OpenAIServer) -> None:
    """`Last-Event-ID` continues a stream without gap or repeat, while the answer is written and after."""
    shared_model.default = SLOW
    thread = asker.start_chat()
    with asker.ask_streaming(thread) as events:
        seen = [next(events) for _ in range(3)]
    message_id = seen[0].data["message_id"]
    path = f"/api/messages/{message_id}/events"
    rest = collect(asker, path, **{"last-event-id": str(seen[-1].number)})
    again = collect(asker, path, **{"last-event-id": str(seen[-1].number)})
    assert [event.number for event in rest] == sorted({event.number for event in rest})
    assert rest[0].number == seen[-1].number + 1
    assert (rest[-1].name, rest[-1]) == ("done", again[-1])
    words = "".join(event.data["text"] for event in [*seen, *again] if event.name == "token")
    assert words == again[-1].data["answer"]
    last = {"last-event-id": str(again[-1].number)}
    assert asker.get(path, headers=last).status_code == 204


def test_end_of_another_process_comes_from_the_store(serve: Serve, openai_server: OpenAIServer) -> None:
    """A second service over the same store waits for the first one's answer and gives it: one `done`, once."""
    options: dict[str, Any] = {
        "chat_model": "openai:fake",
        "openai_base_url": openai_server.url,
        "openai_api_key": "sk-test",
    }
    openai_server.default = Answer("Port 4180. [1]", delay_s=0.4)
    second = serve(**options)
    first = serve(**options)
    asker = first.tester()
    other = second.client(headers={"cookie": f"guichet={asker.cookies['guichet']}"})
    thread = asker.start_chat()
    with asker.ask_streaming(thread) as events:
        message_id = next(events).data["message_id"]
        path = f"/api/messages/{message_id}/events"
        (done,) = collect(other, path)
        assert done.name == "done"
        assert done.data["answer"] == list(events)[-1].data["answer"]
    assert collect(other, path, **{"last-event-id": str(done.number)}) == []
    assert read_code(second.tester().get(path)) == (404, "unknown_message")


def test_answer_whose_process_died_ends_as_interrupted(serve: Serve, clock: Clock) -> None:
    """Where the writer is gone the lease runs out, and whoever follows gets one `error`."""
    service = serve(clock=clock)
    tester = service.tester()
    thread = tester.start_chat()
    tester.ask(thread)
    store = service.services.store
    lease = leases.Lease(thread, NOWHERE, "00000000-0000-4000-8000-000000000001", 3, "chat:gone", clock())
    store.write(leases.take_lease, lease)
    question = Message(lease.user_message_id, thread, 2, "user", "And then?", clock())
    store.write(threads.add_message, question)
    clock.advance(minutes=1)
    (event,) = collect(tester, f"/api/messages/{NOWHERE}/events")
    assert (event.name, event.data["error"]["code"]) == ("error", "interrupted")
    wait_for(lambda: len(tester.list_messages(thread)), lambda count: count == 4)


def test_unknown_turn_is_a_plain_error(service: Service) -> None:
    """Before a stream begins an unknown message, and another tester's, is 404."""
    tester = service.tester()
    message_id = tester.ask(tester.start_chat()).json()["message_id"]
    for client, wanted in ((tester, NOWHERE), (service.tester(), message_id)):
        assert read_code(client.get(f"/api/messages/{wanted}/events")) == (404, "unknown_message")


# A full house


def test_full_house_says_when_to_come_again(serve: Serve, openai_server: OpenAIServer) -> None:
    """With MAX_STREAMS answers being written the next is 503 at once, with Retry-After; a free place is taken."""
    openai_server.default = SLOW
    service = serve(
        max_streams=1, chat_model="openai:fake", openai_base_url=openai_server.url, openai_api_key="sk-test"
    )
    first, second = service.tester(), service.tester()
    thread = second.start_chat()
    with first.ask_streaming(first.start_chat()) as events:
        next(events)
        began = time.monotonic()
        refused = second.ask(thread)
        assert read_code(refused) == (503, "too_busy")
        assert int(refused.headers["retry-after"]) > 0
        refused = second.post(
            "/v1/chat/completions",
            json={"model": "support", "messages": [{"role": "user", "content": ANSWERABLE}]},
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "too_busy")
        assert time.monotonic() - began < 5
        list(events)
    assert wait_for(lambda: second.ask(thread).status_code, lambda status: status == 200)
    assert len(second.list_messages(thread)) == 2
