"""A turn as its listeners get it over HTTP: its events as a stream, or its end as one document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi.responses import JSONResponse, Response, StreamingResponse

from apps.chat import wire
from apps.chat.assistant_api import read_desk
from apps.chat.pace import Pace
from apps.chat.services import Services
from chatbot.answer import build_reply
from chatbot.errors import GuichetError, UnknownMessage
from chatbot.events import Event, Failed, Reply
from chatbot.store import leases, threads
from chatbot.store.records import Message
from chatbot.telemetry import current_trace_id

KEEP_ALIVE_S = 15.0
POLL_S = 1.0
# A write costs about 0.2 ms of a core; so that all together take a tenth of one, each listener waits this long for
# every one there is: ten of them not noticeably, a hundred a fifth of a second.
PACE = Pace(least_s=0.0, follower_s=0.002)
# The end of a turn whose events are gone: above any number they had, so that it is not given twice.
STORED_END = 1_000_000_000
Batch = list[tuple[int, Event]]
STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
TEXT_OF_STATUS = {
    "interrupted": "The answer was interrupted. Ask again.",
    "failed": "The answer failed. Ask again.",
}


async def check_turn(services: Services, message_id: str, tester: str) -> None:
    """Make sure that there is such a turn of the tester's: running here, written elsewhere, or stored.

    Raises:
        UnknownMessage: there is none, or it is somebody else's.
    """
    if services.turns.is_kept(message_id, tester):
        return
    if not await services.store.read_async(leases.find_turn, message_id, tester):
        await read_answer(services, message_id, tester)


async def follow_turn(
    services: Services, message_id: str, tester: str, after: int = 0
) -> AsyncIterator[Batch]:
    """Give a turn's events with their numbers; once they are gone, or on another replica, its end from the store.

    They come one by one as they are made; where many listen, those of a moment come together.

    Raises:
        UnknownMessage: there is no such turn of the tester's.
    """
    with suppress(UnknownMessage), PACE.follow():
        async for batch in services.turns.listen_together(message_id, tester, after, pause=PACE.pause):
            yield batch
        return
    if after >= STORED_END:
        return
    await _wait_elsewhere(services, message_id, tester)
    message = await read_answer(services, message_id, tester)
    if text := TEXT_OF_STATUS.get(message.status):
        code, origin = message.error_code or "internal_error", message.error_origin or "service"
        yield [(STORED_END, Failed(message_id, code, text, origin, current_trace_id()))]
        return
    session = await services.turns.conversation.measure_session(message.thread_id)
    thread = await services.store.read_async(threads.read_thread, message.thread_id)
    desk = await read_desk(services, thread, thread.language or "en")
    yield [(STORED_END, build_reply(message, session, desk.describe(message)))]


async def read_answer(services: Services, message_id: str, tester: str) -> Message:
    """Give a stored answer of a tester's own.

    Raises:
        UnknownMessage: there is none, or it is a question.
    """
    message = await services.store.read_async(threads.read_message, message_id, tester)
    if message.origin != "bot":
        raise UnknownMessage(f"{message_id} is no answer. Give the id of one.")
    return message


async def answer_plainly(batches: AsyncIterator[Batch]) -> Response:
    """Wait for a turn's end and give it as one document."""
    async for batch in batches:
        _, event = batch[-1]
        if isinstance(event, Reply):
            return JSONResponse(wire.state_reply(event).model_dump(mode="json"))
        if isinstance(event, Failed):
            status = wire.STATUS_OF_CODE.get(event.code, 500)
            return JSONResponse(wire.state_error(event.code, event.message, event.trace_id), status)
    raise GuichetError("The answer has no end. Ask again.")


def stream_events(batches: AsyncIterator[Batch]) -> StreamingResponse:
    """Give a turn as server-sent events, each with its number as `id`."""

    async def write() -> AsyncIterator[str]:
        async for batch in batches:
            yield "".join(_write_event(number, event) for number, event in batch)

    return stream_lines(write())


def stream_lines(lines: AsyncIterator[str]) -> StreamingResponse:
    """Give lines as server-sent events, with a comment where nothing else was sent for 15 seconds.

    A reader that does not read holds up its own lines alone: the next is asked for once the socket took the one before,
    and what all listen to is kept once, by the turn.
    """
    return StreamingResponse(
        _keep_alive(lines), media_type="text/event-stream; charset=utf-8", headers=STREAM_HEADERS
    )


async def _keep_alive(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    upcoming: asyncio.Future[str] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(lines))
            done, _ = await asyncio.wait({upcoming}, timeout=KEEP_ALIVE_S)
            if not done:
                # Between proxies that close what is silent, and a browser that waits for the next word.
                yield ": still here\n\n"
                continue
            try:
                line = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            yield line
    finally:
        if upcoming:
            upcoming.cancel()


def _write_event(number: int, event: Event) -> str:
    name, data = wire.state_event(event)
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _wait_elsewhere(services: Services, message_id: str, tester: str) -> None:
    """Wait while another process writes the answer; one whose process died is given up when its lease runs out."""
    store = services.store
    while lease := await store.read_async(leases.find_turn, message_id, tester):
        await asyncio.sleep(POLL_S)
        await store.write_async(leases.recover_turns, store.clock(), thread_id=lease.thread_id)
