"""One turn of a conversation: rules → passages → prompt → model → store.

Every channel goes through here; none repeats a rule. `open_turn` makes the question durable or refuses it;
`run_turn` is the one generator that answers it and makes the answer durable before it says so.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Protocol

from langchain_core.language_models import BaseChatModel
from sqlalchemy import Connection

from chatbot.access import Session, SessionRules
from chatbot.answer import Draft, build_reply
from chatbot.assistants.catalogue import Assistants
from chatbot.assistants.definition import Kind
from chatbot.documentation import DocumentationAnswerer
from chatbot.errors import EmptyMessage, GuichetError, Interrupted, MessageTooLong
from chatbot.events import Event, Failed, Started
from chatbot.explanation import Explainer
from chatbot.generation import Generation
from chatbot.knowledge.retriever import Knowledge
from chatbot.limiter import Limiter, multiply_rate
from chatbot.models import close_model
from chatbot.prices import Prices
from chatbot.questions import Question, Turn
from chatbot.settings import Settings
from chatbot.store import idempotency, leases, threads
from chatbot.store.engine import Store
from chatbot.store.leases import Lease
from chatbot.store.records import Message, Status
from chatbot.storytelling import StoryAnswerer, check_available
from chatbot.streaming import StopSignal
from chatbot.telemetry import Metrics, current_trace_id, log_event
from chatbot.text import clean_text, detect_language, is_blank
from chatbot.writing import WriterAnswerer

logger = logging.getLogger(__name__)

# So many testers behind one address may ask at their full rate.
TESTERS_PER_SOURCE = 20


class Answerer(Protocol):
    """Answers the turns of one kind of assistant."""

    def answer(self, turn: Turn, draft: Draft, signal: StopSignal) -> AsyncIterator[Event]:
        """Answer one turn into its draft, which knows the assistant."""
        ...


class Conversation:
    """Answers questions.

    Args:
        owner: names this process in the leases of its turns.
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
        metrics: Metrics,
        owner: str,
    ) -> None:
        self.store = store
        self.assistants = assistants
        self.knowledge = knowledge
        self.rules = SessionRules.of(settings)
        self.owner = owner
        self.clock = store.clock
        generation = Generation(model, model_name, settings)
        documentation = DocumentationAnswerer(store, knowledge, generation, settings)
        self.curated = documentation.curated
        self._answerers: dict[Kind, Answerer] = {
            "documentation": documentation,
            "writer": WriterAnswerer(store, generation, settings.zone),
            "story": StoryAnswerer(store, generation),
        }
        self._model = model
        self._model_name = model_name
        self._explainer = Explainer(Prices(settings.prices_file), model, model_name, settings)
        self._settings = settings
        self._metrics = metrics
        self._rate = Limiter(store, settings.rate_limit, "message")
        self._source_rate = Limiter(store, multiply_rate(settings.rate_limit, TESTERS_PER_SOURCE), "source")

    async def open_turn(self, question: Question) -> Turn:
        """Check the rules and make the question durable.

        Raises:
            EmptyMessage, MessageTooLong, RateLimited, UnknownThread, UnknownAssistant, AssistantUnavailable,
            ThreadBusy, SessionExpired, SessionFull, IdempotencyMismatch, StoreUnavailable, StorageFull: nothing was
            written.
        """
        text = clean_text(question.text)
        if is_blank(text):
            raise EmptyMessage("The message is empty. Write a question.")
        if len(text) > self._settings.max_message_characters:
            raise MessageTooLong(len(text), self._settings.max_message_characters)
        opened = await self.store.write_async(self._count_and_open, question, text)
        if isinstance(opened, GuichetError):
            raise opened
        return opened

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

    async def measure_session(self, thread_id: str) -> Session:
        """Say what is left of a thread's session."""
        return self.rules.measure(await self.store.read_async(threads.measure_use, thread_id), self.clock())

    def measure_turn(self, turn: Turn, answer: str = "") -> Session:
        """Say what is left of a turn's session once its answer is there; nobody else writes to its thread meanwhile.

        Raises:
            ValueError: it is a repeat, which writes no answer.
        """
        if turn.use is None:
            raise ValueError("Of a repeat it is not known what its thread has used.")
        use = replace(turn.use, characters=turn.use.characters + len(answer))
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

    def _count_and_open(self, connection: Connection, question: Question, text: str) -> Turn | GuichetError:
        """Count a question and open its turn in one transaction; what is refused later on is counted all the same."""
        self._rate.count_within(connection, question.tester)
        if question.source:
            self._source_rate.count_within(connection, question.source)
        # What makes a thread may be refused after it was made; all else is refused before it writes.
        undo = connection.begin_nested() if question.opening else nullcontext()
        try:
            with undo:
                return self._open(connection, question, text)
        except GuichetError as refusal:
            return refusal

    def _open(self, connection: Connection, question: Question, text: str) -> Turn:
        now = self.clock()
        # Before anything is looked at: on another replica the same question may be a moment ahead.
        thread = threads.lock_thread(connection, question.thread_id, question.tester)
        if thread and (repeat := _find_repeat(connection, question, text)):
            return repeat
        if question.opening:
            question.opening(connection)
        thread = thread or threads.read_thread(connection, question.thread_id, question.tester)
        # Its file may have gone since the thread was started.
        assistant = self.assistants.get(thread.assistant)
        language = question.language or thread.language
        check_available(assistant, self._model_name, language or "en")
        leases.free_thread(connection, thread.thread_id, now)
        use = threads.measure_use(connection, thread.thread_id)
        self.rules.check(use, len(text), now)
        use = use.with_question(text, now)
        turn = Turn(
            message_id=str(uuid.uuid4()),
            user_message_id=str(uuid.uuid4()),
            position=use.last_position + 1,
            thread=thread,
            text=text,
            language=assistant.language
            or question.language
            or detect_language(text, default=language or "en"),
            use=use,
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
                position=use.last_position,
                origin="user",
                content=text,
                created_at=now,
                trace_id=current_trace_id() or None,
                is_personal=assistant.kind != "documentation",
            ),
        )
        if key := question.idempotency_key:
            fingerprint = idempotency.take_fingerprint(thread.thread_id, text)
            idempotency.remember(connection, question.tester, key, fingerprint, turn.message_id, now)
        return turn

    async def _answer(self, turn: Turn, draft: Draft, signal: StopSignal) -> AsyncIterator[Event]:
        edition = self.assistants.find(turn.thread.assistant)
        draft.assistant, draft.assistant_version = edition.definition, edition.version
        answerer = self._answerers[edition.definition.kind]
        async for event in answerer.answer(turn, draft, signal):
            yield event

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
            index_version=self.knowledge.index_version,
        )
        try:
            session = self.measure_turn(turn, message.content)
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
                error.public,
                error.origin,
                current_trace_id(),
                text=message.content,
            )
        return build_reply(message, session, draft.info)

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
