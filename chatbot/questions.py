"""What a tester asks: as it was sent, and as the turn that it opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from chatbot.store.records import Thread
from chatbot.store.threads import ThreadUse


@dataclass(frozen=True, slots=True)
class Question:
    """What a tester sends.

    Args:
        language: the reader's, or None to take the question's own.
        source: names the address it came from, for the limit of what one address sends; None = no such limit.
        opening: a write that makes the thread, in the transaction of the question; None where the thread is there.
        history: earlier turns, (question, answer), oldest first, that the client brings along; None = the thread's own.
    """

    thread_id: str
    tester: str
    text: str
    language: str | None = None
    idempotency_key: str | None = None
    source: str | None = None
    opening: Callable[[Connection], None] | None = None
    history: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that is durable, and the answer's id; `is_repeat` when its key had come before.

    Args:
        use: what the thread has used of its session, the question included; unknown of a repeat.
    """

    message_id: str
    user_message_id: str
    position: int
    thread: Thread
    text: str
    language: str
    use: ThreadUse | None = None
    is_repeat: bool = False
    history: tuple[tuple[str, str], ...] | None = None
