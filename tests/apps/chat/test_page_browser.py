"""The page in a browser: what testers see and keep, whatever happens to limits, network, tabs and devices."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.apps.chat.conftest import (
    ANSWERABLE,
    PASSWORD,
    UNANSWERABLE,
    Client,
    Service,
    make_session_settings,
    run_service,
)
from tests.apps.chat.test_crash import Process
from tests.conftest import Clock
from tests.openai_server import Answer, OpenAIServer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]

MAX_MESSAGES = 4
TIMEOUT_MS = 40_000
CURATED_QUESTION = "Who brews the very best tea?"
CURATED = f"""
- questions: ["{CURATED_QUESTION}"]
  answer: Our Darjeeling robot does. [1]
  sources: [en/settings.md#temperature]
"""
DEMIJOHN = (
    "The demijohn of station {number} holds {number} litres and is rinsed on day {number} of each month."
)
LONG = "# Demijohns\n\n## Rinsing the demijohns\n\n" + "\n\n".join(
    DEMIJOHN.format(number=number) for number in range(60)
)
SLOW = Answer("One two three four five six seven eight nine ten. [1]", delay_s=0.12)
# Ended by a stop: however busy the machine is, it is still being written when it is looked at.
ENDLESS = Answer("One two three. " * 200, delay_s=0.1)
QUICK = Answer("It listens on port 4180. [1]\n\n```bash\nteapot doctor\n```")


@dataclass(frozen=True, slots=True)
class House:
    """A service, the clock it lives by and the model behind it."""

    service: Service
    clock: Clock
    model: OpenAIServer


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run one service with short limits, a document with a long section and an answer of the team's own."""
    folder, clock = tmp_path_factory.mktemp("page"), Clock()
    with (
        OpenAIServer() as model,
        make_session_settings(
            folder,
            chat_model="openai:fake",
            openai_base_url=model.url,
            openai_api_key="sk-test",
            max_messages=MAX_MESSAGES,
            max_characters=4000,
            max_streams=2,
            rate_limit="1000/minute",
        ) as settings,
    ):
        (folder / "knowledge" / "en" / "demijohns.md").write_text(LONG, encoding="utf-8")
        (folder / "knowledge" / "curated.yaml").write_text(CURATED, encoding="utf-8")
        with run_service(settings, clock=clock) as service:
            yield House(service, clock, model)


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """Give the service with a quick model."""
    shared_house.model.default = QUICK
    yield shared_house
    shared_house.service.close_clients()


class Visitor:
    """A browser page at the counter, and what one does there."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def arrive(self, path: str = "/") -> Visitor:
        """Come to the page, where the browser is known already."""
        self.page.goto(self.url + path)
        expect(self.page.locator("body.is-ready")).to_be_attached()
        expect(self.page.locator("#log .transcript")).to_be_attached()
        return self

    def come_in(self, secret: str = PASSWORD) -> Visitor:
        """Come in by password or code."""
        self.page.goto(self.url)
        self.page.fill("#password", secret)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#log .transcript")).to_be_attached()
        return self

    def agree(self) -> Visitor:
        """Agree to the notice."""
        self.page.click("#accept")
        expect(self.page.locator("body.needs-notice")).to_have_count(0)
        return self

    def send(self, text: str) -> None:
        """Type and press Enter."""
        self.box.fill(text)
        self.box.press("Enter")

    def ask(self, text: str = ANSWERABLE, state: str = "complete") -> Locator:
        """Ask, and give the turn once it has ended so."""
        ended = self.turns(state)
        count = ended.count()
        self.send(text)
        expect(ended).to_have_count(count + 1)
        return ended.last

    def press_until_taken(self, count: int) -> None:
        """Press Enter until there are so many turns: Gradio may load the page anew at any moment after a loss."""
        for _ in range(6):
            self.box.press("Enter")
            with suppress(AssertionError):
                expect(self.turns()).to_have_count(count, timeout=2_500)
                return
        expect(self.turns()).to_have_count(count)

    def turns(self, state: str = "") -> Locator:
        """Give the turns in a state, or all."""
        return self.page.locator(f"article.turn[data-state={state}]" if state else "article.turn")

    def see(self, selector: str) -> Locator:
        """Wait until something is to be seen, and give it."""
        found = self.page.locator(selector)
        expect(found.first).to_be_visible()
        return found

    def focus_on(self, selector: str) -> None:
        """The focus is where it is expected."""
        expect(self.page.locator(selector)).to_be_focused()

    @property
    def box(self) -> Locator:
        """The box that a question is typed into."""
        return self.page.locator("#box textarea")


Open = Callable[..., Visitor]


@pytest.fixture
def open_page(browser: Browser, house: House) -> Iterator[Open]:
    """Give visitors with a browser profile of their own; in the end nothing failed in a script of theirs."""
    visitors: list[Visitor] = []

    def start(**options: Any) -> Visitor:
        visitors.append(open_browser(browser, house.service.url, **options))
        return visitors[-1]

    yield start
    for visitor in visitors:
        assert visitor.complaints == []
        visitor.page.context.close()


@pytest.fixture(scope="module")
def regular(browser: Browser, shared_house: House) -> Iterator[Visitor]:
    """Give a tester who has come in and agreed, and stays: a page takes seconds to load."""
    visitor = open_browser(browser, shared_house.service.url)
    yield visitor.come_in().agree()
    visitor.page.context.close()


@pytest.fixture
def visitor(regular: Visitor, house: House) -> Iterator[Visitor]:
    """Give the regular, before a new conversation with an empty box; nothing fails in a script meanwhile."""
    regular.box.fill("")
    regular.page.click("#fresh")
    regular.see(".welcome")
    yield regular
    for tab in regular.page.context.pages:
        if tab is not regular.page:
            tab.close()
    assert regular.complaints == []


def open_browser(browser: Browser, url: str, **options: Any) -> Visitor:
    """Give a visitor with a browser profile of its own."""
    settings = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "reduced_motion": "reduce"}
    context = browser.new_context(**(settings | options))
    context.set_default_timeout(TIMEOUT_MS)
    return Visitor(context.new_page(), url)


def keep(visitor: Visitor, name: str) -> None:
    """Keep a picture of what a person would see, where pictures are wanted."""
    if folder := os.environ.get("SHOTS"):
        visitor.page.screenshot(path=Path(folder) / f"{name}.png")


def other_tab(visitor: Visitor) -> Visitor:
    """Give a second tab of the same browser, on the same conversation."""
    tab = Visitor(visitor.page.context.new_page(), visitor.url)
    return tab.arrive(visitor.page.url.removeprefix(visitor.url))


def test_answer_shows_whose_it_is_and_what_it_rests_on(visitor: Visitor) -> None:
    """Name and picture, a citation that opens on its passage, code and answer to copy, a verdict with reason."""
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = visitor.ask()
    expect(turn.locator(".who")).to_contain_text("Documentation assistant")
    expect(turn.locator(".who svg")).to_be_visible()
    turn.locator("sup.cite a").first.click()
    source = turn.locator("details.source[open]")
    expect(source).to_contain_text("Settings › en/settings.md")
    expect(source.locator(".passage")).to_contain_text("TEAPOT_PORT")
    turn.locator(".copy-code").click()
    assert visitor.page.evaluate("navigator.clipboard.readText()") == "teapot doctor\n"
    turn.locator(".copy-answer").click()
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("It listens on port 4180.")
    assert "[1]" not in copied
    turn.locator(".thumb[data-value='-1']").click()
    turn.locator(".chip[data-reason=incomplete]").click()
    turn.locator("form.verdict textarea").fill("Which protocol?")
    turn.locator("form.verdict [type=submit]").click()
    expect(turn.locator("form.verdict")).to_be_hidden()
    visitor.page.reload()
    expect(turn.locator(".thumb[data-value='-1']")).to_have_attribute("aria-pressed", "true")
    assert turn.locator("form.verdict textarea").input_value() == "Which protocol?"


def test_part_of_a_section_says_which(visitor: Visitor, house: House) -> None:
    """A passage that is one part of a longer section says so."""
    turn = visitor.ask("On which day is the demijohn of station 37 rinsed?")
    expect(turn.locator(".sources .path").first).to_contain_text(re.compile(r"part \d of \d"))


def test_answer_by_the_team_is_marked(visitor: Visitor) -> None:
    """A curated answer carries its badge, at once and after a refresh, and says the words once."""
    turn = visitor.ask(CURATED_QUESTION)
    for _ in range(2):
        expect(turn.locator(".badge")).to_have_text("Answer by the team")
        expect(turn.locator(".answer-text")).to_contain_text("Our Darjeeling robot does.")
        expect(turn.locator(".answer-text")).not_to_contain_text("Answer by the team")
        visitor.page.reload()
        expect(turn).to_be_visible()


def test_refusal_shows_what_is_near_and_takes_a_request(visitor: Visitor, house: House) -> None:
    """The nearest sections open, marked as not the answer; the request is thanked for, also after a refresh."""
    turn = visitor.ask("How do I turn the kettle into a spaceship for Mars tourists?", "refused")
    expect(turn.locator(".nearest h3")).to_contain_text("which are not the answer")
    turn.locator(".nearest summary").first.click()
    expect(turn.locator(".nearest .passage").first).to_be_visible()
    turn.locator(".request-documentation").click()
    expect(turn.locator(".documented")).to_contain_text("Thank you")
    visitor.page.reload()
    expect(turn.locator(".documented")).to_contain_text("Thank you")
    expect(turn.locator(".request-documentation")).to_have_count(0)


def test_limits_warn_end_and_let_nothing_be_lost(visitor: Visitor, tmp_path: Path) -> None:
    """Two messages before the end there is a warning; at the end copies, a question, and a new start with the draft."""
    visitor.ask()
    expect(visitor.page.locator("#soon")).to_be_empty()
    visitor.ask()
    expect(visitor.page.locator("#soon")).to_contain_text("two messages are left")
    expect(visitor.page.locator("#news")).to_contain_text("two messages are left")
    visitor.ask()
    expect(visitor.page.locator("#soon")).to_contain_text("one message is left")
    visitor.ask()
    expect(visitor.see("#ending")).to_contain_text("Its messages are used up.")
    expect(visitor.page.locator("#composer")).to_be_hidden()
    visitor.page.click("[data-to-end]")
    keep(visitor, "chat-end")
    with visitor.page.expect_download() as pdf:
        visitor.page.click("#ending [data-copy=pdf]")
    pdf.value.save_as(tmp_path / "copy.pdf")
    assert (tmp_path / "copy.pdf").read_bytes().startswith(b"%PDF")
    with visitor.page.expect_download() as markdown:
        visitor.page.click("#ending [data-copy=md]")
    markdown.value.save_as(tmp_path / "copy.md")
    assert ANSWERABLE in (tmp_path / "copy.md").read_text(encoding="utf-8")
    visitor.page.locator("#ending input[value='4']").check()
    visitor.page.fill("#rating-comment", "Short and right.")
    visitor.page.click("#ending form.rating [type=submit]")
    expect(visitor.page.locator("#ending .rated")).to_contain_text("Thank you")
    visitor.page.reload()
    expect(visitor.see("#ending .rated")).to_contain_text("Thank you")
    expect(visitor.page.locator("#ending form.rating")).to_be_hidden()
    visitor.page.click("#closing [data-fresh]")
    expect(visitor.see(".welcome")).to_be_visible()
    expect(visitor.page.locator("#closing")).to_be_hidden()


def test_time_runs_out_with_a_warning_and_the_text_stays(visitor: Visitor, house: House) -> None:
    """In the last two minutes the page warns, at the end it closes by itself, and the draft goes into the next."""
    visitor.ask()
    house.clock.advance(seconds=3600 - 121)
    visitor.page.reload()
    expect(visitor.page.locator("#soon")).to_contain_text("less than two minutes")
    visitor.box.fill("Half a question")
    house.clock.advance(seconds=118)
    visitor.page.reload()
    expect(visitor.see("#ending")).to_contain_text("Its time is over.")
    assert visitor.box.input_value() == "Half a question"
    expect(visitor.page.locator("#send")).to_be_hidden()
    visitor.page.click("#closing [data-fresh]")
    visitor.see(".welcome")
    assert visitor.box.input_value() == "Half a question"
    visitor.box.press("Enter")
    expect(visitor.turns("complete").or_(visitor.turns("refused"))).to_have_count(1)


def test_refused_message_stays_in_the_box(visitor: Visitor) -> None:
    """A message that is too long is counted, refused with its numbers, and kept, also over a refresh."""
    visitor.box.fill("x" * 1700)
    expect(visitor.page.locator("#count")).to_have_text("1,700 / 2,000")
    visitor.send("x" * 2003)
    expect(visitor.page.locator("#count")).to_contain_text("3 too many")
    expect(visitor.see("#alert .alert")).to_contain_text("2003")
    visitor.page.reload()
    expect(visitor.box).to_have_value("x" * 2003)


def test_question_typed_at_once_goes_into_the_new_conversation(visitor: Visitor) -> None:
    """What is sent before the new conversation is on show goes into it, not into the one that was left."""
    visitor.ask()
    visitor.page.evaluate(
        """(text) => { document.querySelector("#fresh").click(); const box = document.querySelector("#box textarea");
        box.value = text; box.dispatchEvent(new Event("input", { bubbles: true }));
        document.querySelector("#send").click(); }""",
        UNANSWERABLE,
    )
    expect(visitor.turns("refused")).to_have_count(1)
    assert visitor.turns().count() == 1
    expect(visitor.box).to_have_value("")


def test_question_sent_before_the_page_is_there_waits_for_it(visitor: Visitor) -> None:
    """What is typed and sent before the first conversation has come is kept, asked in it, and answered."""
    tab = Visitor(visitor.page.context.new_page(), visitor.url)
    held: list[Route] = []
    tab.page.route("**/queue/join*", lambda route: route.continue_() if held else held.append(route))
    tab.page.goto(f"{visitor.url}/?thread=new")
    tab.send(ANSWERABLE)
    while not held:
        tab.page.wait_for_timeout(50)
    # Time enough for an answer, were it asked already.
    tab.page.wait_for_timeout(1_500)
    expect(tab.box).to_have_value(ANSWERABLE)
    assert tab.turns().count() == 0
    held[0].continue_()
    expect(tab.turns("complete")).to_have_count(1)
    expect(tab.box).to_have_value("")


def test_full_house_is_friendly(visitor: Visitor, house: House) -> None:
    """Where as many answers are written as may be, the page says when to come again, and keeps the text."""
    house.model.default = ENDLESS
    others = [house.service.tester() for _ in range(2)]
    streams = [client.ask_streaming(client.start_chat()) for client in others]
    started = [next(stream.__enter__()) for stream in streams]
    visitor.send(ANSWERABLE)
    expect(visitor.see("#alert .alert")).to_contain_text("try again in 5 seconds")
    assert visitor.box.input_value() == ANSWERABLE
    for client, stream, event in zip(others, streams, started, strict=True):
        stream.__exit__(None, None, None)
        client.post(f"/api/messages/{event.data['message_id']}/stop", json={})
        client.wait_for_answers(client.get("/api/threads").json()[0]["thread_id"])
    house.model.default = QUICK
    visitor.box.press("Enter")
    expect(visitor.turns("complete")).to_have_count(1)
    expect(visitor.page.locator("#alert .alert")).to_have_count(0)


def test_failure_says_whose_it_is_and_can_be_tried_again(visitor: Visitor, house: House) -> None:
    """An answer that the provider broke off says so, keeps what came, and is asked for again by a click."""
    house.model.answer("Half an answer", fault="drop", after=2)
    turn = visitor.ask(state="failed")
    expect(turn.locator(".note")).to_contain_text("on the model provider's side, not yours")
    keep(visitor, "chat-failed")
    turn.locator(".retry").click()
    expect(visitor.turns("complete")).to_have_count(1)
    assert visitor.box.input_value() == ""


def test_refresh_tabs_and_other_conversations_in_mid_answer(visitor: Visitor, house: House) -> None:
    """An answer goes on after a refresh, in a second tab, and unseen while another conversation is read."""
    house.model.default = ENDLESS
    visitor.send(ANSWERABLE)
    expect(visitor.turns("streaming")).to_have_count(1)
    visitor.box.fill("typed meanwhile")
    visitor.page.reload()
    expect(visitor.turns("streaming")).to_have_count(1)
    expect(visitor.box).to_have_value("typed meanwhile")
    tab = other_tab(visitor)
    expect(tab.turns("streaming")).to_have_count(1)
    tab.send("asked twice?")
    visitor.page.click("#stop")
    expect(visitor.turns("stopped")).to_have_count(1)
    expect(tab.turns("stopped")).to_have_count(1)
    assert tab.box.input_value() == "asked twice?"
    assert tab.turns().count() == 1
    visitor.send(ANSWERABLE)
    expect(tab.turns("streaming")).to_have_count(1)
    thread_id = visitor.page.url.partition("thread=")[2]
    visitor.page.click("#fresh")
    visitor.see(".welcome")
    visitor.page.click(f"#threads a[data-thread='{thread_id}']")
    expect(visitor.turns("streaming")).to_have_count(1)
    visitor.page.go_back()
    visitor.see(".welcome")
    tab.page.click("#stop")
    expect(tab.turns("stopped")).to_have_count(2)
    assert visitor.turns().count() == 0


def test_network_comes_back_by_itself(visitor: Visitor, house: House) -> None:
    """Without a network the page says so and keeps the text; with it the answer and the page go on by themselves."""
    house.model.default = ENDLESS
    visitor.send(ANSWERABLE)
    expect(visitor.turns("streaming")).to_have_count(1)
    visitor.page.context.set_offline(True)
    expect(visitor.page.locator("#network")).to_contain_text("No connection")
    visitor.page.context.set_offline(False)
    expect(visitor.page.locator("#network")).to_be_empty()
    expect(visitor.turns("streaming")).to_have_count(1)
    # A click in the very moment in which the page takes the answer up again finds the button of the old turn.
    for _ in range(5):
        if visitor.page.locator("#stop").is_visible():
            visitor.page.click("#stop")
        visitor.page.wait_for_timeout(3_000)
        if visitor.turns("stopped").count():
            break
    expect(visitor.turns("stopped")).to_have_count(1)
    visitor.page.context.set_offline(True)
    visitor.send("Words that nobody hears")
    expect(visitor.page.locator("#fault")).to_contain_text("Your text is still in the box")
    assert visitor.box.input_value() == "Words that nobody hears"
    visitor.page.context.set_offline(False)
    visitor.press_until_taken(2)


def test_stop_keeps_what_was_written(visitor: Visitor, house: House) -> None:
    """Stop ends the answer, says so, and gives the focus back to the box."""
    house.model.default = ENDLESS
    visitor.send(ANSWERABLE)
    expect(visitor.turns("streaming")).to_have_count(1)
    visitor.page.click("#stop")
    expect(visitor.turns("stopped").locator(".note")).to_contain_text("You stopped this answer.")
    expect(visitor.turns("stopped").locator(".answer-text")).to_contain_text("One")
    visitor.focus_on("#box textarea")


def test_code_carries_the_login_to_another_device(open_page: Open) -> None:
    """A one-time code, shown on request, opens the same conversations elsewhere, once; logging out ends both."""
    visitor = open_page().come_in().agree()
    visitor.ask()
    visitor.page.click("#menu-toggle")
    visitor.page.click("#handover-open")
    visitor.page.click("[data-make-code]")
    code = visitor.see("#handover .code-shown").inner_text()
    keep(visitor, "chat-device")
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("#handover")).to_be_hidden()
    phone = open_page(viewport={"width": 390, "height": 844}, locale="fr-FR", has_touch=True).come_in(code)
    expect(phone.turns("complete")).to_have_count(1)
    visitor.page.click("#menu-toggle")
    visitor.page.click("#handover-open")
    visitor.page.fill("#resume-code", code)
    visitor.page.click("#handover .resume button")
    expect(visitor.page.locator("#handover .fault")).not_to_be_empty()
    visitor.page.keyboard.press("Escape")
    phone.page.click("#menu-toggle")
    phone.page.click("#logout")
    phone.page.wait_for_url("**/login")
    visitor.send("Am I still here?")
    expect(visitor.see(".alert")).to_contain_text("Log in")
    assert visitor.box.input_value() == "Am I still here?"


def test_keyboard_alone_is_enough(open_page: Open) -> None:
    """By keys alone: agree, ask, a line break, a citation, menu; Escape closes; the focus is where it is expected."""
    visitor = open_page().come_in()
    page = visitor.page
    page.locator("#accept").focus()
    page.keyboard.press("Enter")
    visitor.focus_on("#box textarea")
    page.keyboard.type("On which port")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("does Teapot listen?")
    page.keyboard.press("Enter")
    expect(visitor.turns("complete")).to_have_count(1)
    visitor.focus_on("#box textarea")
    expect(visitor.turns().locator(".bubble br")).to_have_count(1)
    page.locator("sup.cite a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.source[open] summary")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("details.source[open]")).to_have_count(0)
    page.locator("#menu-toggle").focus()
    page.keyboard.press("Enter")
    visitor.focus_on("#handover-open")
    page.keyboard.press("Escape")
    visitor.focus_on("#menu-toggle")
    page.locator(".skip").focus()
    for selector in ("#threads-toggle", "#fresh", "#menu-toggle", "#threads a", "#log"):
        page.keyboard.press("Tab")
        visitor.focus_on(selector)


def test_finished_answer_is_read_out_once(visitor: Visitor, house: House) -> None:
    """The log itself is silent while an answer comes; one polite region says it when it is there."""
    house.model.default = SLOW
    page = visitor.page
    page.evaluate(
        "window.told = []; new MutationObserver((changes) => { for (const change of changes)"
        " for (const line of change.addedNodes) told.push(line.textContent); })"
        ".observe(document.querySelector('#news'), { childList: true })"
    )
    expect(page.locator("#log")).to_have_attribute("aria-live", "off")
    expect(page.locator("#news")).to_have_attribute("aria-live", "polite")
    visitor.send(ANSWERABLE)
    expect(page.locator("#log")).to_have_attribute("aria-busy", "true")
    expect(visitor.turns("complete")).to_have_count(1)
    expect(page.locator("#news")).to_contain_text("ten.")
    told = page.evaluate("told")
    assert len(told) == 1
    assert told[0].startswith("Documentation assistant: One two")


def test_phone_in_french_has_room(open_page: Open) -> None:
    """At 390 pixels nothing is wider than the screen, the list is a drawer, and the page speaks French."""
    visitor = open_page(viewport={"width": 390, "height": 844}, locale="fr-FR", color_scheme="dark").come_in()
    visitor.agree()
    visitor.ask(UNANSWERABLE, "refused")
    expect(visitor.page.locator(".request-documentation")).to_contain_text("Documentez ceci")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(visitor.page.locator("#threads")).to_be_hidden()
    visitor.page.click("#threads-toggle")
    expect(visitor.see("#threads a[aria-current=page]")).to_contain_text(UNANSWERABLE)
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("#threads")).to_be_hidden()


def test_login_that_ended_leaves_the_text(open_page: Open) -> None:
    """Where the login has ended meanwhile, the page says so with the way back, and the text is there after it."""
    visitor = open_page().come_in().agree()
    token = next(cookie["value"] for cookie in visitor.page.context.cookies() if cookie["name"] == "guichet")
    with Client(base_url=visitor.url, headers={"authorization": f"Bearer {token}"}) as client:
        assert client.post("/api/logout").status_code == 204
    visitor.send("Words before the login ended")
    link = visitor.see(".alert a[href=login]").first
    assert visitor.box.input_value() == "Words before the login ended"
    link.click()
    visitor.page.fill("#password", PASSWORD)
    visitor.page.keyboard.press("Enter")
    expect(visitor.box).to_have_value("Words before the login ended")


def test_killed_service_is_told_and_tried_again(browser: Browser, tmp_path: Path) -> None:
    """`kill -9` in mid-answer, then start: the question is there, said to be interrupted, and retried on a click."""
    model = OpenAIServer(ENDLESS)
    with model, Process(tmp_path, model) as process:
        process.start()
        visitor = open_browser(browser, process.url).come_in().agree()
        visitor.send(ANSWERABLE)
        expect(visitor.turns("streaming")).to_have_count(1)
        process.kill()
        expect(visitor.page.locator("#network")).to_contain_text("No connection")
        process.start()
        turn = visitor.turns("interrupted")
        expect(turn.locator(".bubble")).to_have_text(ANSWERABLE)
        expect(turn.locator(".note")).to_contain_text("interrupted")
        model.default = QUICK
        turn.locator(".retry").click()
        expect(visitor.turns("complete")).to_have_count(1)
        visitor.page.context.close()
