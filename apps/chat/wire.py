"""The wire's shapes: what comes in, checked; what goes out, built from records and events."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chatbot.access import Session
from chatbot.answer import Draft, nearest_of
from chatbot.errors import GuichetError
from chatbot.events import Event, Failed, Html, Reply, Sources, Started, Token
from chatbot.markup import plain_html, render_html
from chatbot.store.records import Feedback, Message, PassageUsed
from chatbot.store.threads import ThreadHead
from chatbot.text import clean_text

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
    "not_found": 404,
    "method_not_allowed": 405,
    "busy": 409,
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
    "provider_timeout": 504,
    "storage_full": 507,
}


def _clean(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


def _refuse_bool(value: Any) -> Any:
    """To Python `true` is 1; to the one who sent it, it is not."""
    if isinstance(value, bool):
        raise ValueError("allowed are 1 and -1")
    return value


# Lone surrogates are legal in JSON and nowhere after it.
Text = Annotated[str, BeforeValidator(_clean)]


class Body(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="ignore", strict=True)


class LoginBody(Body):
    """The shared password."""

    password: Text = Field(max_length=1000, description="The password of the beta.", examples=["open sesame"])


class StartBody(Body):
    """What a new thread is for."""

    assistant: Text | None = Field(default=None, max_length=80, examples=["support"])
    form: dict[str, Any] | None = Field(
        default=None, description="Values of the assistant's form, if it has one."
    )
    channel: Literal["api", "widget"] = Field(default="api", description="What the tester speaks through.")


class ChatBody(Body):
    """A question."""

    thread_id: Text = Field(max_length=64, examples=["6f9619ff-8b86-d011-b42d-00c04fc964ff"])
    message: Text = Field(description="The question, as it was typed.", examples=["How do I add a tester?"])


class FeedbackBody(Body):
    """A verdict on an answer; a later one replaces it."""

    message_id: Text = Field(max_length=64)
    value: Annotated[Literal[1, -1], BeforeValidator(_refuse_bool)]
    reason: Text | None = Field(default=None, max_length=100)
    comment: Text | None = Field(default=None, max_length=2000)


class Citation(BaseModel):
    """A passage behind an answer."""

    number: int
    source: str = Field(examples=["en/getting-started.md"])
    heading: str = Field(examples=["Getting started > Install"])
    snippet: str = Field(description="The passage in Markdown.")
    snippet_html: str = Field(description="The passage, rendered and sanitized.")


class SessionState(BaseModel):
    """What is left of a thread's session; null where there is no limit."""

    active: bool
    seconds_left: int | None
    messages_left: int | None
    characters_left: int | None
    expires_at: datetime | None


class NoticeState(BaseModel):
    """The privacy notice in force."""

    version: str
    html: str


class LoginState(BaseModel):
    """A login."""

    token: str
    expires_at: datetime
    tester: str
    privacy_notice: NoticeState


class ThreadState(BaseModel):
    """A new thread."""

    thread_id: str
    assistant: str
    session: SessionState
    privacy_notice: NoticeState
    token: str | None = None


class ThreadEntry(BaseModel):
    """A thread in the list of the tester's own."""

    thread_id: str
    assistant: str
    title: str
    created_at: datetime
    last_at: datetime
    messages: int


class ReplyState(BaseModel):
    """An answer."""

    message_id: str
    answer: str
    answer_html: str
    answered: bool
    status: str
    is_cut: bool
    citations: list[Citation]
    nearest: list[Citation]
    session: SessionState


class VerdictState(BaseModel):
    """The tester's verdict on an answer."""

    value: int
    reason: str | None
    comment: str | None


class MessageState(BaseModel):
    """A stored message."""

    message_id: str
    origin: str
    content: str
    html: str
    created_at: datetime
    status: str
    error_origin: str | None
    error_code: str | None
    citations: list[Citation]
    nearest: list[Citation]
    feedback: VerdictState | None = None


class MessageList(BaseModel):
    """A thread's messages, the oldest first; `running` is the id of the answer being written, if any."""

    thread_id: str
    messages: list[MessageState]
    running: str | None = None


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
    )


def state_message(message: Message, verdict: Feedback | None = None) -> MessageState:
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


def describe_error(error: GuichetError) -> dict[str, Any]:
    """Give what an error's wire form adds to code and message."""
    names = ("limit", "length")
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
