"""The tester's threads as the page needs them: the one to show, the one to ask in, what was said and what is left."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from apps.chat.assistant_api import read_desk
from apps.chat.dossier import Dossier
from apps.chat.page_html import TurnView
from apps.chat.services import Services
from apps.chat.turn_views import view_thread
from chatbot.access import Session
from chatbot.assistants.definition import Assistant
from chatbot.errors import InvalidRequest, UnknownMessage, UnknownThread
from chatbot.store import leases, threads, verdicts
from chatbot.store.records import Login, Message, Thread
from chatbot.store.threads import ThreadUse

logger = logging.getLogger(__name__)

NEW_THREAD = "new"
Write = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Visit:
    """Who calls, in which language the reader reads, and from where, as limits count it."""

    login: Login
    language: str
    wanted_thread: str
    source: str


class Registry:
    """Finds threads, and takes no id from a browser for granted."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store
        self._turns = services.turns

    async def choose_thread(self, visit: Visit) -> Thread | None:
        """Give the thread that the page's address names, else the tester's latest; None to begin."""
        if visit.wanted_thread == NEW_THREAD:
            return None
        if visit.wanted_thread:
            try:
                return await self.read_thread(visit, visit.wanted_thread)
            except UnknownThread:
                logger.info("A page was opened on a thread that is not the tester's")
        heads = await self._store.read_async(threads.list_threads, visit.login.tester, 1)
        return heads[0].thread if heads else None

    async def read_thread(self, visit: Visit, thread_id: str) -> Thread:
        """Give a thread of the tester's own.

        Raises:
            UnknownThread: there is none, or it is somebody else's.
        """
        return await self._store.read_async(threads.read_thread, str(thread_id), visit.login.tester)

    async def take_thread(self, thread_id: str, visit: Visit) -> tuple[Thread, Write | None]:
        """Give the thread to ask in: the tester's own, or a new one where none is named.

        Args:
            thread_id: of a thread, or empty, or `new:` and the name of the assistant that is chosen for a new one.

        Returns:
            The thread, and what writes a new one, to be done with its first question.

        Raises:
            UnknownThread: as `read_thread`.
            UnknownAssistant, InvalidRequest: there is none of this name, or it begins with a form.
        """
        beginning, _, chosen = str(thread_id).partition(":")
        if beginning and (beginning != NEW_THREAD or not chosen):
            return await self.read_thread(visit, thread_id), None
        assistants = self._services.assistants
        assistant = assistants.get(chosen) if chosen else assistants.default
        if assistant.kind != "documentation":
            raise InvalidRequest(f"The assistant {assistant.name} begins with its form. Fill it in.")
        login = visit.login
        thread = Thread(
            thread_id=str(uuid.uuid4()),
            assistant=assistant.name,
            channel="page",
            tester=login.tester,
            code_label=login.code_label,
            wave=login.wave,
            language=visit.language,
            created_at=self._store.clock(),
        )
        return thread, partial(
            threads.add_thread,
            thread=thread,
            notice_version=login.notice_version,
            notice_accepted_at=login.notice_accepted_at,
        )

    async def find_question(self, reference: str, visit: Visit) -> str:
        """Give the text of an example, or of the question that a message of the tester's own is, or answers.

        Args:
            reference: `example:`, an assistant's name, `:` and the example's place; `text:` and the very words of a
                button; or the id of a message.

        Raises:
            InvalidRequest, UnknownAssistant, UnknownMessage: there is no such example, or message of the tester's own.
        """
        kind, _, place = reference.partition(":")
        if kind == "text":
            return place
        if kind == "example":
            name, _, place = place.rpartition(":")
            assistants = self._services.assistants
            assistant = assistants.get(name) if name else assistants.default
            examples = assistant.examples.get("fr" if visit.language == "fr" else "en", [])
            if place.isascii() and place.isdigit() and int(place) < len(examples):
                return examples[int(place)]
            raise InvalidRequest("There is no such example.")
        answer = await self._store.read_async(threads.read_message, reference, visit.login.tester)
        if answer.origin == "user":
            return answer.content
        for message in await self._store.read_async(threads.list_messages, answer.thread_id):
            if message.position == answer.position - 1 and message.origin == "user":
                return message.content
        raise UnknownMessage("The question of this answer is not there.")

    async def read_turns(self, visit: Visit, thread: Thread | None) -> tuple[list[TurnView], TurnView | None]:
        """Give a thread's turns, and among them the one under way."""
        if thread is None:
            return [], None
        running = self._turns.find_running(thread.thread_id)
        lease = await self._store.read_async(leases.find_lease, thread.thread_id)
        messages = await self._store.read_async(threads.list_messages, thread.thread_id)
        feedback = await self._store.read_async(threads.read_feedback, [thread.thread_id])
        refused = [message.message_id for message in messages if message.status == "refused"]
        requested = await self._store.read_async(verdicts.list_requests, refused)
        answer_id = running.message_id if running else lease.message_id if lease else ""
        views, under_way = view_thread(messages, feedback, answer_id, visit.language, requested)
        dossier = await self.open_dossier(visit, thread, messages)
        if dossier is None:
            return views, under_way
        answers = {message.message_id: message for message in messages if message.origin == "bot"}
        views = [
            dossier.show(view, answers.get(view.message_id), is_first=not place)
            for place, view in enumerate(views)
        ]
        return views, views[-1] if under_way else None

    async def open_dossier(
        self, visit: Visit, thread: Thread, messages: list[Message] | None = None
    ) -> Dossier | None:
        """Give what a writer's thread was begun with, and what came of it; None for any other.

        Args:
            messages: the thread's, oldest first, where they have been read already.
        """
        assistant = self.find_assistant(thread)
        if assistant.kind == "documentation":
            return None
        if messages is None:
            messages = await self._store.read_async(threads.list_messages, thread.thread_id)
        desk = await read_desk(self._services, thread, visit.language)
        last = next(filter(None, map(desk.describe, reversed(messages))), None)
        return Dossier(assistant, desk, visit.language, last)

    async def begin_turn(self, view: TurnView, visit: Visit, thread: Thread) -> TurnView:
        """Show a turn that has just been asked for."""
        if self.find_assistant(thread).kind == "documentation":
            return view
        messages = await self._store.read_async(threads.list_messages, thread.thread_id)
        dossier = await self.open_dossier(visit, thread, messages)
        if dossier is None:
            return view
        return dossier.begin(view, is_first=len(messages) < 2)

    async def read_rating(self, thread: Thread | None) -> int | None:
        """Say how the tester said that a thread went."""
        found = await self._store.read_async(verdicts.read_rating, thread.thread_id) if thread else None
        return found.value if found else None

    async def measure(self, thread: Thread | None) -> Session:
        """Say what is left of a thread's session, or what a new one has."""
        conversation = self._turns.conversation
        if thread is None:
            return conversation.rules.measure(ThreadUse(None, 0, 0), self._store.clock())
        return await conversation.measure_session(thread.thread_id)

    def find_assistant(self, thread: Thread | None) -> Assistant:
        """Give a thread's assistant, the default one where it is gone."""
        assistants = self._services.assistants
        known = {assistant.name: assistant for assistant in assistants.list_all()}
        return known.get(thread.assistant, assistants.default) if thread else assistants.default
