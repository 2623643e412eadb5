"""Transcripts that the tests of reports are made with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from pypdf import PdfReader

from chatbot.store.records import Feedback, Message, PassageUsed, Thread, Transcript

START = datetime(2026, 10, 20, 22, 30, 5, tzinfo=UTC)
THREAD_ID = "0192f5a1-7c3b-7e44-9a10-1c2d3e4f5a6b"


def make_passage(number: int, **changes: Any) -> PassageUsed:
    """Give a passage that is cited unless it is said otherwise."""
    passage = PassageUsed(
        rank=number,
        score=1.0,
        source="en/bans.md",
        heading="Bans › Lift a ban",
        snippet="Run `bwcli unban` with **the address**.",
        number=number,
        cited=True,
    )
    return replace(passage, **changes)


def make_transcript(
    *texts: str | Message, feedback: dict[int, Feedback] | None = None, **thread: Any
) -> Transcript:
    """Give a thread whose messages alternate, a question first, one a minute."""
    about = Thread(
        thread_id=THREAD_ID,
        assistant="support",
        channel="page",
        tester="acme-3",
        code_label="acme",
        wave="spring",
        language="en",
        created_at=START,
    )
    about = replace(about, **thread)
    messages = [
        replace(
            make_answer(text) if isinstance(text, str) else text,
            message_id=f"message-{position}",
            thread_id=about.thread_id,
            position=position,
            origin="bot" if position % 2 else "user",
            created_at=START + timedelta(minutes=position),
        )
        for position, text in enumerate(texts)
    ]
    verdicts = {f"message-{position}": verdict for position, verdict in (feedback or {}).items()}
    return Transcript(about, tuple(messages), verdicts)


def make_answer(text: str, **changes: Any) -> Message:
    """Give a message whose place is set by `make_transcript`."""
    return replace(Message("", "", 0, "bot", text, START), **changes)


def read_pages(pdf: bytes) -> list[str]:
    """Extract the text of each page."""
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def read_text(pdf: bytes) -> str:
    """Extract the text of a whole document, runs of white space collapsed."""
    return " ".join(" ".join(read_pages(pdf)).split())
