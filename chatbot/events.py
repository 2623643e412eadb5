"""What a turn tells its listeners, and the reply it ends with."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.access import Session
from chatbot.store.records import PassageUsed, Status
from chatbot.wishes import DraftInfo


@dataclass(frozen=True, slots=True)
class Started:
    """The question is durable; the answer has its id."""

    message_id: str
    user_message_id: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages found, before any is cited."""

    passages: tuple[PassageUsed, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of the answer's text (Markdown)."""

    text: str


@dataclass(frozen=True, slots=True)
class Html:
    """All of the answer so far, rendered and sanitized; the next one replaces it."""

    html: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A turn's end: the answer is durable. `passages` are those cited, `nearest` those of a refusal.

    `is_curated` says that the team wrote it; `draft` what can be done with it, where it is one.
    """

    message_id: str
    thread_id: str
    status: Status
    answer: str
    answer_html: str
    passages: tuple[PassageUsed, ...]
    nearest: tuple[PassageUsed, ...]
    session: Session
    is_cut: bool = False
    is_curated: bool = False
    draft: DraftInfo | None = None

    @property
    def answered(self) -> bool:
        """Whether the documents answered."""
        return self.status == "complete"


@dataclass(frozen=True, slots=True)
class Failed:
    """A turn's end without an answer; `text` is what had come."""

    message_id: str
    code: str
    message: str
    origin: str
    trace_id: str
    text: str = ""


Event = Started | Sources | Token | Html | Reply | Failed
