"""What the store gives out: frozen records, times as aware datetimes in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Channel = Literal["page", "widget", "api", "openai", "cli"]
Origin = Literal["user", "bot"]
Status = Literal["complete", "refused", "failed", "interrupted", "stopped"]


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation and whose it is."""

    thread_id: str
    assistant: str
    channel: Channel
    tester: str
    code_label: str | None
    wave: str | None
    language: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PassageUsed:
    """A passage that the retriever gave to a turn.

    `rank` counts from 1, best first; `number` is the one shown to the model and in the answer as `[number]`;
    `cited` says whether the answer refers to it; `snippet` is text of the passage without its breadcrumb.
    """

    rank: int
    score: float
    source: str
    heading: str
    snippet: str
    number: int
    cited: bool
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a thread; `position` counts from 0, questions and answers alternate.

    What follows `status` is null for a tester's message, and for a bot's where nothing was measured.
    """

    message_id: str
    thread_id: str
    position: int
    origin: Origin
    content: str
    created_at: datetime
    status: Status = "complete"
    error_origin: str | None = None
    error_code: str | None = None
    model: str | None = None
    assistant_version: int | None = None
    index_version: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    first_token_ms: int | None = None
    total_ms: int | None = None
    trace_id: str | None = None
    is_cut: bool = False
    parameters: str | None = None
    searched_for: str | None = None
    model_calls: int | None = None
    retries: int | None = None
    limits_hit: str | None = None
    is_personal: bool | None = False
    passages: tuple[PassageUsed, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Feedback:
    """A tester's last verdict on one answer: `value` is 1 or -1."""

    message_id: str
    value: int
    reason: str | None
    comment: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rating:
    """How a whole thread went to its tester: `value` is 1 (worst) to 5 (best)."""

    thread_id: str
    value: int
    comment: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Transcript:
    """A thread with its messages, oldest first, and the verdicts on them by message id."""

    thread: Thread
    messages: tuple[Message, ...]
    feedback: dict[str, Feedback]


@dataclass(frozen=True, slots=True)
class Login:
    """A tester's login; each login is a tester of its own."""

    login_id: str
    tester: str
    code_label: str | None
    wave: str | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    notice_version: str | None
    notice_accepted_at: datetime | None = None
    code_id: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A beta code: who holds it may log in; the code itself is known by its fingerprint alone.

    `max_uses` bounds how many logins it gives, None = no bound; `uses` counts them.
    """

    code_id: str
    label: str
    wave: str | None
    created_at: datetime
    expires_at: datetime | None
    max_uses: int | None
    uses: int
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the admin; `password_hash` is bcrypt."""

    username: str
    name: str
    role: Literal["admin", "superadmin"]
    password_hash: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AssistantVersion:
    """One version of an assistant's definition (YAML)."""

    assistant: str
    version: int
    definition: str
    author: str
    created_at: datetime
    published_at: datetime | None
