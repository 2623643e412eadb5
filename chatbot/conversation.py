"""One turn of a conversation: rules → passages → prompt → model → store.

Every channel goes through here; none repeats a rule. `open_turn` makes the question durable or refuses it;
`run_turn` is the one generator that answers it and makes the answer durable before it says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableLambda
from sqlalchemy import Connection

from chatbot.access import Session, SessionRules
from chatbot.answer import Draft, build_reply, refuse
from chatbot.assistants.definition import Assistant, Assistants
from chatbot.courtesy import answer_courtesy
from chatbot.errors import EmptyMessage, GuichetError, Interrupted, MessageTooLong
from chatbot.events import Event, Failed, Html, Sources, Started, Token
from chatbot.explanation import Explainer
from chatbot.followups import StandaloneQuestion, pair_turns
from chatbot.knowledge.curated import CuratedAnswers, CuratedHit
from chatbot.knowledge.retriever import Knowledge
from chatbot.limiter import Limiter, multiply_rate
from chatbot.live_html import LiveHtml, choose_interval
from chatbot.models import OFFLINE, close_model
from chatbot.prices import Prices
from chatbot.prompts import PromptInput, build_messages
from chatbot.retrieval import Rewriter, find_passages, make_standalone
from chatbot.settings import Settings
from chatbot.store import idempotency, leases, threads, versions
from chatbot.store.engine import Store
from chatbot.store.leases import Lease
from chatbot.store.records import Message, Status, Thread
from chatbot.streaming import StopSignal, stream_until
from chatbot.telemetry import Metrics, current_trace_id, log_event
from chatbot.text import clean_text, detect_language, is_blank

logger = logging.getLogger(__name__)

# So many testers behind one address may ask at their full rate.
TESTERS_PER_SOURCE = 20


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
    """A question that is durable, and the answer's id; `is_repeat` when its key had come before."""

    message_id: str
    user_message_id: str
    position: int
    thread: Thread
    text: str
    language: str
    is_repeat: bool = False
    history: tuple[tuple[str, str], ...] | None = None


def record_versions(store: Store, assistants: Assistants) -> dict[str, int]:
    """Record each assistant's definition that is new, and give the numbers in force."""
    return {
        assistant.name: store.write(
            versions.record_version,
            assistant.name,
            assistants.read_source(assistant.name),
            "file",
            store.clock(),
        )
        for assistant in assistants.list_all()
    }


class Conversation:
    """Answers questions.

    Args:
        owner: names this process in the leases of its turns.
        version_numbers: the number in force of each assistant's definition.
    """

    def __init__(
        self,
        *,
        store: Store,
        knowledge: Knowledge,
        assistants: Assistants,
        model: BaseChatModel,
        model_name: str,
        settings: Settings,
        version_numbers: dict[str, int],
        metrics: Metrics,
        owner: str,
    ) -> None:
        self.store = store
        self.assistants = assistants
        self.knowledge = knowledge
        self.curated = CuratedAnswers(knowledge, settings.private_dir)
        self.rules = SessionRules.of(settings)
        self.owner = owner
        self.clock = store.clock
        self._chain: Runnable[PromptInput, Any] = RunnableLambda(build_messages) | model
        self._rewriter = Rewriter(model, settings.model_timeout) if model_name != OFFLINE else None
        self._model = model
        self._model_name = model_name
        self._explainer = Explainer(Prices(settings.prices_file), model, model_name, settings)
        self._settings = settings
        self._versions = version_numbers
        self._metrics = metrics
        self._writing = 0
        self._rate = Limiter(store, settings.rate_limit, "message")
        self._source_rate = Limiter(store, multiply_rate(settings.rate_limit, TESTERS_PER_SOURCE), "source")

    async def open_turn(self, question: Question) -> Turn:
        """Check the rules and make the question durable.

        Raises:
            EmptyMessage, MessageTooLong, RateLimited, UnknownThread, UnknownAssistant, ThreadBusy, SessionExpired,
            SessionFull, IdempotencyMismatch, StoreUnavailable, StorageFull: nothing was written.
        """
        text = clean_text(question.text)
        if is_blank(text):
            raise EmptyMessage("The message is empty. Write a question.")
        if len(text) > self._settings.max_message_characters:
            raise MessageTooLong(len(text), self._settings.max_message_characters)
        await asyncio.to_thread(self._rate.count, question.tester)
        if question.source:
            await asyncio.to_thread(self._source_rate.count, question.source)
        return await self.store.write_async(self._open, question, text)

    async def find_repeat(self, question: Question) -> Turn | None:
        """Give the turn of a question that came before under its key: it asks for nothing new.

        Raises:
            UnknownThread, IdempotencyMismatch: as `open_turn`.
        """
        if not question.idempotency_key:
            return None
        return await self.store.read_async(_find_repeat, question, clean_text(question.text))

    async def close(self) -> None:
        """Let go of the model's connections."""
        await close_model(self._model)

    async def measure_session(self, thread_id: str, pending: str = "") -> Session:
        """Say what is left of a thread's session, once a text that is about to be stored is there."""
        use = await self.store.read_async(threads.measure_use, thread_id)
        use = replace(use, characters=use.characters + len(pending))
        return self.rules.measure(use, self.clock())

    async def run_turn(self, turn: Turn, signal: StopSignal) -> AsyncIterator[Event]:
        """Answer a question that was opened; the last event is a `Reply` or `Failed`, sent once it is durable."""
        draft = Draft(turn=turn.message_id, started=time.monotonic())
        yield Started(turn.message_id, turn.user_message_id)
        try:
            async for event in self._answer(turn, draft, signal):
                yield event
            status: Status = signal.status or ("refused" if draft.is_refusal else "complete")
            error: GuichetError | None = None
            if status == "interrupted":
                error = Interrupted("The service ended while it answered. Ask again in a moment.")
        except GuichetError as failure:
            status, error = "failed", failure
        except Exception:
            logger.exception("A turn failed")
            status, error = "failed", GuichetError("Something went wrong on our side. Ask again in a moment.")
        yield await self._finish(turn, draft, status, error)

    def _open(self, connection: Connection, question: Question, text: str) -> Turn:
        now = self.clock()
        # Before anything is looked at: on another replica the same question may be a moment ahead.
        threads.lock_threads(connection, [question.thread_id])
        if repeat := _find_repeat(connection, question, text):
            return repeat
        if question.opening:
            question.opening(connection)
        thread = threads.read_thread(connection, question.thread_id, question.tester)
        # Its file may have gone since the thread was started.
        self.assistants.get(thread.assistant)
        language = question.language or thread.language
        leases.recover_turns(connection, now, thread_id=thread.thread_id)
        self.rules.check(threads.measure_use(connection, thread.thread_id), len(text), now)
        position = threads.read_last_position(connection, thread.thread_id) + 1
        turn = Turn(
            message_id=str(uuid.uuid4()),
            user_message_id=str(uuid.uuid4()),
            position=position + 1,
            thread=thread,
            text=text,
            language=question.language or detect_language(text, default=language or "en"),
            history=question.history,
        )
        leases.take_lease(
            connection,
            Lease(thread.thread_id, turn.message_id, turn.user_message_id, turn.position, self.owner, now),
        )
        threads.add_message(
            connection,
            Message(
                message_id=turn.user_message_id,
                thread_id=thread.thread_id,
                position=position,
                origin="user",
                content=text,
                created_at=now,
                trace_id=current_trace_id() or None,
            ),
        )
        if key := question.idempotency_key:
            fingerprint = idempotency.take_fingerprint(thread.thread_id, text)
            idempotency.remember(connection, question.tester, key, fingerprint, turn.message_id, now)
        return turn

    async def _answer(self, turn: Turn, draft: Draft, signal: StopSignal) -> AsyncIterator[Event]:
        assistant = draft.assistant = self.assistants.get(turn.thread.assistant)
        standalone, history, hit = await self._understand(turn, assistant, draft, signal)
        draft.searched_for = standalone.text if standalone.text != turn.text else None
        if signal.status:
            return
        if hit:
            draft.add_curated(hit, turn.language)
        if draft.text:
            yield Sources(draft.found)
            yield Token(draft.text)
            yield Html(draft.html())
            return
        found = await find_passages(
            self.knowledge, turn.text, standalone, assistant.passages, default_language=turn.language
        )
        draft.take_passages(found.documents)
        yield Sources(draft.found)
        if not found.is_answerable:
            draft.is_refusal = True
            yield Token(draft.add_plain(refuse(turn.language)))
            yield Html(draft.html())
            return
        draft.model = self._model_name
        answered = [pair for pair in history if pair[1]]
        prompt = PromptInput(
            instructions=assistant.prompt,
            question=turn.text,
            language=turn.language,
            passages=draft.offered,
            history=answered[-assistant.history :] if assistant.history else [],
            standalone=standalone.text,
        )
        async for event in self._write(turn, draft, prompt, signal):
            yield event

    async def _understand(
        self, turn: Turn, assistant: Assistant, draft: Draft, signal: StopSignal
    ) -> tuple[StandaloneQuestion, list[tuple[str, str]], CuratedHit | None]:
        """Give the question that stands alone, the thread before it, and the team's own answer if there is one."""
        hit = await asyncio.to_thread(self.curated.find, turn.text, turn.language)
        history = [] if hit else await self._read_history(turn)
        last_answer = history[-1][1] if history else ""
        if not hit and (line := answer_courtesy(turn.text, turn.language, assistant, last_answer)):
            draft.add_plain(line)
            return StandaloneQuestion(turn.text), history, None
        standalone, usage = await make_standalone(
            turn.text,
            history,
            turn.language,
            # An assistant without history shows no model what was said before.
            rewriter=self._rewriter if assistant.history else None,
            signal=signal,
        )
        if usage:
            draft.model = self._model_name
            draft.add_usage(usage)
            hit = await asyncio.to_thread(self.curated.find, standalone.text, turn.language)
        return standalone, history, hit

    async def _write(
        self, turn: Turn, draft: Draft, prompt: PromptInput, signal: StopSignal
    ) -> AsyncIterator[Event]:
        """Have the model write the answer."""
        stream = stream_until(
            signal,
            self._chain,
            draft.take_prompt(prompt),
            timeout_s=self._settings.model_timeout,
            deadline_s=self._settings.model_deadline,
        )
        live = LiveHtml({passage.number for passage in draft.found})
        rendered_at = 0.0
        self._writing += 1
        try:
            async with aclosing(stream):
                async for part in stream:
                    text = draft.add_part(part)
                    if not text:
                        continue
                    yield Token(text)
                    if time.monotonic() - rendered_at >= choose_interval(live.cost_s, self._writing):
                        yield Html(live.render(draft.text))
                        rendered_at = time.monotonic()
        finally:
            self._writing -= 1
        if tail := draft.finish(turn.language):
            yield Token(tail)
        yield Html(draft.html())

    async def _read_history(self, turn: Turn) -> list[tuple[str, str]]:
        """Give the thread's (question, answer) pairs, the oldest first; an answer that did not come about is empty."""
        if turn.history is not None:
            return list(turn.history)
        if turn.position <= 1:
            return []
        return pair_turns(await self.store.read_async(threads.list_messages, turn.thread.thread_id))

    async def _finish(self, turn: Turn, draft: Draft, status: Status, error: GuichetError | None) -> Event:
        """Make the answer durable, then give the turn's last event."""
        now = self.clock()
        draft.settle()
        message = draft.as_message(
            thread_id=turn.thread.thread_id,
            position=turn.position,
            created_at=now,
            status=status,
            error=error,
            assistant_version=self._versions.get(turn.thread.assistant),
            index_version=self.knowledge.index_version,
        )
        try:
            session = await self.measure_session(turn.thread.thread_id, message.content)
            message = self._explainer.explain(message, draft, session)
            if not await self.store.write_async(leases.end_turn, message):
                raise Interrupted("The answer was given up as interrupted before its end. Ask again.")
        except GuichetError as failure:
            error = error or failure
            logger.error("An answer could not be stored: %s", failure)
            message = replace(message, status="failed")
        self._observe(turn, message, error)
        if error:
            return Failed(
                turn.message_id,
                error.code,
                str(error),
                error.origin,
                current_trace_id(),
                text=message.content,
            )
        return build_reply(message, session)

    def _observe(self, turn: Turn, message: Message, error: GuichetError | None) -> None:
        self._metrics.answers.labels(turn.thread.assistant, message.status).inc()
        self._metrics.answer_seconds.observe((message.total_ms or 0) / 1000)
        if message.first_token_ms is not None:
            self._metrics.first_token_seconds.observe(message.first_token_ms / 1000)
        for kind, count in (("prompt", message.prompt_tokens), ("completion", message.completion_tokens)):
            self._metrics.tokens.labels(kind).inc(count or 0)
        if error:
            self._metrics.model_errors.labels(error.origin, error.code).inc()
        log_event(
            logger,
            f"Answer {message.status}",
            level=logging.WARNING if error else logging.INFO,
            event__duration=(message.total_ms or 0) * 1_000_000,
            error__type=type(error).__name__ if error else None,
            error__origin=error.origin if error else None,
        )


def _find_repeat(connection: Connection, question: Question, text: str) -> Turn | None:
    if not (key := question.idempotency_key):
        return None
    thread = threads.read_thread(connection, question.thread_id, question.tester)
    fingerprint = idempotency.take_fingerprint(thread.thread_id, text)
    known = idempotency.find(connection, question.tester, key, fingerprint)
    language = question.language or thread.language or "en"
    return Turn(known, "", 0, thread, text, language, is_repeat=True) if known else None
