"""An answer in the making: text, marks, passages, tokens and times, up to the row that is stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from langchain_core.documents import Document

from chatbot.access import Session
from chatbot.citations import MarkFilter
from chatbot.errors import GuichetError
from chatbot.events import Reply
from chatbot.markup import render_html
from chatbot.models import Part
from chatbot.prompts import NumberedPassage, PromptInput, build_messages
from chatbot.store.records import Message, PassageUsed, Status
from chatbot.telemetry import current_trace_id
from chatbot.text import estimate_tokens

EXCERPT_CHARACTERS = 300
REFUSALS = {
    "en": "The documentation does not answer this question.",
    "fr": "La documentation ne répond pas à cette question.",
}


@dataclass(slots=True)
class Draft:
    """What is known of an answer while it is written.

    Args:
        turn: the answer's message id.
        started: monotonic seconds at which the turn began.
    """

    turn: str
    started: float
    model: str | None = None
    found: tuple[PassageUsed, ...] = ()
    is_refusal: bool = False
    is_cut: bool = False
    prompt: PromptInput | None = None
    _text: list[str] = field(default_factory=list)
    _filter: MarkFilter = field(default_factory=lambda: MarkFilter(()))
    _prompt_tokens: int | None = None
    _completion_tokens: int | None = None
    _first_token: float | None = None

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._text)

    def take_passages(self, found: tuple[PassageUsed, ...]) -> None:
        """Take the passages that the answer may cite."""
        self.found = found
        self._filter = MarkFilter([passage.number for passage in found])

    def numbered(self) -> list[NumberedPassage]:
        """Give the passages as the model sees them."""
        return [
            NumberedPassage(passage.number, passage.heading, passage.source, passage.snippet)
            for passage in self.found
        ]

    def add_plain(self, text: str) -> str:
        """Add words of our own."""
        self._text.append(text)
        return text

    def add_part(self, part: Part) -> str:
        """Take a part from the model; give the text that can be shown by now."""
        if part.prompt_tokens is not None:
            self._prompt_tokens = (self._prompt_tokens or 0) + part.prompt_tokens
        if part.completion_tokens is not None:
            self._completion_tokens = (self._completion_tokens or 0) + part.completion_tokens
        self.is_cut = self.is_cut or part.finish_reason == "length"
        if part.text and self._first_token is None:
            self._first_token = time.monotonic()
        return self._keep(self._filter.feed(part.text))

    def finish(self, language: str) -> str:
        """Take what waited in the filter; a refusal without words of the model gets ours."""
        tail = self._keep(self._filter.finish())
        if self.is_refusal and not self.text.strip():
            tail += self._keep(refuse(language))
        return tail

    def html(self) -> str:
        """Render what was written."""
        return self.render(self.text, self.found)

    @staticmethod
    def render(text: str, passages: Sequence[PassageUsed]) -> str:
        """Render an answer; marks of these passages become links to them."""
        return render_html(text, {passage.number for passage in passages})

    def as_message(
        self,
        *,
        thread_id: str,
        position: int,
        created_at: datetime,
        status: Status,
        error: GuichetError | None,
        assistant_version: int | None,
        index_version: str | None,
    ) -> Message:
        """Give the row to store."""
        return Message(
            message_id=self.turn,
            thread_id=thread_id,
            position=position,
            origin="bot",
            content=self.text,
            created_at=created_at,
            status=status,
            error_origin=error.origin if error else None,
            error_code=error.code if error else None,
            model=self.model,
            assistant_version=assistant_version,
            index_version=index_version,
            prompt_tokens=self._count_prompt(),
            completion_tokens=self._count_completion(),
            first_token_ms=self._measure(self._first_token),
            total_ms=self._measure(time.monotonic()),
            trace_id=current_trace_id() or None,
            is_cut=self.is_cut,
            passages=self._used_passages(),
        )

    def _count_prompt(self) -> int:
        if self._prompt_tokens is not None:
            return self._prompt_tokens
        messages = build_messages(self.prompt) if self.prompt else []
        return sum(estimate_tokens(str(message.text)) for message in messages)

    def _count_completion(self) -> int:
        if self._completion_tokens is not None:
            return self._completion_tokens
        return estimate_tokens(self.text) if self.prompt else 0

    def _keep(self, text: str) -> str:
        self.is_refusal = self.is_refusal or self._filter.is_refusal
        if text:
            self._text.append(text)
        return text

    def _measure(self, moment: float | None) -> int | None:
        return None if moment is None else round((moment - self.started) * 1000)

    def _used_passages(self) -> tuple[PassageUsed, ...]:
        cited = set() if self.is_refusal else set(self._filter.cited)
        return tuple(
            replace(passage, cited=True)
            if passage.number in cited
            else replace(passage, snippet=_shorten(passage.snippet))
            for passage in self.found
        )


def number_passages(documents: Sequence[Document]) -> tuple[PassageUsed, ...]:
    """Number the passages of a turn from 1, in the retriever's order."""
    return tuple(
        PassageUsed(
            rank=rank,
            score=float(document.metadata["score"]),
            source=document.metadata["source"],
            heading=document.metadata["heading"],
            snippet=document.page_content,
            number=rank,
            cited=False,
            anchor=document.metadata.get("anchor") or "",
        )
        for rank, document in enumerate(documents, start=1)
    )


def build_reply(message: Message, session: Session) -> Reply:
    """Give the reply of a stored answer."""
    cited = tuple(passage for passage in message.passages if passage.cited)
    is_refused = message.status == "refused"
    return Reply(
        message_id=message.message_id,
        thread_id=message.thread_id,
        status=message.status,
        answer=message.content,
        answer_html=Draft.render(message.content, cited),
        passages=cited,
        nearest=nearest_of(message.passages) if is_refused else (),
        session=session,
        is_cut=message.is_cut,
    )


def nearest_of(passages: tuple[PassageUsed, ...], count: int = 3) -> tuple[PassageUsed, ...]:
    """Give the nearest sections of a refusal, each once."""
    seen: dict[tuple[str, str], PassageUsed] = {}
    for passage in passages:
        seen.setdefault((passage.source, passage.heading), passage)
    return tuple(seen.values())[:count]


def refuse(language: str) -> str:
    """Say that the documents do not answer."""
    return REFUSALS.get(language, REFUSALS["en"])


def _shorten(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[: EXCERPT_CHARACTERS - 1]}…"
