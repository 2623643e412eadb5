"""Asking, following and stopping an answer; the tester's word on it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import Response

from apps.chat import bodies, wire
from apps.chat.callers import Parts, Source, Tester
from apps.chat.turn_stream import answer_plainly, check_turn, follow_turn, read_answer, stream_events
from chatbot.questions import Question
from chatbot.store import leases, threads, verdicts
from chatbot.store.records import Feedback

EVENTS = """id: 1
event: start
data: {"message_id": "…", "user_message_id": "…"}

id: 2
event: sources
data: {"citations": […]}

id: 3
event: token
data: {"text": "Set `BETA_"}

id: 4
event: html
data: {"html": "<p>Set <code>BETA_</code></p>"}

id: 9
event: done
data: {"message_id": "…", "answer": "Set `BETA_PASSWORD`. [1]", "…": "…"}
"""
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; as events where `Accept: text/event-stream` was sent.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EVENTS}},
    }
}

router = APIRouter(tags=["messages"])


@router.post("/api/chat", response_model=wire.ReplyState, responses=STREAM)
async def chat(
    body: bodies.ChatBody,
    services: Parts,
    login: Tester,
    source: Source,
    accept: Annotated[str, Header()] = "",
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Ask a question; with `Accept: text/event-stream` the answer comes as it is written."""
    question = Question(
        body.thread_id, login.tester, body.message, idempotency_key=idempotency_key, source=source
    )
    turn = await services.turns.start(question)
    events = follow_turn(services, turn.message_id, login.tester)
    if "text/event-stream" in accept:
        return stream_events(events)
    return await answer_plainly(events)


@router.get("/api/messages/{message_id}/events", response_class=Response, responses=STREAM)
async def follow(
    message_id: str,
    services: Parts,
    login: Tester,
    last_event_id: Annotated[str, Header(max_length=20)] = "",
) -> Response:
    """Stream a turn again, from the event after `Last-Event-ID`."""
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
    # Asked here, so that an unknown message is a plain error.
    await check_turn(services, message_id, login.tester)
    if services.turns.is_seen(message_id, login.tester, after):
        # The end was seen already: 204 tells an EventSource to reconnect no more.
        return Response(status_code=204)
    return stream_events(follow_turn(services, message_id, login.tester, after))


@router.post("/api/messages/{message_id}/stop", status_code=204)
async def stop(message_id: str, services: Parts, login: Tester) -> Response:
    """Stop an answer; what was written is kept."""
    is_asked = services.turns.stop(message_id, login.tester) or await services.store.write_async(
        leases.ask_to_stop, message_id, login.tester
    )
    if not is_asked:
        # Over already, or not the tester's: the store knows.
        await read_answer(services, message_id, login.tester)
    return Response(status_code=204)


@router.post("/api/messages/{message_id}/request_documentation", status_code=204)
async def request_documentation(message_id: str, services: Parts, login: Tester) -> Response:
    """Ask the team to document what this answer could not say; asked again, nothing changes."""
    message = await read_answer(services, message_id, login.tester)
    await services.store.write_async(verdicts.add_request, message.message_id, services.store.clock())
    return Response(status_code=204)


@router.post("/api/feedback", status_code=204)
async def give_feedback(body: bodies.FeedbackBody, services: Parts, login: Tester) -> Response:
    """Judge an answer; a later verdict replaces this one."""
    message = await read_answer(services, body.message_id, login.tester)
    feedback = Feedback(message.message_id, body.value, body.reason, body.comment, services.store.clock())
    await services.store.write_async(threads.add_feedback, feedback)
    return Response(status_code=204)
