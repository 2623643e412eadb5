"""What happens at the page's counter: a tester comes in, agrees, asks, stops, asks again, opens another conversation.

Every function here can be called by anyone through Gradio's queue: each finds out by itself who calls, and takes
nothing that the browser says for granted.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.chat.assistant_api import list_choices
from apps.chat.pace import Pace
from apps.chat.page_frame import render_alert, render_allowance, render_bar, render_notice
from apps.chat.page_html import TurnView, render_transcript, render_turn, wrap_feed
from apps.chat.prompt_html import render_prompts
from apps.chat.registry import NEW_THREAD, Registry, Visit
from apps.chat.services import COOKIE, Services, choose_language, list_notice_versions
from apps.chat.shelf import Shelf
from apps.chat.texts import explain_code, explain_error, say
from apps.chat.turn_views import advance_view, view_answer
from chatbot.access import Session, version_notice
from chatbot.errors import GuichetError, InvalidRequest
from chatbot.events import Html, Reply, Sources
from chatbot.questions import Question
from chatbot.store import leases, threads
from chatbot.store.records import PassageUsed, Thread

logger = logging.getLogger(__name__)

POLL_S = 1.0
DRAWN_S = 0.1
# An update costs about a millisecond of a core, whoever looks on: together they take no more than half of one.
FOLLOWER_S = 0.002
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
    send: gr.Button
    stop: gr.Button
    accept: gr.Button


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
        self._registry = Registry(services)
        self._shelf = Shelf(services.turns.conversation.knowledge)
        self._pace = Pace(least_s=DRAWN_S, follower_s=FOLLOWER_S)

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

    async def open_thread(self, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        """Show another conversation of the tester's, or this one again with what came meanwhile.

        Args:
            thread_id: empty to start afresh; the new one begins with its first message.
        """
        async for update in self._guard(self._open_thread(thread_id, request), request):
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
        thread = await self._registry.choose_thread(visit)
        yield await self._dress(visit)
        async for update in self._show_thread(visit, thread):
            yield update

    async def _open_thread(self, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        is_new = str(thread_id) in ("", NEW_THREAD)
        thread = None if is_new else await self._registry.read_thread(visit, thread_id)
        async for update in self._show_thread(visit, thread):
            yield update

    async def _show_thread(self, visit: Visit, thread: Thread | None) -> AsyncIterator[Updates]:
        """Show a conversation, and go on with the answer under way."""
        views, running = await self._registry.read_turns(visit, thread)
        rating = await self._registry.read_rating(thread)
        yield {
            self._fields.log: self._feed_log(visit, thread, views, rating),
            self._fields.thread: thread.thread_id if thread else "",
            self._fields.allowance: await self._feed_left(visit, thread),
            self._fields.alert: "",
        }
        if running is None or thread is None:
            return
        if self._turns.find_running(thread.thread_id):
            async for update in self._follow(running, visit, thread):
                yield update
        else:
            async for update in self._wait_elsewhere(running, visit, thread):
                yield update

    async def _ask_box(self, text: str, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        async for update in self._ask(str(text or ""), thread_id, visit):
            yield update

    async def _ask_again(self, reference: str, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        text = await self._registry.find_question(str(reference or ""), visit)
        async for update in self._ask(text, thread_id, visit):
            yield update

    async def _ask(self, text: str, thread_id: str, visit: Visit) -> AsyncIterator[Updates]:
        if visit.login.notice_version not in list_notice_versions(self._services.settings):
            raise NoticeRequired("Agree to the privacy notice first.")
        thread, opening = await self._registry.take_thread(thread_id, visit)
        question = Question(thread.thread_id, visit.login.tester, text, source=visit.source, opening=opening)
        turn = await self._turns.start(question)
        begun = TurnView(turn.message_id, turn.text, "pending")
        view = await self._registry.begin_turn(begun, visit, thread)
        # The first sight of the turn: the script empties the box then, of what was sent and no more.
        yield {
            self._fields.thread: thread.thread_id,
            self._fields.alert: "",
            self._fields.turn: self._feed_turn(view, visit, thread),
            self._fields.allowance: self._feed_session(
                self._turns.conversation.measure_turn(turn), visit, thread.thread_id
            ),
        }
        async for update in self._follow(view, visit, thread):
            yield update

    async def _follow(self, view: TurnView, visit: Visit, thread: Thread) -> AsyncIterator[Updates]:
        """Render a turn's events as they come; a state that is replaced before it is drawn is passed over."""
        found: tuple[PassageUsed, ...] = ()
        drawn_at = 0.0
        dossier = await self._registry.open_dossier(visit, thread)
        with self._pace.follow():
            async for _, event in self._turns.listen(view.message_id, visit.login.tester):
                if isinstance(event, Sources):
                    found = event.passages
                following = advance_view(view, event, found, visit.language)
                if following is view:
                    continue
                view = following
                if dossier and isinstance(event, Reply):
                    view = dossier.finish(view, event.draft, event.answer)
                update: Updates = {self._fields.turn: self._feed_turn(view, visit, thread)}
                if isinstance(event, Reply):
                    update[self._fields.allowance] = self._feed_session(
                        event.session, visit, thread.thread_id
                    )
                elif isinstance(event, Html):
                    await self._pace.wait(drawn_at)
                drawn_at = time.monotonic()
                yield update

    async def _wait_elsewhere(
        self, running: TurnView, visit: Visit, thread: Thread
    ) -> AsyncIterator[Updates]:
        """Wait for an answer that another process writes, or wrote before it died; its lease runs out then."""
        while await self._store.read_async(leases.find_lease, thread.thread_id):
            await asyncio.sleep(POLL_S)
            lost = await self._store.write_async(
                leases.recover_turns, self._store.clock(), thread_id=thread.thread_id
            )
            if lost:
                break
        message = await self._store.read_async(threads.read_message, running.message_id, visit.login.tester)
        answered = view_answer(running.question, message, None, visit.language)
        if dossier := await self._registry.open_dossier(visit, thread):
            answered = dossier.show(answered, message, is_first=bool(running.given))
        yield {
            self._fields.turn: self._feed_turn(answered, visit, thread),
            self._fields.allowance: await self._feed_left(visit, thread),
        }

    async def _stop(self, thread_id: str, request: gr.Request) -> AsyncIterator[Updates]:
        visit = await self._identify(request)
        thread = await self._registry.read_thread(visit, thread_id)
        running = self._turns.find_running(thread.thread_id)
        if running:
            self._turns.stop(running.message_id, visit.login.tester)
        elif lease := await self._store.read_async(leases.find_lease, thread.thread_id):
            # Another replica writes it.
            await self._store.write_async(leases.ask_to_stop, lease.message_id, visit.login.tester)
        yield {self._fields.alert: ""}

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
        # A link that names an assistant begins with it, whatever was talked about before.
        default = NEW_THREAD if request.query_params.get("assistant") else ""
        wanted = str(request.query_params.get("thread", default))
        address = request.client.host if request.client else "unknown"
        source = self._services.access.name_source(address)
        return Visit(login, self._read_language(request), wanted, source)

    def _read_language(self, request: gr.Request) -> str:
        return choose_language(self._services.settings, request.headers.get("accept-language", ""))

    async def _feed_left(self, visit: Visit, thread: Thread | None) -> str:
        return self._feed_session(
            await self._registry.measure(thread), visit, thread.thread_id if thread else NEW_THREAD
        )

    def _feed_session(self, session: Session, visit: Visit, thread_id: str) -> str:
        limit = self._services.settings.max_characters
        return wrap_feed("left", render_allowance(session, visit.language, limit), thread_id)

    def _feed_log(
        self, visit: Visit, thread: Thread | None, views: list[TurnView], rating: int | None = None
    ) -> str:
        """Give a conversation; a mark of its own has one that is read again be news to Gradio."""
        assistant = self._registry.find_assistant(thread)
        shown = render_transcript(
            [self._shelf.place(view) for view in views],
            assistant,
            visit.language,
            list_choices(self._services, visit.language) if thread is None else (),
        )
        thread_id = thread.thread_id if thread else NEW_THREAD
        marks = {
            "work": assistant.kind,
            "title": assistant.say(assistant.title, visit.language),
            "about": assistant.say(assistant.description, visit.language),
            "rating": str(rating or ""),
        }
        return wrap_feed("log", shown, thread_id, mark=uuid.uuid4().hex, **marks)

    def _feed_turn(self, view: TurnView, visit: Visit, thread: Thread) -> str:
        assistant = self._registry.find_assistant(thread)
        name = assistant.say(assistant.title, visit.language)
        return wrap_feed("turn", render_turn(self._shelf.place(view), visit.language, name), thread.thread_id)

    async def _dress(self, visit: Visit) -> Updates:
        """Put the page into the reader's language."""
        language, settings = visit.language, self._services.settings
        has_logout = not await self._services.access.check_open()
        assistant = self._services.assistants.default
        agreed = visit.login.notice_version in list_notice_versions(settings)
        return {
            self._fields.brand: render_bar(
                assistant, language, settings, has_logout=has_logout, prompts=render_prompts(language)
            ),
            self._fields.notice: "" if agreed else render_notice(settings.notice(language), language),
            self._fields.box: gr.update(placeholder=say(language, "placeholder"), label=say(language, "ask")),
            self._fields.send: gr.update(value=say(language, "send")),
            self._fields.stop: gr.update(value=say(language, "stop")),
            self._fields.accept: gr.update(value=say(language, "accept")),
        }
