"""Assistants, threads and what is known of them: messages, session, rating, the tester's own copy."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from apps.chat import bodies, wire
from apps.chat.assistant_api import open_form, read_desk
from apps.chat.callers import Language, Parts, Tester
from apps.chat.login_api import choose_notice, make_notice
from apps.chat.services import Services
from chatbot.opening import Opening
from chatbot.store import forms, leases, threads, verdicts
from chatbot.store.records import Channel, Login, Rating, Thread

router = APIRouter(tags=["threads"])


def describe_file(media_type: str) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": "The file.", "content": {media_type: {"schema": schema}}}}


@router.post("/api/start_chat", status_code=201, response_model=wire.ThreadState)
async def start_chat(
    request: Request, services: Parts, login: Tester, language: Language, body: bodies.StartBody | None = None
) -> wire.ThreadState:
    """Start a thread, with the assistant's form if it has one; in open mode the first one logs in."""
    body = body or bodies.StartBody()
    thread = make_thread(services, login, body.assistant, body.channel, language)
    opening = await open_form(services, login, thread, body.form, language)
    notice = make_notice(services, login, language)
    version, accepted_at = choose_notice(services, login, language, is_clicked=body.channel == "widget")
    await services.store.write_async(_add_thread, thread, opening, version, accepted_at)
    session = await services.turns.conversation.measure_session(thread.thread_id)
    return wire.ThreadState(
        thread_id=thread.thread_id,
        assistant=thread.assistant,
        session=wire.state_session(session),
        privacy_notice=notice,
        token=request.scope["state"].get("new_token"),
        message=opening.message,
    )


@router.get("/api/threads", response_model=list[wire.ThreadEntry])
async def list_threads(services: Parts, login: Tester) -> list[wire.ThreadEntry]:
    """List the tester's own threads, the newest first."""
    heads = await services.store.read_async(threads.list_threads, login.tester, with_empty=True)
    return [wire.state_thread(head) for head in heads]


@router.get("/api/thread/{thread_id}/messages", response_model=wire.MessageList)
async def list_messages(
    thread_id: str, services: Parts, login: Tester, language: Language
) -> wire.MessageList:
    """Give a thread's messages, the oldest first."""
    store = services.store
    thread = await store.read_async(threads.read_thread, thread_id, login.tester)
    desk = await read_desk(services, thread, language)
    # The lease first: an answer that ends in between is then among the messages too.
    lease = await store.read_async(leases.find_lease, thread_id)
    found = await store.read_async(threads.list_messages, thread_id)
    feedback = await store.read_async(threads.read_feedback, [thread_id])
    asked = await store.read_async(verdicts.list_requests, [message.message_id for message in found])
    rating = await store.read_async(verdicts.read_rating, thread_id)
    return wire.MessageList(
        thread_id=thread_id,
        messages=[
            wire.state_message(
                message,
                feedback.get(message.message_id),
                is_documentation_requested=message.message_id in asked,
                draft=desk.describe(message),
            )
            for message in found
        ],
        running=lease.message_id if lease else None,
        assistant=thread.assistant,
        form=desk.list_fields(),
        rating=rating.value if rating else None,
    )


@router.get("/api/session_status", response_model=wire.SessionState)
async def session_status(thread_id: str, services: Parts, login: Tester) -> wire.SessionState:
    """Say what is left of a thread's session."""
    await services.store.read_async(threads.read_thread, thread_id, login.tester)
    return wire.state_session(await services.turns.conversation.measure_session(thread_id))


@router.post("/api/thread/{thread_id}/rating", status_code=204)
async def rate_thread(thread_id: str, body: bodies.RatingBody, services: Parts, login: Tester) -> Response:
    """Say how a thread went, from 1 (badly) to 5 (well); again replaces."""
    await services.store.read_async(threads.read_thread, thread_id, login.tester)
    rating = Rating(thread_id, body.value, body.comment, services.store.clock())
    await services.store.write_async(verdicts.rate_thread, rating)
    return Response(status_code=204)


@router.get(
    "/api/thread/{thread_id}/transcript.pdf",
    response_class=Response,
    responses=describe_file("application/pdf"),
)
async def print_pdf(thread_id: str, services: Parts, login: Tester, language: Language) -> Response:
    """Give the tester's own copy of a thread as a PDF, as long as the login lasts."""
    name, data = await services.printer.print_pdf(thread_id, login.tester, "fr" if language == "fr" else "en")
    return give_file(data, name, "application/pdf")


@router.get(
    "/api/thread/{thread_id}/transcript.md",
    response_class=Response,
    responses=describe_file("text/markdown"),
)
async def print_markdown(thread_id: str, services: Parts, login: Tester, language: Language) -> Response:
    """Give the tester's own copy of a thread as Markdown, as long as the login lasts."""
    name, text = await services.printer.print_markdown(
        thread_id, login.tester, "fr" if language == "fr" else "en"
    )
    return give_file(text.encode(), name, "text/markdown; charset=utf-8")


def make_thread(
    services: Services, login: Login, assistant: str | None, channel: Channel, language: str
) -> Thread:
    """Make a thread of a tester's, which is not stored yet.

    Args:
        assistant: its name; None for the default.

    Raises:
        UnknownAssistant: there is none of this name.
    """
    chosen = services.assistants.get(assistant) if assistant else services.assistants.default
    return Thread(
        thread_id=str(uuid.uuid4()),
        assistant=chosen.name,
        channel=channel,
        tester=login.tester,
        code_label=login.code_label,
        wave=login.wave,
        language=language,
        created_at=services.store.clock(),
    )


def _add_thread(
    connection: Connection,
    thread: Thread,
    opening: Opening,
    notice_version: str | None,
    notice_accepted_at: datetime | None,
) -> None:
    threads.add_thread(connection, thread, notice_version, notice_accepted_at)
    forms.add_form(connection, thread.thread_id, opening.entries)


def give_file(data: bytes, name: str, media_type: str) -> Response:
    return Response(
        data, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'}
    )
