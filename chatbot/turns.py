"""Turns under way: each runs as a task of its own; listeners join, leave and come back.

A client that leaves cancels whatever drives a generator (measured: neither Gradio nor REST reaches the line after the
last token then). So no channel drives one: it starts a turn here and listens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from chatbot.conversation import Conversation
from chatbot.errors import GuichetError, TooBusy, UnknownMessage
from chatbot.events import Event, Failed, Html, Reply, Token
from chatbot.questions import Question, Turn
from chatbot.store import leases
from chatbot.store.leases import LEASE
from chatbot.streaming import StopSignal
from chatbot.telemetry import Metrics, bind_trace, current_trace_id

logger = logging.getLogger(__name__)

KEPT_AFTER_END = timedelta(minutes=5)
RENEWAL_S = LEASE.total_seconds() / 3
# How long an answer goes on whose tester asked another replica to end it.
STOP_PAUSE_S = 1.0
CLOSING_S = 5.0
Pause = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Running:
    turn: Turn
    tester: str
    signal: StopSignal = field(default_factory=StopSignal)
    # A rendered state replaces the one before: its place stays, empty, so that numbers keep their meaning.
    events: list[Event | None] = field(default_factory=list)
    last_html: int | None = None
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    is_over: bool = False

    def add(self, event: Event) -> None:
        if isinstance(event, Html):
            if self.last_html is not None:
                self.events[self.last_html] = None
            self.last_html = len(self.events)
        self.events.append(event)
        self.is_over = isinstance(event, Reply | Failed)
        waiting, self.waiting = self.waiting, []
        for listener in waiting:
            if not listener.done():
                listener.set_result(None)

    async def wait(self) -> None:
        """Wait for the next event."""
        listener = asyncio.get_running_loop().create_future()
        self.waiting.append(listener)
        await listener


class Turns:
    """Starts turns and gives their events to any number of listeners.

    Args:
        max_streams: how many answers are written at once.
    """

    def __init__(self, conversation: Conversation, *, max_streams: int, metrics: Metrics) -> None:
        self.conversation = conversation
        self._max_streams = max_streams
        self._metrics = metrics
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._active = 0
        self._renewal: asyncio.Task[None] | None = None
        self._stops: asyncio.Task[None] | None = None

    async def start(self, question: Question) -> Turn:
        """Open a turn and have it answered, whoever stays to listen.

        Raises:
            TooBusy: as many answers are being written as may be; else what `Conversation.open_turn` raises.
        """
        # A repeat writes no answer: it joins one, however full the house is.
        if repeat := await self.conversation.find_repeat(question):
            return repeat
        if self._active >= self._max_streams:
            raise TooBusy(
                "As many answers are being written as this service takes. Try again in a few seconds."
            )
        self._active += 1
        opened: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run(question, opened, current_trace_id()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Shielded: a caller that leaves now must not leave a question without its answer.
        return await asyncio.shield(opened)

    def find_running(self, thread_id: str) -> Turn | None:
        """Give the turn of a thread that is being answered in this process."""
        for running in self._running.values():
            if running.turn.thread.thread_id == thread_id and not running.is_over:
                return running.turn
        return None

    async def listen(self, message_id: str, tester: str, after: int = 0) -> AsyncIterator[tuple[int, Event]]:
        """Give a turn's events with their numbers, from the one after `after`, until its end.

        Args:
            after: number of the last event already seen; events count from 1.

        Raises:
            UnknownMessage: no events are kept of such a turn of this tester.
        """
        async for batch in self.listen_together(message_id, tester, after):
            for numbered in batch:
                yield numbered

    async def listen_together(
        self, message_id: str, tester: str, after: int = 0, *, pause: Pause | None = None
    ) -> AsyncIterator[list[tuple[int, Event]]]:
        """Give a turn's events as `listen` does, those that are there at once together.

        Args:
            pause: waited after each batch with words of the answer, so that those of the next gather meanwhile.
        """
        running = self._running.get(message_id)
        if running is None or running.tester != tester:
            raise UnknownMessage(f"No events are kept of message {message_id}.")
        place = max(0, after)
        while True:
            first, place = place, len(running.events)
            events = enumerate(running.events[first:], start=first + 1)
            if batch := [(number, event) for number, event in events if event is not None]:
                yield batch
                if pause and not running.is_over and isinstance(batch[-1][1], Token | Html):
                    await pause()
            if running.is_over and place >= len(running.events):
                return
            if place >= len(running.events):
                await running.wait()

    def is_kept(self, message_id: str, tester: str) -> bool:
        """Tell whether the events of this tester's turn are kept here."""
        running = self._running.get(message_id)
        return running is not None and running.tester == tester

    def is_seen(self, message_id: str, tester: str, after: int) -> bool:
        """Tell whether a turn whose events are kept here is over, and nothing comes after event `after`."""
        running = self._running.get(message_id)
        return (
            running is not None
            and running.tester == tester
            and running.is_over
            and after >= len(running.events)
        )

    def stop(self, message_id: str, tester: str) -> bool:
        """End a turn early; what was written is kept. False where it is not running here."""
        running = self._running.get(message_id)
        if running is None or running.tester != tester or running.is_over:
            return False
        running.signal.stop()
        return True

    async def close(self) -> None:
        """End every turn as interrupted, wait until that is durable, and let go of the model."""
        for running in self._running.values():
            running.signal.stop("interrupted")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSING_S)
        for task in (self._renewal, self._stops):
            if task:
                task.cancel()
        await self.conversation.close()

    async def _run(self, question: Question, opened: asyncio.Future[Turn], trace_id: str) -> None:
        with bind_trace(trace_id):
            try:
                turn = await self.conversation.open_turn(question)
            except Exception as error:  # noqa: BLE001 - raised again where the turn was asked for
                self._active -= 1
                opened.set_exception(error)
                # Where the caller has left nobody retrieves it.
                opened.exception()
                return
            if turn.is_repeat:
                self._active -= 1
                opened.set_result(turn)
                return
            running = _Running(turn, question.tester)
            self._running[turn.message_id] = running
            opened.set_result(turn)
            self._keep_leases()
            self._metrics.streams_active.inc()
            try:
                async for event in self.conversation.run_turn(turn, running.signal):
                    running.add(event)
            except Exception:
                logger.exception("A turn broke down")
            finally:
                if not running.is_over:
                    message = "The answer broke off on our side. Ask again in a moment."
                    running.add(Failed(turn.message_id, "internal_error", message, "service", trace_id))
                self._active -= 1
                self._metrics.streams_active.dec()
                loop = asyncio.get_running_loop()
                loop.call_later(KEPT_AFTER_END.total_seconds(), self._running.pop, turn.message_id, None)

    def _keep_leases(self) -> None:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        if self.conversation.store.is_shared and (self._stops is None or self._stops.done()):
            self._stops = asyncio.create_task(self._hear_stops())

    async def _renew(self) -> None:
        while self._active:
            await asyncio.sleep(RENEWAL_S)
            conversation = self.conversation
            # A store that does not answer now may answer before the lease runs out.
            with suppress(GuichetError):
                await conversation.store.write_async(
                    leases.renew_leases, self._list_active(), conversation.clock()
                )

    async def _hear_stops(self) -> None:
        """End the answers that other replicas were asked to stop."""
        while self._active:
            await asyncio.sleep(STOP_PAUSE_S)
            with suppress(GuichetError):
                store = self.conversation.store
                for message_id in await store.read_async(leases.list_stopped, self._list_active()):
                    if running := self._running.get(message_id):
                        running.signal.stop()

    def _list_active(self) -> list[str]:
        """List the turns whose end is to come: one that could not be stored is not kept for ever."""
        return [message_id for message_id, running in self._running.items() if not running.is_over]
