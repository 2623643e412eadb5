"""What happens at the page's counter: a tester comes in, agrees, asks, stops, asks again, starts afresh.

Every function here can be called by anyone through Gradio's queue: each finds out by itself who calls, and takes
nothing that the browser says for granted.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.chat.page_html import (
    TurnView,
    render_alert,
    render_allowance,
    render_brand,
    render_notice,
    render_transcript,
    render_turn,
    wrap_feed,
)
from apps.chat.services import COOKIE, Services, choose_language
from apps.chat.texts import explain_code, explain_error, say
from apps.chat.turn_views import advance_view, view_answer, view_thread
from chatbot.access import Session, version_notice
from chatbot.assistants.definition import Assistant
from chatbot.conversation import Question
from chatbot.errors import GuichetError, InvalidRequest, UnknownMessage, UnknownThread
from chatbot.events import Reply, Sources
from chatbot.store import leases, threads
from chatbot.store.records import Login, PassageUsed, Thread
from chatbot.store.threads import ThreadUse

logger = logging.getLogger(__name__)

NEW_THREAD = "new"
POLL_S = 1.0
Updates = dict[Any, Any]


class NoticeRequired(InvalidRequest):
    """The tester has not agreed to the privacy notice in force."""

    code = "notice_required"


@dataclass(frozen=True, slots=True)
class Fields:
    """The page's components: what handlers read and write."""

    brand: gr.Markdown
    log: gr.Markdown
    turn: gr.Markdown
    allowance: gr.Markdown
    alert: gr.Markdown
    notice: gr.Markdown
    box: gr.Textbox
    thread: gr.Textbox
    again: gr.Textbox
    send: gr.Button
    stop: gr.Button
    new: gr.Button
    accept: gr.Button
    logout: gr.Button


@dataclass(frozen=True, slots=True)
class Visit:
    """Who calls, in which language the reader reads, and from where, as limits count it."""

    login: Login
    language: str
    wanted_thread: str
    source: str


class Desk:
    """Answers the page's events.

    Args:
        fields: the components that updates are made for.
    """

    def __init__(self, services: Services, fields: Fields) -> None:
        self._services = services
        self._store = services.store
        self._turns = services.turns
        self._fields = fields

    async def open_page(self, request: gr.Request) -> AsyncIterator[Updates]:
        """Show the tester's latest conversation, or the one the address names, and the rest of an answer."""
        async for update in self._guard(self._open_page(request), request):
            yield update

    async def ask(self, text: str, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        """Ask what stands in the box."""
        async for update in self._guard(self._ask_box(text, thread_id, request), request):
            yield update

    async def ask_again(self, reference: str, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        """Ask an example, or the question of an answer that did not come.

        Args:
            reference: `example:` and its place, or the id of the answer.
        """
        async for update in self._guard(self._ask_again(reference, thread_id, request), request):
            yield update

    async def stop(self, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        """Stop the answer that is being written; what was written is kept."""
        async for update in self._guard(self._stop(thread_id, request), request):
            yield update

    async def start_afresh(self, request: gr.Request) -> AsyncIterator[Updates]:
        """Leave the conversation; the next one begins with its first message."""
        async for update in self._guard(self._start_afresh(request), request):
            yield update

    async def accept_notice(self, request: gr.Request) -> AsyncIterator[Updates]:
        """Record that the tester agreed to the notice in force."""
        async for update in self._guard(self._accept_notice(request), request):
            yield update

    async def _guard(self, updates: AsyncIterator[Updates], request: gr.Request) -> AsyncIterator[Updates]:
        """Turn errors into a sentence on the page; what stands in the box stays there."""
        try:
            async for update in updates:
                yield update
        except GuichetError as error:
            language = self._read_language(request)
            yield {
                self._fields.alert: render_alert(explain_error(language, error), error.code, language),
            }
        except Exception:
            logger.exception("The page failed")
            language = self._read_language(request)
            sentence = explain_code(language, "internal_error")
            yield {self._fields.alert: render_alert(sentence, "internal_error", language)}

    async def _open_page(self, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        thread = await self._choose_thread(visit)
        async for update in self._show_thread(visit, thread):
            yield update

    async def _show_thread(self, visit: Visit, thread: Thread | None) -> AsyncIterator[Updates]:
        """Show a conversation, and go on with the answer under way."""
        views, running = await self._read_turns(visit, thread)
        yield self._dress(visit) | {
            self._fields.log: self._feed_log(visit, thread, views),
            self._fields.thread: thread.thread_id if thread else "",
            self._fields.allowance: render_allowance(await self._measure(thread), visit.language),
        }
        if running is None or thread is None:
            return
        if self._turns.find_running(thread.thread_id):
            async for update in self._follow(running, visit, thread.thread_id):
                yield update
        else:
            async for update in self._wait_elsewhere(running, visit, thread):
                yield update

    async def _ask_box(self, text: str, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        is_first = True
        async for update in self._ask(str(text or ""), thread_id, visit):
            # The box is emptied once, when the question is durable: what is typed later stays.
            if is_first and self._fields.turn in update:
                update, is_first = update | {self._fields.box: ""}, False
            yield update

    async def _ask_again(self, reference: str, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        text = await self._find_question(str(reference or ""), visit)
        async for update in self._ask(text, thread_id, visit):
            yield update

    async def _ask(self, text: str, thread_id: str, visit: Visit) -> AsyncIterator[Updates]:
        if not self._has_agreed(visit.login):
            raise NoticeRequired("Agree to the privacy notice first.")
        thread = await self._take_thread(thread_id, visit)
        # Told before the question is checked: where it is refused, the next one goes into the same thread.
        yield {self._fields.thread: thread.thread_id}
        question = Question(thread.thread_id, visit.login.tester, text, source=visit.source)
        turn = await self._turns.start(question)
        view = TurnView(turn.message_id, turn.text, "pending")
        yield {
            self._fields.alert: "",
            self._fields.turn: self._feed_turn(view, visit, thread.thread_id),
            self._fields.allowance: render_allowance(await self._measure(thread), visit.language),
        }
        async for update in self._follow(view, visit, thread.thread_id):
            yield update

    async def _follow(self, view: TurnView, visit: Visit, thread_id: str) -> AsyncIterator[Updates]:
        """Render a turn's events as they come; rendered states come at most ten a second."""
        found: tuple[PassageUsed, ...] = ()
        async for _, event in self._turns.listen(view.message_id, visit.login.tester):
            if isinstance(event, Sources):
                found = event.passages
            following = advance_view(view, event, found, visit.language)
            if following is view:
                continue
            view = following
            update: Updates = {self._fields.turn: self._feed_turn(view, visit, thread_id)}
            if isinstance(event, Reply):
                update[self._fields.allowance] = render_allowance(event.session, visit.language)
            yield update

    async def _wait_elsewhere(self, view: TurnView, visit: Visit, thread: Thread) -> AsyncIterator[Updates]:
        """Wait for an answer that another process writes, or wrote before it died; its lease runs out then."""
        while await self._store.read_async(leases.find_lease, thread.thread_id):
            await asyncio.sleep(POLL_S)
            lost = await self._store.write_async(
                leases.recover_turns, self._store.clock(), thread_id=thread.thread_id
            )
            if lost:
                break
        message = await self._store.read_async(threads.read_message, view.message_id, visit.login.tester)
        answered = view_answer(view.question, message, None, visit.language)
        yield {
            self._fields.turn: self._feed_turn(answered, visit, thread.thread_id),
            self._fields.allowance: render_allowance(await self._measure(thread), visit.language),
        }

    async def _stop(self, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        thread = await self._store.read_async(threads.read_thread, str(thread_id), visit.login.tester)
        running = self._turns.find_running(thread.thread_id)
        if running:
            self._turns.stop(running.message_id, visit.login.tester)
        yield {self._fields.alert: ""}

    async def _start_afresh(self, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        yield {
            self._fields.log: self._feed_log(visit, None, [], nonce=uuid.uuid4().hex),
            self._fields.thread: "",
            self._fields.alert: "",
            self._fields.allowance: render_allowance(await self._measure(None), visit.language),
        }

    async def _accept_notice(self, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        markdown = self._services.settings.notice(visit.language)
        await self._services.access.accept_notice(visit.login, version_notice(markdown))
        yield {self._fields.notice: "", self._fields.alert: ""}

    async def _identify(self, request: gr.Request) -> Visit:
        """Find out who calls.

        Raises:
            NotLoggedIn: nobody we know.
        """
        login = await self._services.access.identify(request.cookies.get(COOKIE))
        wanted = str(request.query_params.get("thread", ""))
        address = request.client.host if request.client else "unknown"
        source = self._services.access.name_source(address)
        return Visit(login, self._read_language(request), wanted, source)

    def _read_language(self, request: gr.Request) -> str:
        return choose_language(self._services.settings, request.headers.get("accept-language", ""))

    def _has_agreed(self, login: Login) -> bool:
        """Tell whether the tester agreed to the notice in force, in whatever language it was read."""
        settings = self._services.settings
        return login.notice_version in {
            version_notice(settings.notice(language)) for language in ("en", "fr")
        }

    async def _choose_thread(self, visit: Visit) -> Thread | None:
        """Give the thread that the page's address names, else the tester's latest; None to begin."""
        if visit.wanted_thread == NEW_THREAD:
            return None
        if visit.wanted_thread:
            try:
                return await self._store.read_async(
                    threads.read_thread, visit.wanted_thread, visit.login.tester
                )
            except UnknownThread:
                logger.info("A page was opened on a thread that is not the tester's")
        heads = await self._store.read_async(threads.list_threads, visit.login.tester, 1)
        return heads[0].thread if heads else None

    async def _take_thread(self, thread_id: str, visit: Visit) -> Thread:
        """Give the thread to ask in: the tester's own, or a new one where none is named."""
        if thread_id:
            return await self._store.read_async(threads.read_thread, str(thread_id), visit.login.tester)
        login = visit.login
        thread = Thread(
            thread_id=str(uuid.uuid4()),
            assistant=self._services.assistants.default.name,
            channel="page",
            tester=login.tester,
            code_label=login.code_label,
            wave=login.wave,
            language=visit.language,
            created_at=self._store.clock(),
        )
        await self._store.write_async(
            threads.add_thread, thread, login.notice_version, login.notice_accepted_at
        )
        return thread

    async def _find_question(self, reference: str, visit: Visit) -> str:
        kind, _, place = reference.partition(":")
        if kind == "example":
            examples = self._services.assistants.default.examples.get(
                "fr" if visit.language == "fr" else "en", []
            )
            if place.isascii() and place.isdigit() and int(place) < len(examples):
                return examples[int(place)]
            raise InvalidRequest("There is no such example.")
        answer = await self._store.read_async(threads.read_message, reference, visit.login.tester)
        for message in await self._store.read_async(threads.list_messages, answer.thread_id):
            if message.position == answer.position - 1 and message.origin == "user":
                return message.content
        raise UnknownMessage("The question of this answer is not there.")

    async def _read_turns(
        self, visit: Visit, thread: Thread | None
    ) -> tuple[list[TurnView], TurnView | None]:
        """Give a thread's turns, and among them the one under way."""
        if thread is None:
            return [], None
        running = self._turns.find_running(thread.thread_id)
        lease = await self._store.read_async(leases.find_lease, thread.thread_id)
        messages = await self._store.read_async(threads.list_messages, thread.thread_id)
        verdicts = await self._store.read_async(threads.read_feedback, [thread.thread_id])
        answer_id = running.message_id if running else lease.message_id if lease else ""
        return view_thread(messages, verdicts, answer_id, visit.language)

    async def _measure(self, thread: Thread | None) -> Session:
        conversation = self._turns.conversation
        if thread is None:
            return conversation.rules.measure(ThreadUse(None, 0, 0), self._store.clock())
        return await conversation.measure_session(thread.thread_id)

    def _find_assistant(self, thread: Thread | None) -> Assistant:
        assistants = self._services.assistants
        known = {assistant.name: assistant for assistant in assistants.list_all()}
        return known.get(thread.assistant, assistants.default) if thread else assistants.default

    def _feed_log(self, visit: Visit, thread: Thread | None, views: list[TurnView], nonce: str = "") -> str:
        """Give a conversation; the nonce has a second empty one replace the first."""
        mark = f'<i hidden data-nonce="{nonce}"></i>' if nonce else ""
        shown = render_transcript(views, self._find_assistant(thread), visit.language)
        return wrap_feed("log", shown + mark, thread.thread_id if thread else NEW_THREAD if nonce else "")

    def _feed_turn(self, view: TurnView, visit: Visit, thread_id: str) -> str:
        return wrap_feed("turn", render_turn(view, visit.language), thread_id)

    def _dress(self, visit: Visit) -> Updates:
        """Put the page into the reader's language."""
        language, settings = visit.language, self._services.settings
        agreed = self._has_agreed(visit.login)
        return {
            self._fields.brand: render_brand(
                self._services.assistants.default, language, settings.max_message_characters
            ),
            self._fields.notice: "" if agreed else render_notice(settings.notice(language), language),
            self._fields.box: gr.update(placeholder=say(language, "placeholder"), label=say(language, "ask")),
            self._fields.send: gr.update(value=say(language, "send")),
            self._fields.stop: gr.update(value=say(language, "stop")),
            self._fields.new: gr.update(value=say(language, "new")),
            self._fields.accept: gr.update(value=say(language, "accept")),
            self._fields.logout: gr.update(value=say(language, "logout")),
        }
