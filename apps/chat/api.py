"""The REST interface and its streams."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from apps.chat import wire
from apps.chat.guard import make_cookie
from apps.chat.services import Services, choose_language
from chatbot.access import version_notice
from chatbot.answer import build_reply
from chatbot.conversation import Question
from chatbot.errors import GuichetError, NotLoggedIn, UnknownMessage
from chatbot.events import Event, Failed, Reply
from chatbot.markup import render_html
from chatbot.store import leases, threads
from chatbot.store.records import Feedback, Login, Message, Thread
from chatbot.telemetry import current_trace_id

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 15.0
FORWARDING_PREFIXES = ("x-forwarded", "forwarded", "x-real-ip", "via", "x-client-ip", "true-client-ip", "cf-")

router = APIRouter()


def get_services(request: Request) -> Services:
    """Give the parts of the running service."""
    services: Services = request.app.state.services
    return services


def get_login(request: Request) -> Login:
    """Give the login that the guard found.

    Raises:
        NotLoggedIn: there is none.
    """
    login: Login | None = request.scope.get("state", {}).get("login")
    if login is None:
        raise NotLoggedIn("Log in first.")
    return login


def get_language(request: Request) -> str:
    """Give the reader's language."""
    return choose_language(get_services(request).settings, request.headers.get("accept-language", ""))


Parts = Annotated[Services, Depends(get_services)]
Tester = Annotated[Login, Depends(get_login)]
Language = Annotated[str, Depends(get_language)]


@router.post("/api/login", response_model=wire.LoginState)
async def log_in(body: wire.LoginBody, request: Request, services: Parts, language: Language) -> Response:
    """Log in with the shared password."""
    if services.access.is_open:
        login, token = await services.access.open_login()
    else:
        login, token = await services.access.log_in(body.password, read_address(request))
    state = wire.LoginState(
        token=token,
        expires_at=login.expires_at,
        tester=login.tester,
        privacy_notice=make_notice(services, language),
    )
    response = JSONResponse(state.model_dump(mode="json"))
    response.headers.append("set-cookie", make_cookie(token, request.url.scheme == "https"))
    return response


@router.post("/api/logout", status_code=204)
async def log_out(request: Request, services: Parts, login: Tester) -> Response:
    """End the login: its token no longer works."""
    await services.access.log_out(login)
    response = Response(status_code=204)
    response.headers.append("set-cookie", make_cookie("", request.url.scheme == "https"))
    return response


@router.get("/api/assistants")
async def list_assistants(services: Parts, login: Tester, language: Language) -> list[dict[str, Any]]:
    """List the assistants."""
    return [
        {
            "name": assistant.name,
            "title": assistant.say(assistant.title, language),
            "description": assistant.say(assistant.description, language),
            "form": None,
            "available": True,
            "reason": None,
        }
        for assistant in services.assistants.list_all()
    ]


@router.post("/api/start_chat", status_code=201, response_model=wire.ThreadState)
async def start_chat(
    request: Request, services: Parts, login: Tester, language: Language, body: wire.StartBody | None = None
) -> wire.ThreadState:
    """Start a thread."""
    wanted = body.assistant if body else None
    assistant = services.assistants.get(wanted) if wanted else services.assistants.default
    notice = make_notice(services, language)
    thread = Thread(
        thread_id=str(uuid.uuid4()),
        assistant=assistant.name,
        channel=body.channel if body else "api",
        tester=login.tester,
        code_label=login.code_label,
        wave=login.wave,
        language=language,
        created_at=services.store.clock(),
    )
    await services.store.write_async(threads.add_thread, thread, notice.version)
    session = await services.turns.conversation.measure_session(thread.thread_id)
    return wire.ThreadState(
        thread_id=thread.thread_id,
        assistant=assistant.name,
        session=wire.state_session(session),
        privacy_notice=notice,
        token=request.scope["state"].get("new_token"),
    )


@router.get("/api/threads", response_model=list[wire.ThreadEntry])
async def list_threads(services: Parts, login: Tester) -> list[wire.ThreadEntry]:
    """List the tester's own threads, the newest first."""
    heads = await services.store.read_async(threads.list_threads, login.tester, with_empty=True)
    return [wire.state_thread(head) for head in heads]


@router.post("/api/chat", response_model=wire.ReplyState)
async def chat(
    body: wire.ChatBody,
    request: Request,
    services: Parts,
    login: Tester,
    accept: Annotated[str, Header()] = "",
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Ask a question; with `Accept: text/event-stream` the answer comes as it is written."""
    turn = await services.turns.start(
        Question(body.thread_id, login.tester, body.message, idempotency_key=idempotency_key)
    )
    events = follow_turn(services, turn.message_id, login.tester)
    if "text/event-stream" in accept:
        return stream_events(events)
    return await answer_plainly(events)


@router.get("/api/messages/{message_id}/events")
async def follow(
    message_id: str,
    services: Parts,
    login: Tester,
    last_event_id: Annotated[str, Header(max_length=20)] = "",
) -> Response:
    """Stream a turn again, from the event after `Last-Event-ID`."""
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
    events = follow_turn(services, message_id, login.tester, after)
    try:
        # The first event is asked for here, so that an unknown message is a plain error.
        first = await anext(events)
    except StopAsyncIteration:
        # The end was seen already: 204 tells an EventSource to reconnect no more.
        return Response(status_code=204)
    return stream_events(_put_back(first, events))


@router.post("/api/messages/{message_id}/stop", status_code=204)
async def stop(message_id: str, services: Parts, login: Tester) -> Response:
    """Stop an answer; what was written is kept."""
    if not services.turns.stop(message_id, login.tester):
        # Over already, or not the tester's: the store knows.
        await read_answer(services, message_id, login.tester)
    return Response(status_code=204)


@router.get("/api/thread/{thread_id}/messages", response_model=wire.MessageList)
async def list_messages(thread_id: str, services: Parts, login: Tester) -> wire.MessageList:
    """Give a thread's messages, the oldest first."""
    await services.store.read_async(threads.read_thread, thread_id, login.tester)
    # The lease first: an answer that ends in between is then among the messages too.
    lease = await services.store.read_async(leases.find_lease, thread_id)
    found = await services.store.read_async(threads.list_messages, thread_id)
    verdicts = await services.store.read_async(threads.read_feedback, [thread_id])
    return wire.MessageList(
        thread_id=thread_id,
        messages=[wire.state_message(message, verdicts.get(message.message_id)) for message in found],
        running=lease.message_id if lease else None,
    )


@router.get("/api/session_status", response_model=wire.SessionState)
async def session_status(thread_id: str, services: Parts, login: Tester) -> wire.SessionState:
    """Say what is left of a thread's session."""
    await services.store.read_async(threads.read_thread, thread_id, login.tester)
    return wire.state_session(await services.turns.conversation.measure_session(thread_id))


@router.post("/api/feedback", status_code=204)
async def give_feedback(body: wire.FeedbackBody, services: Parts, login: Tester) -> Response:
    """Judge an answer; a later verdict replaces this one."""
    message = await read_answer(services, body.message_id, login.tester)
    feedback = Feedback(message.message_id, body.value, body.reason, body.comment, services.store.clock())
    await services.store.write_async(threads.add_feedback, feedback)
    return Response(status_code=204)


@router.get("/health/live")
async def is_alive() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@router.get("/health/ready")
async def is_ready(services: Parts) -> dict[str, str]:
    """Say that the store answers too."""
    await services.store.read_async(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
    return {"status": "ready"}


@router.get("/metrics")
async def give_metrics(request: Request, services: Parts) -> Response:
    """Give the metrics to loopback, or to the bearer of `SERVICE_TOKEN`."""
    if not may_read_metrics(request, services):
        raise NotLoggedIn("Metrics are given to loopback, or with the service token.")
    return PlainTextResponse(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def read_answer(services: Services, message_id: str, tester: str) -> Message:
    """Give a stored answer of a tester's own.

    Raises:
        UnknownMessage: there is none, or it is a question.
    """
    message = await services.store.read_async(threads.read_message, message_id, tester)
    if message.origin != "bot":
        raise UnknownMessage(f"{message_id} is no answer. Give the id of one.")
    return message


async def follow_turn(
    services: Services, message_id: str, tester: str, after: int = 0
) -> AsyncIterator[tuple[int, Event]]:
    """Give a turn's events; once they are gone, its end from the store."""
    try:
        async for number, event in services.turns.listen(message_id, tester, after):
            yield number, event
        return
    except UnknownMessage:
        pass
    message = await read_answer(services, message_id, tester)
    if message.status in ("failed", "interrupted"):
        code = message.error_code or "internal_error"
        text = (
            "The answer was interrupted. Ask again."
            if message.status == "interrupted"
            else "The answer failed."
        )
        yield after + 1, Failed(message_id, code, text, message.error_origin or "service", current_trace_id())
        return
    session = await services.turns.conversation.measure_session(message.thread_id)
    yield after + 1, build_reply(message, session)


async def answer_plainly(events: AsyncIterator[tuple[int, Event]]) -> Response:
    """Wait for a turn's end and give it as one document."""
    async for _, event in events:
        if isinstance(event, Reply):
            return JSONResponse(wire.state_reply(event).model_dump(mode="json"))
        if isinstance(event, Failed):
            status = wire.STATUS_OF_CODE.get(event.code, 500)
            return JSONResponse(wire.state_error(event.code, event.message, event.trace_id), status)
    raise GuichetError("The answer has no end. Ask again.")


def stream_events(events: AsyncIterator[tuple[int, Event]]) -> StreamingResponse:
    """Give a turn as server-sent events."""
    return StreamingResponse(
        _format_events(events),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def make_notice(services: Services, language: str) -> wire.NoticeState:
    """Give the privacy notice in the reader's language."""
    markdown = services.settings.notice(language)
    return wire.NoticeState(version=version_notice(markdown), html=render_html(markdown))


def read_address(request: Request) -> str:
    """Give the address that a request came from, as uvicorn believes it."""
    return request.client.host if request.client else "unknown"


def may_read_metrics(request: Request, services: Services) -> bool:
    """Tell whether the caller holds the service token, or is on loopback with nobody between."""
    expected = services.settings.service_token
    if expected is not None:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {expected.get_secret_value()}".encode())
    is_forwarded = any(name.startswith(FORWARDING_PREFIXES) for name in request.headers)
    return read_address(request) in ("127.0.0.1", "::1") and not is_forwarded


async def _format_events(events: AsyncIterator[tuple[int, Event]]) -> AsyncIterator[str]:
    upcoming: asyncio.Future[tuple[int, Event]] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({upcoming}, timeout=KEEP_ALIVE_S)
            if not done:
                yield ": still here\n\n"
                continue
            try:
                number, event = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            name, data = wire.state_event(event)
            yield f"id: {number}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
    finally:
        if upcoming:
            upcoming.cancel()


async def _put_back(
    first: tuple[int, Event], events: AsyncIterator[tuple[int, Event]]
) -> AsyncIterator[tuple[int, Event]]:
    yield first
    async for item in events:
        yield item
