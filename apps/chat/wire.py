"""What goes out over the wire, built from records and events; `bodies` has what comes in."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field

from apps.chat.bodies import EXAMPLE_ID
from apps.chat.draft_html import DraftView, render_draft
from chatbot.access import Session
from chatbot.answer import Draft, nearest_of
from chatbot.errors import GuichetError
from chatbot.events import Event, Failed, Html, Reply, Sources, Started, Token
from chatbot.markup import plain_html, render_html
from chatbot.store.records import Feedback, Message, PassageUsed
from chatbot.store.threads import ThreadHead
from chatbot.wishes import DraftInfo

EXAMPLE_HTML = "<p>Set <code>BETA_PASSWORD</code>.</p>"
EXAMPLE_TIME = "2026-03-01T12:00:00Z"
EXAMPLE_TRACE = "4bf92f3577b34da6"

STATUS_OF_CODE = {
    "invalid_json": 400,
    "invalid_request": 400,
    "empty_message": 400,
    "message_too_long": 400,
    "not_logged_in": 401,
    "wrong_password": 401,
    "session_expired": 403,
    "session_full": 403,
    "origin_not_allowed": 403,
    "unknown_thread": 404,
    "unknown_message": 404,
    "unknown_assistant": 404,
    "unknown_prompt": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "busy": 409,
    "edit_conflict": 409,
    "body_too_large": 413,
    "not_json": 415,
    "idempotency_mismatch": 422,
    "rate_limited": 429,
    "provider_error": 502,
    "provider_rejected": 502,
    "provider_unavailable": 502,
    "store_unavailable": 503,
    "starting": 503,
    "interrupted": 503,
    "too_busy": 503,
    "assistant_unavailable": 503,
    "provider_timeout": 504,
    "storage_full": 507,
}


class Citation(BaseModel):
    """A passage behind an answer."""

    number: int = Field(examples=[1])
    source: str = Field(examples=["en/getting-started.md"])
    heading: str = Field(examples=["Getting started > Install"])
    snippet: str = Field(description="The passage in Markdown.", examples=["Set `BETA_PASSWORD`."])
    snippet_html: str = Field(description="The passage, rendered and sanitized.", examples=[EXAMPLE_HTML])


class SessionState(BaseModel):
    """What is left of a thread's session; null where there is no limit."""

    active: bool = Field(examples=[True])
    seconds_left: int | None = Field(examples=[3540])
    messages_left: int | None = Field(examples=[49])
    characters_left: int | None = Field(examples=[19200])
    expires_at: datetime | None = Field(examples=["2026-03-01T13:00:00Z"])


class NoticeState(BaseModel):
    """The privacy notice in force, and whether the tester agreed to it by a click."""

    version: str = Field(examples=["3f1c0a9b2d4e"])
    html: str = Field(examples=["<p>What you write here is recorded.</p>"])
    accepted: bool = Field(examples=[False])


class ResumeCodeState(BaseModel):
    """A one-time code that carries the login to another device."""

    code: str = Field(examples=["4F7K-9QXM"])
    expires_at: datetime = Field(examples=["2026-03-01T12:10:00Z"])


class DocumentState(BaseModel):
    """A kind of document that an assistant writes."""

    name: str = Field(examples=["cancellation"])
    title: str = Field(examples=["Letter of cancellation"])
    description: str = Field(examples=["Ends a contract by a date."])
    layout: str = Field(examples=["letter"])
    formats: list[str] = Field(examples=[["docx", "odt", "pdf"]])


class AssistantState(BaseModel):
    """An assistant; `form` is a JSON Schema of what it asks for before the first question.

    `sender` is one of what the browser keeps, which goes along only when a file is made.
    """

    name: str = Field(examples=["support"])
    kind: str = Field(default="documentation", examples=["documentation"])
    title: str = Field(examples=["Support"])
    description: str = Field(examples=["Answers from the product's documentation."])
    form: dict[str, Any] | None = None
    sender: dict[str, Any] | None = None
    documents: list[DocumentState] = []
    available: bool = True
    reason: str | None = Field(default=None, description="Why it is not available.")


class LoginState(BaseModel):
    """A login."""

    token: str = Field(examples=["ImI3ZjI5Ig.kT3q"])
    expires_at: datetime = Field(examples=["2026-03-08T12:00:00Z"])
    tester: str = Field(examples=["beta-12"])
    privacy_notice: NoticeState


class ThreadState(BaseModel):
    """A new thread."""

    thread_id: str = Field(examples=[EXAMPLE_ID])
    assistant: str = Field(examples=["support"])
    session: SessionState
    privacy_notice: NoticeState
    token: str | None = None
    message: str | None = Field(
        default=None,
        description="Of a thread with a form: what to send first, so that it is written.",
        examples=["Letter of cancellation"],
    )


class ThreadEntry(BaseModel):
    """A thread in the list of the tester's own."""

    thread_id: str = Field(examples=[EXAMPLE_ID])
    assistant: str = Field(examples=["support"])
    title: str = Field(examples=["How do I add a tester?"])
    created_at: datetime = Field(examples=[EXAMPLE_TIME])
    last_at: datetime = Field(examples=[EXAMPLE_TIME])
    messages: int = Field(examples=[2])


class WishState(BaseModel):
    """A wish that a click may send as a message."""

    name: str = Field(examples=["shorter"])
    text: str = Field(examples=["Shorter"])


class DraftState(BaseModel):
    """What can be done with a draft: the files it can become, and the wishes known by their words."""

    layout: str = Field(examples=["letter"])
    subject: str = Field(examples=["Cancellation of contract 4711"])
    is_template: bool = Field(examples=[False], description="Whether no model wrote it.")
    formats: list[str] = Field(examples=[["docx", "odt", "pdf"]])
    wishes: list[WishState]
    html: str = Field(
        description="The tools under the draft, as the widget shows them.", examples=["<section>…</section>"]
    )


class FieldState(BaseModel):
    """One field of a thread's form, as it was filled in."""

    field: str = Field(examples=["contract_number"])
    label: str = Field(examples=["Contract number"])
    value: str = Field(examples=["4711"])


class ReplyState(BaseModel):
    """An answer."""

    message_id: str = Field(examples=[EXAMPLE_ID])
    answer: str = Field(examples=["Set `BETA_PASSWORD`. [1]"])
    answer_html: str = Field(examples=[EXAMPLE_HTML])
    answered: bool = Field(examples=[True])
    status: str = Field(examples=["complete"])
    is_cut: bool = Field(examples=[False])
    citations: list[Citation]
    nearest: list[Citation]
    session: SessionState
    draft: DraftState | None = None


class VerdictState(BaseModel):
    """The tester's verdict on an answer."""

    value: int = Field(examples=[1])
    reason: str | None = Field(examples=[None])
    comment: str | None = Field(examples=["Just what I looked for."])


class MessageState(BaseModel):
    """A stored message."""

    message_id: str = Field(examples=[EXAMPLE_ID])
    origin: str = Field(examples=["bot"])
    content: str = Field(examples=["Set `BETA_PASSWORD`. [1]"])
    html: str = Field(examples=[EXAMPLE_HTML])
    created_at: datetime = Field(examples=[EXAMPLE_TIME])
    status: str = Field(examples=["complete"])
    error_origin: str | None = Field(examples=[None])
    error_code: str | None = Field(examples=[None])
    citations: list[Citation]
    nearest: list[Citation]
    feedback: VerdictState | None = None
    documentation_requested: bool = False
    draft: DraftState | None = None


class MessageList(BaseModel):
    """A thread's messages, the oldest first; `running` is the id of the answer being written, if any."""

    thread_id: str = Field(examples=[EXAMPLE_ID])
    messages: list[MessageState]
    running: str | None = None
    assistant: str = Field(default="support", examples=["support"])
    form: list[FieldState] = []
    rating: int | None = Field(default=None, description="How the tester said that the thread went.")


def cite(passages: tuple[PassageUsed, ...]) -> list[Citation]:
    """Give passages as citations."""
    return [
        Citation(
            number=passage.number,
            source=passage.source,
            heading=passage.heading,
            snippet=passage.snippet,
            snippet_html=_render_snippet(passage.snippet),
        )
        for passage in passages
    ]


def state_session(session: Session) -> SessionState:
    """Give the wire form of a session."""
    return SessionState.model_validate(session, from_attributes=True)


def state_draft(info: DraftInfo | None, text: str) -> DraftState | None:
    """Give the wire form of what can be done with a draft.

    Args:
        text: the draft itself.
    """
    if info is None:
        return None
    return DraftState(
        layout=info.layout,
        subject=info.subject,
        is_template=info.is_template,
        formats=list(info.formats),
        wishes=[WishState(name=wish.name, text=wish.say(info.language)) for wish in info.wishes],
        html=render_draft(DraftView(info, text), info.language),
    )


def state_reply(reply: Reply) -> ReplyState:
    """Give the wire form of a reply."""
    return ReplyState(
        message_id=reply.message_id,
        answer=reply.answer,
        answer_html=reply.answer_html,
        answered=reply.answered,
        status=reply.status,
        is_cut=reply.is_cut,
        citations=cite(reply.passages),
        nearest=cite(reply.nearest),
        session=state_session(reply.session),
        draft=state_draft(reply.draft, reply.answer),
    )


def state_message(
    message: Message,
    verdict: Feedback | None = None,
    *,
    is_documentation_requested: bool = False,
    draft: DraftInfo | None = None,
) -> MessageState:
    """Give the wire form of a stored message."""
    cited = tuple(passage for passage in message.passages if passage.cited)
    is_bot = message.origin == "bot"
    return MessageState(
        message_id=message.message_id,
        origin=message.origin,
        content=message.content,
        html=Draft.render(message.content, cited) if is_bot else plain_html(message.content),
        created_at=message.created_at,
        status=message.status,
        error_origin=message.error_origin,
        error_code=message.error_code,
        citations=cite(cited),
        nearest=cite(nearest_of(message.passages)) if message.status == "refused" else [],
        feedback=VerdictState.model_validate(verdict, from_attributes=True) if verdict else None,
        documentation_requested=is_documentation_requested,
        draft=state_draft(draft, message.content),
    )


def state_thread(head: ThreadHead) -> ThreadEntry:
    """Give the wire form of a thread in a list."""
    return ThreadEntry(
        thread_id=head.thread.thread_id,
        assistant=head.thread.assistant,
        title=head.title,
        created_at=head.thread.created_at,
        last_at=head.last_at,
        messages=head.messages,
    )


def state_error(code: str, message: str, trace_id: str, **details: Any) -> dict[str, Any]:
    """Give the wire form of an error."""
    return {"error": {"code": code, "message": message, "trace_id": trace_id, **details}}


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(examples=["unknown_thread"])
    message: str = Field(examples=["There is no such thread among yours. Start a new one."])
    trace_id: str = Field(
        examples=[EXAMPLE_TRACE], description="The same as in X-Trace-Id and in the log lines."
    )


class ErrorState(BaseModel):
    """An error; some codes add to it, such as `limit` and `length`."""

    error: ErrorDetail


def describe_error(error: GuichetError) -> dict[str, Any]:
    """Give what an error's wire form adds to code and message."""
    names = ("limit", "length", "fields")
    return {name: getattr(error, name) for name in names if hasattr(error, name)}


def state_event(event: Event) -> tuple[str, dict[str, Any]]:
    """Give the name and data of a server-sent event."""
    match event:
        case Started():
            return "start", {"message_id": event.message_id, "user_message_id": event.user_message_id}
        case Sources():
            return "sources", {"citations": [item.model_dump() for item in cite(event.passages)]}
        case Token():
            return "token", {"text": event.text}
        case Html():
            return "html", {"html": event.html}
        case Reply():
            return "done", state_reply(event).model_dump(mode="json")
        case Failed():
            return "error", state_error(event.code, event.message, event.trace_id)


# The passages of a turn go out with `sources`, with `done` and with every reading of the thread.
@lru_cache(maxsize=512)
def _render_snippet(snippet: str) -> str:
    return render_html(snippet)
