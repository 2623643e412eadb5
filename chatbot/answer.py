"""An answer in the making: text, marks, passages, tokens and times, up to the row that is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage

from chatbot.access import Session
from chatbot.addresses import find_addresses
from chatbot.assistants.definition import Assistant
from chatbot.citations import MarkFilter
from chatbot.errors import GuichetError
from chatbot.events import Reply
from chatbot.inspection import Inspection
from chatbot.knowledge.curated import CuratedHit
from chatbot.markup import render_html
from chatbot.models import Part, Usage
from chatbot.prompts import NumberedPassage, PromptInput, build_messages, fit_prompt, is_cut
from chatbot.store.records import Message, PassageUsed, Status
from chatbot.telemetry import current_trace_id
from chatbot.text import clean_text, estimate_tokens
from chatbot.thoughts import ThoughtFilter
from chatbot.wishes import DraftInfo

EXCERPT_CHARACTERS = 300
REFUSALS = {
    "en": "The documentation does not answer this question.",
    "fr": "La documentation ne répond pas à cette question.",
}
CURATED = "curated"
CURATED_TITLES = {"en": "Answer by the team", "fr": "Réponse de l'équipe"}
CHANGED_NOTES = {
    "en": "The documentation that this answer refers to has changed since it was written.",
    "fr": "La documentation à laquelle cette réponse renvoie a changé depuis qu'elle a été écrite.",
}
# A refusal says in a sentence what is missing; a model that goes on is guessing after all.
REFUSAL_CHARACTERS = 300
# What was stopped is a draft too, as far as it goes.
DRAFTED = ("complete", "stopped")


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
    assistant: Assistant | None = None
    assistant_version: int | None = None
    searched_for: str | None = None
    is_prompt_cut: bool = False
    info: DraftInfo | None = None
    is_personal: bool = False
    empty_refusals: Mapping[str, str] = field(default_factory=lambda: REFUSALS)
    offered: list[NumberedPassage] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _make_sent: Callable[[], Sequence[BaseMessage]] | None = None
    _thoughts: ThoughtFilter = field(default_factory=ThoughtFilter)
    _filter: MarkFilter = field(default_factory=lambda: MarkFilter(()))
    _inspection: Inspection | None = None
    _withdrawn: str = ""
    _usage_before: list[Usage] = field(default_factory=list)
    _is_bounded: bool = False
    _prompt_tokens: int | None = None
    _completion_tokens: int | None = None
    _first_token: float | None = None

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._text)

    @property
    def model_calls(self) -> int:
        """How many calls of a model were made."""
        return len(self._usage_before) + (self._make_sent is not None)

    def take_passages(self, documents: Sequence[Document]) -> None:
        """Take what the retriever found, best first."""
        self.found = number_passages(documents)
        self.offered = offer_passages(documents)

    def take_prompt(self, prompt: PromptInput) -> PromptInput:
        """Cut a prompt to its budget, and give it; the answer may cite the passages left in it, and no others."""
        fitted = fit_prompt(prompt)
        self._make_sent = partial(build_messages, fitted)
        self.is_prompt_cut = is_cut(prompt, fitted)
        addresses = find_addresses(prompt.question)
        for passage in fitted.passages:
            addresses |= find_addresses(passage.text)
        self._filter = MarkFilter([passage.number for passage in fitted.passages], addresses)
        return fitted

    def take_material(self, messages: Sequence[BaseMessage], material: Iterable[str]) -> None:
        """Take the messages of a prompt without passages; the text may hold the addresses of its material alone."""
        self._make_sent = lambda: messages
        self._filter = MarkFilter(None, {address for text in material for address in find_addresses(text)})

    def inspect(self, inspection: Inspection) -> None:
        """Have what the model writes pass an inspection before it is shown."""
        self._inspection = inspection

    def add_usage(self, usage: Usage) -> None:
        """Count the tokens of a call that was made before the answer's own."""
        self._usage_before.append(usage)

    def add_plain(self, text: str) -> str:
        """Add words of our own."""
        self._text.append(text)
        return text

    def add_curated(self, hit: CuratedHit, language: str) -> str:
        """Add an answer of the team's own, marked as such, with its sources; tell when those have changed since."""
        self.model = CURATED
        self.found = tuple(
            PassageUsed(
                rank=number,
                score=1.0,
                source=passage.source,
                heading=passage.heading,
                snippet=passage.text,
                number=number,
                cited=False,
                anchor=passage.anchor,
            )
            for number, passage in enumerate(hit.passages, start=1)
            if passage
        )
        numbers = [passage.number for passage in self.found]
        self._filter = MarkFilter(numbers)
        text = (self._filter.feed(hit.answer.answer) + self._filter.finish()).strip()
        if not self._filter.cited and numbers:
            # After a block of code or a table a mark would become part of it.
            joint = "\n\n" if text.splitlines()[-1].lstrip().startswith(("`", "~", "|")) else " "
            text += joint + "".join(f"[{number}]" for number in numbers)
            self._filter.cited += numbers
        notes = [f"**{say(CURATED_TITLES, language)}**", text]
        if hit.changed:
            notes.append(f"*{say(CHANGED_NOTES, language)}*")
        return self.add_plain("\n\n".join(notes))

    def add_part(self, part: Part) -> str:
        """Take a part from the model; give the text that can be shown by now."""
        if part.prompt_tokens is not None:
            self._prompt_tokens = (self._prompt_tokens or 0) + part.prompt_tokens
        if part.completion_tokens is not None:
            self._completion_tokens = (self._completion_tokens or 0) + part.completion_tokens
        self.is_cut = self.is_cut or part.finish_reason == "length"
        # A model may write what no store takes: NUL, half of a pair of surrogates.
        text = self._thoughts.feed(clean_text(part.text))
        if text and self._first_token is None:
            self._first_token = time.monotonic()
        return self._keep(self._pass(self._filter.feed(text)))

    def finish(self, language: str) -> str:
        """Take what waited in the filter; a refusal without words of the model gets ours.

        Where the inspection found something the policy's sentence takes the place of the whole text.
        """
        tail = self._take_rest()
        if self._inspection and self._inspection.declined:
            sentence = self._inspection.declined.refuse(language)
            self._withdrawn, self._text, self.is_refusal = self.text, [sentence], True
            return f"\n\n{sentence}" if self._withdrawn else sentence
        if self.is_refusal and not self.text.strip():
            tail += self._keep(say(self.empty_refusals, language))
        return tail

    def settle(self) -> None:
        """Keep what still waited in the filter when the model's stream broke off."""
        self._take_rest()

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
            assistant_version=self.assistant_version,
            index_version=index_version,
            prompt_tokens=self._count_prompt(),
            completion_tokens=self._count_completion(),
            first_token_ms=self._measure(self._first_token),
            total_ms=self._measure(time.monotonic()),
            trace_id=current_trace_id() or None,
            is_cut=self.is_cut,
            passages=self._used_passages(),
            is_personal=self.is_personal,
        )

    def _count_prompt(self) -> int:
        before = sum(usage.prompt_tokens for usage in self._usage_before)
        if self._prompt_tokens is not None:
            return before + self._prompt_tokens
        messages = self._make_sent() if self._make_sent else []
        return before + sum(estimate_tokens(str(message.text)) for message in messages)

    def _count_completion(self) -> int:
        before = sum(usage.completion_tokens for usage in self._usage_before)
        if self._completion_tokens is not None:
            return before + self._completion_tokens
        return before + (estimate_tokens(self._withdrawn or self.text) if self._make_sent else 0)

    def _pass(self, text: str, *, is_end: bool = False) -> str:
        if self._inspection is None:
            return text
        passed = self._inspection.feed(text)
        return passed + self._inspection.finish() if is_end else passed

    def _take_rest(self) -> str:
        rest = self._filter.feed(self._thoughts.finish()) + self._filter.finish()
        return self._keep(self._pass(rest, is_end=True))

    def _keep(self, text: str) -> str:
        self.is_refusal = self.is_refusal or self._filter.is_refusal
        if self.is_refusal:
            text = self._bound_refusal(text)
        if text:
            self._text.append(text)
        return text

    def _bound_refusal(self, text: str) -> str:
        """Give what of a model's refusal is still shown: its first paragraph, and no more than a sentence or two."""
        if self._is_bounded:
            return ""
        shown = self.text
        whole = shown + text
        paragraph = whole.split("\n\n", 1)[0]
        if len(paragraph) > REFUSAL_CHARACTERS:
            paragraph = f"{paragraph[:REFUSAL_CHARACTERS]}…"
        self._is_bounded = paragraph != whole
        return paragraph[len(shown) :]

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


def offer_passages(documents: Sequence[Document]) -> list[NumberedPassage]:
    """Give passages as the model sees them, under the numbers of `number_passages`."""
    return [
        NumberedPassage(
            number=rank,
            heading=document.metadata["breadcrumb"],
            source=document.metadata["source"],
            text=document.page_content,
            part=document.metadata.get("part", 1),
            parts=document.metadata.get("parts", 1),
            block_part=document.metadata.get("block_part", 0),
            block_parts=document.metadata.get("block_parts", 0),
        )
        for rank, document in enumerate(documents, start=1)
    ]


def build_reply(message: Message, session: Session, info: DraftInfo | None = None) -> Reply:
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
        is_curated=message.model == CURATED,
        draft=info if message.status in DRAFTED else None,
    )


def nearest_of(passages: tuple[PassageUsed, ...], count: int = 3) -> tuple[PassageUsed, ...]:
    """Give the nearest sections of a refusal, each once."""
    seen: dict[tuple[str, str], PassageUsed] = {}
    for passage in passages:
        seen.setdefault((passage.source, passage.heading), passage)
    return tuple(seen.values())[:count]


def refuse(language: str) -> str:
    """Say that the documents do not answer."""
    return say(REFUSALS, language)


def say(texts: Mapping[str, str], language: str) -> str:
    """Choose the reader's language, or English."""
    return texts.get(language, texts["en"])


def _shorten(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[: EXCERPT_CHARACTERS - 1]}…"
