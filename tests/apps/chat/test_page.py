"""The page: what it renders, what its handlers refuse, and how it answers over Gradio's queue."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gradio import Request

from apps.chat.desk import Desk, Fields
from apps.chat.page_frame import render_alert, render_allowance, render_bar, render_login
from apps.chat.page_html import TurnView, render_transcript, render_turn, wrap_feed
from apps.chat.services import Services
from apps.chat.texts import FAULTS, TEXTS, explain_error, say
from apps.chat.turn_views import view_thread
from chatbot import errors
from chatbot.access import Session
from chatbot.assistants.definition import Assistant
from chatbot.markup import render_html
from chatbot.store import threads
from chatbot.store.records import Feedback, Message, PassageUsed, Status
from tests.apps.chat.conftest import ANSWERABLE, UNANSWERABLE, Client, Service
from tests.conftest import MakeSettings

HOSTILE = '<img src=x onerror="alert(1)"></template><script>alert(2)</script>'
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
FOREIGN_IDS = [
    "",
    "new",
    "' OR 1=1 --",
    "../../etc/passwd",
    HOSTILE,
    "3d0f8b6a-55a4-4c0e-9d0b-6f1d0c6b7a21",
    "x" * 5000,
]


def make_passage(
    number: int = 1, snippet: str = "Port 4180.", heading: str = "Settings > Ports"
) -> PassageUsed:
    """Make a passage that an answer cites."""
    return PassageUsed(number, 1.0, "en/settings.md", heading, snippet, number, cited=True)


def make_message(position: int, content: str, status: Status = "complete", **fields: Any) -> Message:
    """Make a message of a thread: questions at even places, answers at odd ones."""
    origin = "bot" if position % 2 else "user"
    return Message(f"m{position}", "t", position, origin, content, NOW, status, **fields)


def make_request(token: str | None, *, language: str = "en", **query: str) -> Request:
    """Make what Gradio gives a handler of the browser's request."""
    cookies = {"guichet": token} if token else {}
    request = SimpleNamespace(
        cookies=cookies,
        headers={"accept-language": language},
        query_params=query,
        client=SimpleNamespace(host="127.0.0.1"),
    )
    return cast(Request, request)


async def collect(updates: AsyncIterator[dict[Any, Any]]) -> dict[str, Any]:
    """Give the last value of each field that a handler updates."""
    last: dict[str, Any] = {}
    async for update in updates:
        last |= update
    return last


@pytest.fixture
async def services(make_settings: MakeSettings) -> AsyncIterator[Services]:
    """Give the parts of a service with the offline model, without HTTP."""
    from apps.chat import main

    services = main.build_services(make_settings(publish_interval=0))
    services.store.start_writer()
    yield services
    await services.turns.close()
    services.store.close()


@pytest.fixture
def desk(services: Services) -> Desk:
    """Give a desk whose fields are known by their names."""
    names = {field.name: field.name for field in dataclasses.fields(Fields)}
    return Desk(services, Fields(**cast(Any, names)))


@pytest.fixture
async def token(services: Services, desk: Desk) -> str:
    """Give the token of a tester who has agreed to the notice."""
    _, token = await services.access.open_login("127.0.0.1")
    await collect(desk.accept_notice(make_request(token)))
    return token


class TestHtml:
    """What is rendered, is rendered safe."""

    def test_hostile_question_stays_text(self) -> None:
        """A tester's text is shown as the characters it is made of."""
        rendered = render_turn(TurnView("m1", HOSTILE, "pending"), "en")
        assert "<img" not in rendered
        assert "<script" not in rendered
        assert "&lt;img src=x onerror=" in rendered

    def test_hostile_passage_stays_text(self) -> None:
        """Headings, sources and texts of documents are escaped or sanitized."""
        passage = make_passage(snippet=f"{HOSTILE} ![p](https://evil.example/p.png)", heading=HOSTILE)
        rendered = render_turn(TurnView("m1", "?", "complete", html="<p>x</p>", passages=[passage]), "en")
        assert "<img" not in rendered
        assert "<script" not in rendered

    @pytest.mark.parametrize("state", ["complete", "refused", "failed", "interrupted", "stopped"])
    def test_hostile_ids_and_comments_stay_attributes(self, state: Any) -> None:
        """No id, fault or comment breaks out of where it stands."""
        feedback = Feedback("m", -1, HOSTILE, f"</textarea>{HOSTILE}", NOW)
        view = TurnView('"><script>', "?", state, html="<p>x</p>", fault=HOSTILE, feedback=feedback)
        assert "<script" not in render_turn(view, "en")

    def test_feed_is_one_inert_line(self) -> None:
        """Whatever a text holds, Gradio passes it on as it is: one line, no tab, no marker of its translations."""
        html = render_html("```\na\n\n\tb\n```")
        feed = wrap_feed("turn", html + '__i18n__{"key":"x"}', "t1")
        assert not re.search(r"[\n\r\t]|__i18n__", feed)
        assert feed.startswith("<div><template ")

    def test_tester_cannot_close_the_feed(self) -> None:
        """A closing template tag in a text does not end the one that it travels in."""
        feed = wrap_feed("turn", render_turn(TurnView("m1", HOSTILE, "pending"), "en"), '"></template>')
        assert feed.count("</template>") == 1

    def test_code_block_has_its_language_and_a_copy_button(self) -> None:
        """Every block of code can be copied."""
        html = render_html("```bash\nteapot doctor\n```\n\n    plain\n")
        rendered = render_turn(TurnView("m1", "?", "complete", html=html), "en")
        assert rendered.count('class="copy-code"') == 2
        assert "<span>bash</span>" in rendered
        assert rendered.count('<div class="code">') == rendered.count("</code></pre></div>") == 2

    def test_citations_open_to_the_passage(self) -> None:
        """A mark's number finds the passage of the same number, with heading, source and text."""
        view = TurnView("m1", "?", "complete", html=render_html("4180 [1]", {1}), passages=[make_passage()])
        rendered = render_turn(view, "en")
        assert 'data-cite="1"' in rendered
        assert '<details class="source" data-number="1">' in rendered
        assert "Settings › en/settings.md" in rendered
        assert "Port 4180." in rendered

    def test_refusal_offers_what_is_not_the_answer(self) -> None:
        """The nearest sections of a refusal are marked as not being the answer."""
        view = TurnView("m1", "?", "refused", html="<p>No.</p>", nearest=[make_passage()])
        rendered = render_turn(view, "en")
        assert "is-refused" in rendered
        assert "Nearest sections, which are not the answer" in rendered

    @pytest.mark.parametrize(
        ("state", "has_retry"),
        [("complete", False), ("refused", False), ("failed", True), ("interrupted", True), ("stopped", True)],
    )
    def test_retry_is_offered_where_the_answer_did_not_come(self, state: Any, has_retry: bool) -> None:
        """Failed, interrupted and stopped answers can be asked for again; others not."""
        rendered = render_turn(TurnView("m1", "?", state, html="<p>x</p>"), "en")
        assert ('data-retry="m1"' in rendered) is has_retry

    def test_saved_verdict_is_shown(self) -> None:
        """Thumb, reason and comment are there again after a refresh."""
        feedback = Feedback("m1", -1, "wrong", "It is 4181", NOW)
        rendered = render_turn(TurnView("m1", "?", "complete", html="<p>x</p>", feedback=feedback), "en")
        assert re.search(r'data-value="-1" aria-pressed="true"', rendered)
        assert re.search(r'data-reason="wrong" aria-pressed="true"', rendered)
        assert "It is 4181</textarea>" in rendered

    def test_allowance_without_limits_says_so(self) -> None:
        """Null is shown as no limit, never as a number."""
        rendered = render_allowance(Session(True, None, None, None, None), "en", 0)
        assert "no time limit" in rendered
        assert "<b>" not in rendered

    def test_allowance_counts_down_once_it_runs(self) -> None:
        """Minutes are rounded up; they run from the first message on."""
        resting = render_allowance(Session(True, 3599, 50, 20000, None), "en", 20000)
        running = render_allowance(Session(True, 61, 1, 20000, NOW), "fr", 20000)
        assert "<b>60</b>" in resting
        assert "data-seconds" not in resting
        assert 'data-seconds="61"' in running
        assert "<b>2</b>" in running
        assert "<b>20\u202f000</b>" in running

    def test_lost_login_leads_back(self) -> None:
        """The sentence about an ended login carries the way back in."""
        assert 'href="login"' in render_alert("Log in again.", "not_logged_in", "en")

    def test_same_error_twice_is_news(self) -> None:
        """Two alerts with the same words differ, so that the page shows both."""
        assert render_alert("x", "busy", "en") != render_alert("x", "busy", "en")

    def test_assistant_texts_are_escaped(self, make_settings: MakeSettings) -> None:
        """An assistant's definition cannot bring markup into the page."""
        assistant = Assistant.model_validate(
            {
                "name": "a",
                "title": {"en": HOSTILE},
                "description": {"en": HOSTILE},
                "greeting": {"en": HOSTILE},
                "examples": {"en": [HOSTILE]},
                "prompt": "p",
            }
        )
        view = TurnView("m1", "?", "complete", html="<p>x</p>")
        rendered = render_bar(assistant, "en", make_settings(), has_logout=True)
        rendered += render_transcript([], assistant, "en") + render_transcript([view], assistant, "en")
        assert "<script" not in rendered
        assert "<img" not in rendered

    def test_login_page_escapes_its_error(self) -> None:
        """The login page shows an error as text, and has a labelled field and no script."""
        rendered = render_login("fr", error=HOSTILE, title="Guichet <b>")
        assert '<html lang="fr">' in rendered
        assert "<script" not in rendered
        assert 'label for="password"' in rendered
        assert 'action="login"' in rendered
        assert "Guichet &lt;b&gt;" in rendered


class TestTexts:
    """The page says everything in both languages."""

    def test_both_languages_have_every_text(self) -> None:
        """What is said in English is said in French."""
        assert TEXTS["en"].keys() == TEXTS["fr"].keys()
        assert FAULTS["en"].keys() == FAULTS["fr"].keys()

    @pytest.mark.parametrize("language", ["en", "fr"])
    def test_every_error_has_a_sentence(self, language: str) -> None:
        """Each error that can reach the page has a sentence of its own."""
        fallback = FAULTS[language]["internal_error"]
        elsewhere = {"settings_invalid", "usage", "log_unavailable", "report_failed", "invalid_request"}
        elsewhere |= {
            "code_invalid",
            "tunnel_unavailable",
            "origin_not_allowed",
            "unknown_assistant",
            "idempotency_mismatch",
            "internal_error",
        }
        for kind in vars(errors).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, errors.GuichetError)
                and kind.code not in elsewhere
            ):
                assert FAULTS[language].get(kind.code, fallback) != fallback, kind

    def test_error_names_its_numbers(self) -> None:
        """Lengths and waits are named, in the reader's language."""
        assert "2100" in explain_error("en", errors.MessageTooLong(2100, 2000))
        assert explain_error("fr", errors.RateLimited("", 1, rate="30/minute", deed="message")) == (
            "La limite de 30 messages par minute est atteinte. Attendez 1 seconde et réessayez."
        )
        full = errors.SessionFull("", "MAX_CHARACTERS")
        assert explain_error("en", full) != explain_error("en", errors.SessionFull("", "MAX_MESSAGES"))


class TestViews:
    """A stored thread is shown as it went."""

    def test_unanswered_question_is_under_way_or_interrupted(self) -> None:
        """The last question without an answer waits for the running one; without any it was interrupted."""
        messages = [make_message(0, "a"), make_message(1, "b"), make_message(2, "c")]
        views, running = view_thread(messages, {}, "m3", "en")
        assert [view.state for view in views] == ["complete", "pending"]
        assert running is views[-1]
        views, running = view_thread(messages, {}, "", "en")
        assert [view.state for view in views] == ["complete", "interrupted"]
        assert running is None

    def test_failed_answer_says_whose_fault_it_is(self) -> None:
        """A stored failure is told in the sentence of its code, with the text that had come."""
        answer = make_message(1, "Half an", "failed", error_code="provider_timeout", error_origin="provider")
        (view,), _ = view_thread([make_message(0, "a"), answer], {}, "", "en")
        assert "provider" in view.fault
        assert "Half an" in view.html


class TestDesk:
    """Each handler finds out by itself who calls, and takes nothing for granted."""

    @pytest.mark.parametrize("token", [None, "", "forged", "e30.AAAA"])
    async def test_refuses_without_login(self, desk: Desk, services: Services, token: str | None) -> None:
        """Without a login of ours no handler does or tells anything."""
        request = make_request(token)
        calls = [
            desk.open_page(request),
            desk.ask(ANSWERABLE, "", request),
            desk.ask_again("example:0", "", request),
            desk.stop(str(uuid.uuid4()), request),
            desk.open_thread("", request),
            desk.open_thread(str(uuid.uuid4()), request),
            desk.accept_notice(request),
        ]
        for call in calls:
            last = await collect(call)
            assert last.keys() == {"alert"}
            assert 'data-code="not_logged_in"' in last["alert"]
        assert not await services.store.read_async(threads.list_threads, "open-1")

    async def test_ended_login_is_refused(self, desk: Desk, services: Services, token: str) -> None:
        """A login that was ended works no more."""
        await services.access.log_out(await services.access.identify(token))
        last = await collect(desk.ask(ANSWERABLE, "", make_request(token)))
        assert 'data-code="not_logged_in"' in last["alert"]

    async def test_asks_for_the_notice_first(self, desk: Desk, services: Services) -> None:
        """Before the click on the notice no message is taken, and none after it is asked for again."""
        login, token = await services.access.open_login("127.0.0.1")
        request = make_request(token)
        assert "recorded" in (await collect(desk.open_page(request)))["notice"]
        last = await collect(desk.ask(ANSWERABLE, "", request))
        assert 'data-code="notice_required"' in last["alert"]
        assert not await services.store.read_async(threads.list_threads, login.tester)
        await collect(desk.accept_notice(request))
        assert (await collect(desk.open_page(make_request(token, language="fr"))))["notice"] == ""

    async def test_answers(self, desk: Desk, token: str) -> None:
        """The answer is cited, and the allowance counts the question."""
        updates = [update async for update in desk.ask(ANSWERABLE, "", make_request(token))]
        assert 'data-state="complete"' in updates[-1]["turn"]
        assert "data-cite" in updates[-1]["turn"]
        assert "<b>49</b>" in updates[-1]["allowance"]

    async def test_thread_is_of_the_page(self, desk: Desk, services: Services, token: str) -> None:
        """A thread is made by its first message, for the page, with the notice agreed to."""
        login = await services.access.identify(token)
        last = await collect(desk.ask(ANSWERABLE, "", make_request(token)))
        thread = await services.store.read_async(threads.read_thread, last["thread"], login.tester)
        assert thread.channel == "page"

    async def test_refused_message_stays_in_the_box(self, desk: Desk, services: Services, token: str) -> None:
        """A message that is not accepted leaves the box alone, begins no thread, and is no part of one."""
        login = await services.access.identify(token)
        last = await collect(desk.ask("x" * 2001, "", make_request(token)))
        assert 'data-code="message_too_long"' in last["alert"]
        assert "box" not in last and "thread" not in last
        assert not await services.store.read_async(threads.list_threads, login.tester, with_empty=True)
        begun = (await collect(desk.ask(ANSWERABLE, "", make_request(token))))["thread"]
        refused = await collect(desk.ask("x" * 2001, begun, make_request(token)))
        assert "thread" not in refused
        again = await collect(desk.ask(ANSWERABLE, begun, make_request(token)))
        assert again["thread"] == begun

    @pytest.mark.parametrize("thread_id", FOREIGN_IDS[1:])
    async def test_foreign_thread_ids_are_refused(self, desk: Desk, token: str, thread_id: str) -> None:
        """A thread id from the browser is one of the tester's own, or nothing happens."""
        for call in (
            desk.ask(ANSWERABLE, thread_id, make_request(token)),
            desk.stop(thread_id, make_request(token)),
            *([desk.open_thread(thread_id, make_request(token))] if thread_id != "new" else []),
        ):
            last = await collect(call)
            assert 'data-code="unknown_thread"' in last["alert"]
            assert "turn" not in last

    async def test_somebody_elses_thread_is_not_shown(
        self, desk: Desk, services: Services, token: str
    ) -> None:
        """Neither by the page's address nor by a retry does a tester meet another's thread."""
        last = await collect(desk.ask(ANSWERABLE, "", make_request(token)))
        message_id = re.search(r'data-turn="([^"]+)"', last["turn"])
        assert message_id
        _, other = await services.access.open_login("127.0.0.1")
        await collect(desk.accept_notice(make_request(other)))
        shown = await collect(desk.open_page(make_request(other, thread=last["thread"])))
        assert ANSWERABLE not in shown["log"]
        assert shown["thread"] == ""
        retried = await collect(desk.ask_again(message_id[1], "", make_request(other)))
        assert 'data-code="unknown_message"' in retried["alert"]

    @pytest.mark.parametrize(
        "reference", ["example:99", "example:-1", "example:²", "example:", HOSTILE, "", "x"]
    )
    async def test_hostile_references_are_refused(self, desk: Desk, token: str, reference: str) -> None:
        """What is asked again is an example of ours or an answer of the tester's."""
        last = await collect(desk.ask_again(reference, "", make_request(token)))
        assert last.keys() == {"alert"}

    async def test_asks_the_same_question_again(self, desk: Desk, token: str) -> None:
        """A retry asks the question of the answer, and leaves the box alone."""
        first = await collect(desk.ask(ANSWERABLE, "", make_request(token)))
        message_id = re.search(r'data-turn="([^"]+)"', first["turn"])
        assert message_id
        again = await collect(desk.ask_again(message_id[1], first["thread"], make_request(token)))
        assert ANSWERABLE in again["turn"]
        assert message_id[1] not in again["turn"]
        assert "box" not in again

    async def test_latest_conversation_is_there_after_a_refresh(self, desk: Desk, token: str) -> None:
        """A refresh shows the whole conversation; the address `new` an empty one."""
        asked = await collect(desk.ask(UNANSWERABLE, "", make_request(token)))
        shown = await collect(desk.open_page(make_request(token)))
        assert shown["thread"] == asked["thread"]
        assert 'data-state="refused"' in shown["log"]
        fresh = await collect(desk.open_page(make_request(token, thread="new")))
        assert fresh["thread"] == ""
        assert 'class="welcome"' in fresh["log"]

    async def test_second_fresh_start_is_news_to_the_page(self, desk: Desk, token: str) -> None:
        """Starting afresh twice gives two different values: Gradio sends no update for the same one."""
        first = await collect(desk.open_thread("new", make_request(token)))
        second = await collect(desk.open_thread("", make_request(token)))
        assert first["thread"] == ""
        assert first["log"] != second["log"]

    async def test_page_speaks_french(self, desk: Desk, token: str) -> None:
        """The browser's language is the page's."""
        shown = await collect(desk.open_page(make_request(token, language="fr-FR,fr;q=0.9,en;q=0.8")))
        assert "Assistant de documentation" in shown["brand"]
        assert shown["send"]["value"] == say("fr", "send")

    async def test_unforeseen_error_is_one_sentence(
        self, desk: Desk, services: Services, token: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What nobody foresaw is logged, and told as our own fault without details."""

        def fail(*_: Any) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(services.turns, "start", fail)
        last = await collect(desk.ask(ANSWERABLE, "", make_request(token)))
        assert 'data-code="internal_error"' in last["alert"]
        assert "secret" not in last["alert"]


class TestQueue:
    """The page over HTTP, as Gradio's own script calls it."""

    def test_page_asks_nothing_from_elsewhere(self, tester: Client) -> None:
        """Neither the page nor its theme names a font, style or script of another host."""
        page = tester.get("/").text
        config = json.loads(page.split("window.gradio_config = ")[1].split(";</script>")[0])
        assert config["stylesheets"] == []
        assert not re.search(r"(?:url\(|src=|@import )[\"']?https?:", config["head"])
        assert not re.search(r"(?:url\([\"']?|@import [\"'])https?:", tester.get("/theme.css").text)

    def test_nothing_is_listed_for_other_programs(self, tester: Client) -> None:
        """Gradio's own interface names no function of the page."""
        info = tester.get("/gradio_api/info").json()
        assert info["named_endpoints"] == {}
        assert info["unnamed_endpoints"] == {}

    def test_queue_is_closed_without_login(self, service: Service) -> None:
        """No event reaches a handler without a login."""
        response = service.client().post("/gradio_api/queue/join", json={"fn_index": 1, "data": []})
        assert response.status_code == 401

    @pytest.mark.parametrize("thread_id", FOREIGN_IDS[1:4])
    def test_handler_checks_what_the_queue_brings(self, tester: Client, thread_id: str) -> None:
        """Called without the page, a handler refuses all the same."""
        call_queue(tester, "accept", [])
        sent = call_queue(tester, "send", [ANSWERABLE, thread_id])
        assert "unknown_thread" in sent
        assert "data-turn" not in sent

    def test_question_is_answered_over_the_queue(self, tester: Client) -> None:
        """The page's way to an answer works from end to end."""
        call_queue(tester, "accept", [])
        sent = call_queue(tester, "send", [ANSWERABLE, ""])
        assert "4180" in sent
        assert len(tester.get("/api/threads").json()) == 1


def call_queue(client: Client, element: str, data: list[Any]) -> str:
    """Have the queue run what a click on an element runs, and give all that it sent."""
    config = client.get("/config").json()
    ids = {
        component["id"] for component in config["components"] if component["props"].get("elem_id") == element
    }
    (fn_index,) = [
        dependency["id"]
        for dependency in config["dependencies"]
        if any(target in ids and event == "click" for target, event in dependency["targets"])
    ]
    session = uuid.uuid4().hex
    body = {"fn_index": fn_index, "data": data, "session_hash": session}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    received = ""
    with client.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as stream:
        for line in stream.iter_lines():
            received += line
            if '"process_completed"' in line:
                break
    return received
