"""The widget in Chromium, on a site of another origin under the strictest policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from chatbot.store import threads
from tests.apps.chat.conftest import (
    PASSWORD,
    SLOW,
    UNANSWERABLE,
    Client,
    Service,
    make_session_settings,
    run_service,
)
from tests.apps.chat.widget_host import HOSTILE, Site, Visitor, open_site
from tests.openai_server import Answer, OpenAIServer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]

QUESTION = "How do I install Teapot with Docker?"
COMMAND = "docker run --publish 4180:4180 teapot/teapot:2.1"
ANSWER = Answer(f"Run the container. [1]\n\n```bash\n{COMMAND}\n```\n\nIt listens on **port 4180**. [1]")
PAYLOAD = (
    "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script><svg onload='window.hacked=1'>"
    "[x](javascript:window.hacked=1) ![pixel](https://evil.example/pixel.png) <iframe src=//evil.example></iframe>"
)
HOSTILE_PAGE = f"# Strainers\n\n## Clean the strainer\n\nRinse the strainer. {PAYLOAD}\n"

# Whether the ring around what has the focus is drawn whole: nothing that scrolls around it cuts it off.
SHOWS_RING = """element => {
    const style = getComputedStyle(element), ring = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
    const box = element.getBoundingClientRect(), room = element.closest(".notice").getBoundingClientRect();
    return style.outlineStyle !== "none" && box.left - ring >= room.left && box.bottom + ring <= room.bottom;
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Serve the team's site."""
    with Site().run() as site:
        yield site


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    """Run the model's server."""
    with OpenAIServer(ANSWER) as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: OpenAIServer, site: Site) -> Iterator[Service]:
    """Run one service for all tests: five messages a conversation, a hostile document among the others."""
    folder = tmp_path_factory.mktemp("widget")
    options: dict[str, Any] = {
        "chat_model": "openai:fake",
        "openai_base_url": model.url,
        "openai_api_key": "sk-test",
        "allowed_origins": site.origin,
        "max_messages": 5,
        "max_message_characters": 300,
        "rate_limit": "500/minute",
    }
    with make_session_settings(folder, **options) as settings:
        (settings.knowledge_dir / "en" / "strainer.md").write_text(HOSTILE_PAGE, encoding="utf-8")
        with run_service(settings) as service:
            site.service = service.url
            yield service


@pytest.fixture(autouse=True)
def _as_found(browser: Browser, site: Site, model: OpenAIServer) -> Iterator[None]:
    """Leave site and model as they were found, and no window open."""
    options, sheet, html = site.options, site.sheet, site.html
    yield
    site.options, site.sheet, site.html = options, sheet, html
    model.default = ANSWER
    for context in browser.contexts:
        context.close()


@pytest.fixture
def visitor(browser: Browser, house: Service, site: Site) -> Visitor:
    """Give somebody on the site."""
    return open_site(browser, site).arrive()


@pytest.fixture
def tester(visitor: Visitor) -> Visitor:
    """Give somebody who has logged in and agreed to the notice."""
    return visitor.come_in()


def read_memory(visitor: Visitor) -> dict[str, Any]:
    """Give what the widget keeps in the browser."""
    memory: dict[str, Any] = visitor.page.evaluate(
        "JSON.parse(localStorage.getItem(Object.keys(localStorage).find((key) => key.startsWith('guichet '))))"
    )
    return memory | memory.get("bot ", {})


def borrow_login(visitor: Visitor, house: Service) -> Client:
    """Give another program with the tester's own login."""
    return house.client(headers={"authorization": f"Bearer {read_memory(visitor)['token']}"})


def list_questions(visitor: Visitor, house: Service) -> list[str]:
    """Give the questions that the service has of the widget's thread."""
    messages = borrow_login(visitor, house).list_messages(read_memory(visitor)["thread"])
    return [message["content"] for message in messages if message["origin"] == "user"]


def measure(element: Locator) -> dict[str, float]:
    """Give where an element is."""
    box = element.bounding_box()
    assert box is not None
    return {name: float(box[name]) for name in ("x", "y", "width", "height")}


def read_focus(visitor: Visitor) -> str:
    """Give the class or tag of what has the focus within the widget."""
    script = (
        "(() => { const it = document.querySelector('guichet-widget').shadowRoot.activeElement;"
        " return it ? it.className || it.localName : '' })()"
    )
    return str(visitor.page.evaluate(script))


class TestConversation:
    """Asking and being answered."""

    def test_is_quiet_until_it_is_opened(self, visitor: Visitor, house: Service) -> None:
        """A page that embeds it asks the service for the one file, and for nothing else before a click."""
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        visitor.page.reload()
        expect(visitor.launcher).to_be_visible()
        assert [url for url in asked if url.startswith(house.url)] == [f"{house.url}/widget.js"]
        assert visitor.page.context.cookies() == []
        assert visitor.hear("ready") == [{}]

    def test_answers_with_citations_that_open_in_place(self, tester: Visitor) -> None:
        """An answer comes as it is written, its marks open the very passage, and no policy is broken."""
        turn = tester.ask(QUESTION)
        expect(turn.locator(".answer strong")).to_have_text("port 4180")
        source = turn.locator("details[data-number='1']")
        expect(source.locator("> .text")).to_be_hidden()
        turn.locator("sup.cite a").first.click()
        expect(source.locator("> .text")).to_contain_text("Start the container and publish its port")
        expect(source.locator("summary")).to_be_focused()
        assert tester.page.url == f"{tester.site.origin}/"
        tester.check_quiet()

    def test_page_hears_what_happens_but_not_what_is_said(self, tester: Visitor) -> None:
        """Events carry ids, lengths and states; no word of question or answer."""
        tester.ask(QUESTION)
        thread = read_memory(tester)["thread"]
        [answer] = tester.hear("answer")
        assert (answer["thread_id"], answer["status"], answer["answered"]) == (thread, "complete", True)
        assert answer["citations"] == 1
        assert tester.hear("message") == [{"thread_id": None, "length": len(QUESTION)}]
        assert "Docker" not in str(tester.page.evaluate("JSON.stringify(heard)"))

    def test_thread_is_logged_as_the_widgets(self, tester: Visitor, house: Service) -> None:
        """The log knows the channel, and that the notice was agreed to by a click."""
        tester.ask(QUESTION)
        thread = house.services.store.read(threads.read_thread, read_memory(tester)["thread"])
        assert thread.channel == "widget"
        assert borrow_login(tester, house).get("/api/widget").json()["privacy_notice"]["accepted"]

    def test_code_and_answer_are_copied(self, tester: Visitor) -> None:
        """Copying gives the command as it is run, and the answer without its marks."""
        tester.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        turn = tester.ask(QUESTION)
        turn.locator(".answer [data-do=copyCode]").click()
        expect(turn.locator(".answer [data-do=copyCode]")).to_have_text("Copied")
        assert tester.page.evaluate("navigator.clipboard.readText()").strip() == COMMAND
        turn.locator("[data-do=copyAnswer]").click()
        expect(turn.locator("[data-do=copyAnswer]")).to_have_class(re.compile("is-done"))
        assert tester.page.evaluate("navigator.clipboard.readText()").startswith("Run the container.")

    def test_answer_is_read_out_once_it_is_there(self, tester: Visitor) -> None:
        """A screen reader hears the answer at its end, and not each piece of it."""
        expect(tester.find("[role=log]")).to_have_attribute("aria-live", "off")
        tester.ask(QUESTION)
        expect(tester.find("[role=status].sr")).to_contain_text("Answer: Run the container.")

    def test_stop_keeps_what_was_written(self, tester: Visitor, model: OpenAIServer) -> None:
        """An answer can be stopped; what was written stays, and the box is free again."""
        model.default = Answer("word " * 200, delay_s=0.05)
        tester.box.fill(QUESTION)
        tester.page.keyboard.press("Enter")
        expect(tester.find(".answer")).to_contain_text("word word")
        tester.find("[data-do=stop]").click()
        expect(tester.find(".turn[data-status=stopped]")).to_contain_text("You stopped this answer")
        expect(tester.find("[data-do=stop]")).to_be_hidden()

    def test_failure_says_whose_it_is(self, tester: Visitor, model: OpenAIServer) -> None:
        """A failure of the provider's is named so, and the question is asked again by a click."""
        model.default = Answer(status=500)
        turn = tester.ask(QUESTION, "failed")
        expect(turn).to_contain_text("provider's side, not yours")
        assert tester.hear("error")[0]["code"].startswith("provider_")
        model.default = ANSWER
        turn.locator("[data-do=again]").click()
        expect(tester.find(".turn[data-status=complete] .answer")).to_contain_text("port 4180")

    def test_refusal_helps(self, tester: Visitor) -> None:
        """A refusal says so, shows the nearest sections as what they are, and takes the wish to have it written."""
        turn = tester.ask("Does Teapot cook soup?", "refused")
        expect(turn.locator(".note").first).to_contain_text("Not in the documentation")
        expect(turn.locator(".nearest")).to_contain_text("which are not the answer")
        turn.locator("[data-do=wish]").click()
        expect(turn.locator(".wish")).to_contain_text("Thank you")
        tester.page.reload()
        expect(tester.find(".wish")).to_contain_text("Thank you")

    def test_verdict_with_reason_is_kept(self, tester: Visitor, house: Service) -> None:
        """A thumb down asks why; reason and comment are stored, and shown again after a refresh."""
        turn = tester.ask(QUESTION)
        turn.locator("[data-do=judge][data-value='-1']").click()
        turn.get_by_role("button", name="Incomplete").click()
        turn.locator(".verdict textarea").fill("Nothing on volumes.")
        turn.get_by_role("button", name="Send").click()
        expect(turn.locator(".verdict")).to_have_count(0)
        thread_id = read_memory(tester)["thread"]
        [feedback] = house.services.store.read(threads.read_feedback, [thread_id]).values()
        assert (feedback.value, feedback.reason, feedback.comment) == (
            -1,
            "incomplete",
            "Nothing on volumes.",
        )
        tester.page.reload()
        expect(tester.find("[data-do=judge][data-value='-1']")).to_have_attribute("aria-pressed", "true")


class TestContinuity:
    """Refresh, lost network, two tabs."""

    def test_conversation_is_there_after_a_refresh(self, tester: Visitor) -> None:
        """Question, answer, sources, the open panel and the text not sent yet outlive a refresh."""
        tester.ask(QUESTION)
        tester.box.fill("And then")
        tester.page.reload()
        expect(tester.find(".turn .question")).to_have_text(QUESTION)
        expect(tester.find(".turn .sources")).to_contain_text("en/install.md")
        expect(tester.box).to_have_value("And then")

    def test_answer_goes_on_after_a_refresh(
        self, tester: Visitor, house: Service, model: OpenAIServer
    ) -> None:
        """An answer in the making is joined again, and the question is not asked twice."""
        model.default = Answer("one two three four five six seven eight nine ten", delay_s=0.15)
        before = len(model.requests)
        tester.box.fill(QUESTION)
        tester.page.keyboard.press("Enter")
        expect(tester.find(".answer")).to_contain_text("one")
        tester.page.reload()
        expect(tester.find(".turn[data-status=complete] .answer")).to_contain_text("nine ten")
        expect(tester.find(".turn")).to_have_count(1)
        assert len(model.requests) == before + 1
        assert list_questions(tester, house) == [QUESTION]

    def test_question_is_sent_once(self, tester: Visitor, house: Service) -> None:
        """However often Enter is hit and the button clicked, one question is asked."""
        tester.box.fill(QUESTION)
        tester.page.evaluate(
            """() => {
              const root = document.querySelector('guichet-widget').shadowRoot;
              const [box, send] = [root.querySelector('.composer textarea'), root.querySelector('[data-do=send]')];
              const enter = () => new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true });
              for (let at = 0; at < 3; at += 1) { box.dispatchEvent(enter()); send.click(); }
            }"""
        )
        expect(tester.find(".turn[data-status=complete]")).to_have_count(1)
        assert list_questions(tester, house) == [QUESTION]

    def test_answer_lost_on_the_way_is_fetched_by_the_same_key(self, tester: Visitor, house: Service) -> None:
        """Where the line is cut after the question arrived, it says so and joins the answer by itself."""
        keys: list[str | None] = []

        def cut_once(route: Route) -> None:
            keys.append(route.request.headers.get("idempotency-key"))
            if len(keys) == 1:
                # It arrives, but its answer is not heard of.
                route.fetch()
                route.abort("connectionreset")
            else:
                route.continue_()

        tester.page.route("**/api/chat", cut_once)
        tester.ask(QUESTION)
        assert len(keys) == 2
        assert keys[0] == keys[1] is not None
        assert list_questions(tester, house) == [QUESTION]

    def test_lost_network_is_said_and_mended(self, tester: Visitor) -> None:
        """Without a network it says so, keeps the question, and goes on by itself once it is back."""
        tester.page.context.set_offline(True)
        tester.box.fill(QUESTION)
        tester.page.keyboard.press("Enter")
        expect(tester.find("[role=alert]")).to_contain_text("No connection")
        tester.page.context.set_offline(False)
        expect(tester.find(".turn[data-status=complete] .question")).to_have_text(QUESTION)
        expect(tester.find("[role=alert]")).to_be_empty()

    def test_two_tabs_share_one_thread(self, tester: Visitor, house: Service, site: Site) -> None:
        """What is asked in one tab is shown in the other, and both ask in the same thread."""
        other = Visitor(tester.page.context.new_page(), site).arrive()
        other.launcher.click()
        expect(other.box).to_be_visible()
        tester.ask(QUESTION)
        expect(other.find(".turn[data-status=complete] .answer")).to_contain_text("port 4180")
        other.ask("Which port does Teapot use?")
        expect(tester.find(".turn[data-status=complete]")).to_have_count(2)
        assert len(list_questions(tester, house)) == 2
        assert len(borrow_login(tester, house).get("/api/threads").json()) == 1

    def test_two_tabs_that_start_at_once_start_one_thread(
        self, tester: Visitor, house: Service, site: Site
    ) -> None:
        """The first questions of two tabs do not make two threads."""
        other = Visitor(tester.page.context.new_page(), site).arrive()
        other.launcher.click()
        expect(other.box).to_be_visible()
        for tab in (tester, other):
            tab.box.fill(QUESTION)
        for tab in (tester, other):
            tab.page.evaluate(
                "document.querySelector('guichet-widget').shadowRoot.querySelector('[data-do=send]').click()"
            )
        expect(tester.find(".turn[data-status=complete]").first).to_be_visible()
        assert len(borrow_login(tester, house).get("/api/threads").json()) == 1

    def test_start_afresh_is_for_all_tabs(self, tester: Visitor, site: Site) -> None:
        """A conversation started afresh is empty in the other tab too."""
        tester.ask(QUESTION)
        other = Visitor(tester.page.context.new_page(), site).arrive()
        other.launcher.click()
        expect(other.find(".turn")).to_have_count(1)
        tester.find("[data-do=menu]").click()
        tester.find("[data-do=fresh]").click()
        expect(tester.find(".welcome")).to_be_visible()
        expect(other.find(".welcome")).to_be_visible()


class TestAccess:
    """Coming in, limits, going."""

    def test_wrong_password_is_told(self, visitor: Visitor) -> None:
        """A wrong password is refused with a sentence, and the right one lets in."""
        visitor.launcher.click()
        visitor.find(".login input").fill("wrong")
        visitor.page.keyboard.press("Enter")
        expect(visitor.find("[role=alert]")).to_contain_text("not right")
        visitor.find(".login input").fill(PASSWORD)
        visitor.page.keyboard.press("Enter")
        expect(visitor.find(".notice")).to_contain_text("are recorded")
        expect(visitor.box).to_be_hidden()

    def test_logging_out_ends_the_token(self, tester: Visitor, house: Service) -> None:
        """After logging out nothing of the tester is left in the browser, and the token no longer works."""
        tester.ask(QUESTION)
        other_program = borrow_login(tester, house)
        tester.find("[data-do=menu]").click()
        tester.find("[data-do=leave]").click()
        expect(tester.find(".login")).to_be_visible()
        assert other_program.get("/api/threads").status_code == 401
        assert "token" not in read_memory(tester)
        assert "thread" not in read_memory(tester)

    def test_lost_login_loses_no_word(self, tester: Visitor, house: Service) -> None:
        """Where the login has ended meanwhile, the text is there again after the next one."""
        assert borrow_login(tester, house).post("/api/logout").status_code == 204
        tester.box.fill(QUESTION)
        tester.page.keyboard.press("Enter")
        expect(tester.find(".login")).to_be_visible()
        expect(tester.find("[role=alert]")).to_contain_text("has ended")
        tester.find(".login input").fill(PASSWORD)
        tester.page.keyboard.press("Enter")
        tester.find("[data-do=accept]").click()
        expect(tester.box).to_have_value(QUESTION)

    def test_refused_message_stays_in_the_box(
        self, tester: Visitor, house: Service, model: OpenAIServer
    ) -> None:
        """What the service refuses, and what is too long to send, stays where it was typed."""
        tester.ask(QUESTION)
        long = "x" * 301
        tester.box.fill(long)
        tester.page.keyboard.press("Enter")
        expect(tester.find("[role=alert]")).to_contain_text("301 characters; at most 300")
        expect(tester.box).to_have_value(long)
        model.default = SLOW
        tester.box.fill("And the volume?")
        with borrow_login(tester, house).ask_streaming(read_memory(tester)["thread"]) as events:
            next(events)
            tester.page.keyboard.press("Enter")
            expect(tester.find("[role=alert]")).to_contain_text("still being written")
            expect(tester.box).to_have_value("And the volume?")
            list(events)

    def test_limits_are_seen_and_warned_of(self, tester: Visitor) -> None:
        """What is left is always shown; near the end it warns; at the end it closes politely, and starts afresh."""
        expect(tester.find(".left-over")).to_contain_text("60 min")
        expect(tester.find(".left-over")).to_contain_text("5 messages")
        for number in range(1, 5):
            tester.ask(f"{QUESTION} {number}")
        expect(tester.find("[role=alert]")).to_contain_text("ends soon: 1 message left")
        tester.ask(QUESTION)
        expect(tester.find(".over")).to_contain_text("reached its end")
        expect(tester.box).to_be_hidden()
        tester.find("[data-do=rate]").nth(3).click()
        expect(tester.find(".over")).to_contain_text("Thank you")
        with tester.page.expect_download() as download:
            tester.find(".over [data-do=keepMd]").click()
        assert download.value.suggested_filename.endswith(".md")
        tester.find(".over [data-do=fresh]").click()
        expect(tester.find(".left-over")).to_contain_text("5 messages")
        expect(tester.box).to_be_focused()


class TestFrame:
    """Sizes, keys, looks."""

    def test_is_resized_by_dragging(self, tester: Visitor) -> None:
        """The corner is pulled; the size outlives a refresh, and stays within the window."""
        before = measure(tester.panel)
        mouse = tester.page.mouse
        mouse.move(before["x"] + 8, before["y"] + 8)
        mouse.down()
        mouse.move(before["x"] - 92, before["y"] - 22, steps=4)
        mouse.up()
        after = measure(tester.panel)
        assert (after["width"], after["height"]) == (before["width"] + 100, before["height"] + 30)
        tester.page.reload()
        assert measure(tester.panel)["width"] == after["width"]
        tester.page.set_viewport_size({"width": 700, "height": 500})
        small = measure(tester.panel)
        assert small["x"] >= 0
        assert small["y"] >= 0

    def test_is_resized_by_keyboard(self, tester: Visitor) -> None:
        """With the focus on the corner the arrow keys change the size, Home brings the first one back."""
        before = measure(tester.panel)
        tester.find(".grip").focus()
        tester.page.keyboard.press("ArrowLeft")
        tester.page.keyboard.press("ArrowDown")
        after = measure(tester.panel)
        assert (after["width"] - before["width"], after["height"] - before["height"]) == (24, -24)
        expect(tester.find("[role=status].sr")).to_contain_text(f"{after['width']:.0f} by")
        tester.page.keyboard.press("Home")
        assert measure(tester.panel) == before

    def test_keyboard_alone_will_do(self, visitor: Visitor) -> None:
        """From the bubble to an answer and back without a mouse; Escape minimizes and gives the focus back."""
        visitor.launcher.focus()
        visitor.page.keyboard.press("Enter")
        expect(visitor.find(".login input")).to_be_focused()
        visitor.page.keyboard.type(PASSWORD)
        visitor.page.keyboard.press("Enter")
        accept = visitor.find("[data-do=accept]")
        expect(accept).to_be_focused()
        assert accept.evaluate(SHOWS_RING)
        visitor.page.keyboard.press("Enter")
        expect(visitor.box).to_be_focused()
        visitor.page.keyboard.type("Which")
        visitor.page.keyboard.press("Shift+Enter")
        visitor.page.keyboard.type("port does Teapot use?")
        expect(visitor.box).to_have_value("Which\nport does Teapot use?")
        visitor.page.keyboard.press("Enter")
        expect(visitor.find(".turn[data-status=complete]")).to_have_count(1)
        visitor.page.keyboard.press("Escape")
        expect(visitor.panel).to_be_hidden()
        expect(visitor.launcher).to_be_focused()

    def test_enlarged_it_keeps_the_focus(self, tester: Visitor) -> None:
        """Enlarged it is modal: Tab goes round within it. In its normal size it leads back to the page."""
        expect(tester.panel).to_have_attribute("aria-modal", "false")
        tester.find(".tool[data-do=enlarge]").click()
        expect(tester.panel).to_have_attribute("aria-modal", "true")
        assert measure(tester.panel)["width"] > 800
        seen = set()
        for _ in range(14):
            tester.page.keyboard.press("Tab")
            seen.add(read_focus(tester))
        assert "" not in seen
        assert "textarea" in seen
        tester.find(".tool[data-do=enlarge]").click()
        assert measure(tester.panel)["width"] == 400

    def test_composing_is_not_sending(self, tester: Visitor) -> None:
        """The Enter that ends a composition of an input method sends nothing."""
        tester.box.fill("nihongo")
        tester.box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
        expect(tester.box).to_have_value("nihongo")
        expect(tester.find(".turn")).to_have_count(0)

    def test_shortcuts_of_the_page_are_not_triggered(self, tester: Visitor) -> None:
        """What is typed in the box is none of the page's business."""
        tester.page.evaluate("addEventListener('keydown', (event) => { window.caught = event.key })")
        tester.box.press("s")
        assert tester.page.evaluate("window.caught") is None

    def test_phone_gives_it_the_whole_screen(self, browser: Browser, house: Service, site: Site) -> None:
        """On a phone the panel is the screen, modal, and nothing sticks out at the side."""
        phone = open_site(browser, site, viewport={"width": 390, "height": 780}, has_touch=True).arrive()
        phone.come_in().ask(QUESTION)
        assert measure(phone.panel) == {"x": 0, "y": 0, "width": 390, "height": 780}
        expect(phone.panel).to_have_attribute("aria-modal", "true")
        assert phone.find(".log").evaluate("(log) => log.scrollWidth <= log.clientWidth")
        phone.check_quiet()

    def test_dark_is_the_readers_or_the_pages_choice(
        self, browser: Browser, house: Service, site: Site
    ) -> None:
        """It follows the reader's system, the page's own theme before it, and the script tag before both."""

        def read_paper(visitor: Visitor) -> str:
            return str(visitor.panel.evaluate("(panel) => getComputedStyle(panel).backgroundColor"))

        dark, light = "rgb(25, 32, 35)", "rgb(255, 255, 255)"
        visitor = open_site(browser, site, color_scheme="dark").arrive()
        assert read_paper(visitor) == dark
        visitor.page.evaluate("document.documentElement.dataset.theme = 'light'")
        visitor.page.wait_for_timeout(50)
        assert read_paper(visitor) == light
        site.options = 'data-theme="dark"'
        visitor.page.reload()
        assert read_paper(visitor) == dark

    @pytest.mark.parametrize(("locale", "options"), [("fr-FR", ""), ("en-GB", 'data-language="fr"')])
    def test_speaks_french(
        self, browser: Browser, house: Service, site: Site, locale: str, options: str
    ) -> None:
        """French by the browser's language or by the script tag: its own words, the notice, the title."""
        site.options = options
        visitor = open_site(browser, site, locale=locale).arrive()
        visitor.launcher.click()
        expect(visitor.find(".login button")).to_have_text("Entrer")
        visitor.find(".login input").fill(PASSWORD)
        visitor.page.keyboard.press("Enter")
        visitor.find("[data-do=accept]").click()
        expect(visitor.find("#title")).to_have_text("Assistant de documentation")
        expect(visitor.find(".greeting")).to_contain_text("Que voulez-vous savoir")
        expect(visitor.find(".left-over")).to_contain_text("Reste")
        assert visitor.find(".root").get_attribute("lang") == "fr"
        visitor.find("[data-do=example]").first.click()
        expect(visitor.find(".question")).to_have_count(1)
        # What is set for the eye is sent as it was written.
        assert visitor.find(".question").inner_text().endswith(" ?")

    def test_script_tag_decides(self, browser: Browser, house: Service, site: Site) -> None:
        """Colour, position and greeting are the page's choice; a pale colour gets dark signs."""
        site.options = 'data-color="gold" data-position="left" data-greeting="Tea?" data-storage="none"'
        visitor = open_site(browser, site).arrive().come_in()
        expect(visitor.find(".greeting")).to_have_text("Tea?")
        assert measure(visitor.panel)["x"] == 20
        style = visitor.find(".composer .solid").first.evaluate(
            "(button) => [getComputedStyle(button).backgroundColor, getComputedStyle(button).color]"
        )
        assert style == ["rgb(255, 215, 0)", "rgb(10, 20, 20)"]
        assert visitor.page.evaluate("localStorage.length + sessionStorage.length") == 0
        visitor.check_quiet()

    def test_hostile_style_sheet_does_nothing(self, browser: Browser, house: Service, site: Site) -> None:
        """Whatever a page does to all its elements, the widget looks as it does elsewhere, on a page from right to
        left too."""
        plain = open_site(browser, site).arrive().come_in()
        expected = measure(plain.panel), plain.find("#title").evaluate("(h) => getComputedStyle(h).font")
        site.sheet, site.html = HOSTILE, 'dir="rtl"'
        visitor = open_site(browser, site).arrive().come_in()
        visitor.ask(QUESTION)
        assert (
            measure(visitor.panel),
            visitor.find("#title").evaluate("(h) => getComputedStyle(h).font"),
        ) == expected
        assert visitor.find(".answer").evaluate("(it) => getComputedStyle(it).direction") == "ltr"

    def test_page_can_open_close_and_reset_it(self, tester: Visitor) -> None:
        """`Guichet.open()`, `close()` and `reset()` do what a click does, and are heard of."""
        tester.ask(QUESTION)
        tester.page.evaluate("Guichet.close()")
        expect(tester.panel).to_be_hidden()
        tester.page.evaluate("Guichet.open()")
        expect(tester.panel).to_be_visible()
        tester.page.evaluate("Guichet.reset()")
        expect(tester.find(".welcome")).to_be_visible()
        assert (len(tester.hear("open")), len(tester.hear("close"))) == (2, 1)

    def test_answer_behind_a_closed_panel_is_news(self, tester: Visitor, model: OpenAIServer) -> None:
        """An answer that comes while it is minimized is marked on the bubble, also by its name."""
        model.default = SLOW
        tester.box.fill(QUESTION)
        tester.page.keyboard.press("Enter")
        expect(tester.find(".turn")).to_have_count(1)
        tester.page.keyboard.press("Escape")
        expect(tester.launcher).to_have_attribute("aria-label", "Ask Teapot: a new answer")
        tester.launcher.click()
        expect(tester.find(".launcher i")).to_have_count(0)


class TestHostileText:
    """What testers, models and documents write is shown, never run."""

    def test_nothing_runs_and_nothing_is_fetched(self, tester: Visitor, model: OpenAIServer) -> None:
        """Payloads in question, answer and document stay the characters they are made of."""
        asked: list[str] = []
        tester.page.on("request", lambda request: asked.append(request.url))
        model.default = Answer(f"Rinse it. [1] {PAYLOAD}")
        turn = tester.ask(f"How do I clean the strainer? {PAYLOAD[:180]}")
        turn.locator("sup.cite a").first.click()
        expect(turn.locator(".sources .text").first).to_contain_text("<script>")
        expect(turn.locator(".question")).to_contain_text("<img src=x onerror=")
        expect(turn.locator(".answer")).to_contain_text("<iframe")
        tester.page.reload()
        expect(tester.find(".answer")).to_contain_text("<iframe")
        assert tester.find(":is(img, script, iframe, svg:not(.icon))").count() == 0
        assert tester.page.evaluate("window.hacked") is None
        hrefs = tester.find(".turn a").evaluate_all("(links) => links.map((a) => a.getAttribute('href'))")
        assert all(re.match(r"#cite-\d+$|https?://", href) for href in hrefs)
        assert [url for url in asked if "evil" in url] == []
        tester.check_quiet()

    def test_html_of_a_service_gone_wrong_is_not_trusted(self, tester: Visitor) -> None:
        """Where even the service's HTML is hostile, only what the sanitizer would have let through is built."""
        event = (
            'id: 1\nevent: start\ndata: {"message_id": "m1", "user_message_id": "u1"}\n\n'
            'id: 2\nevent: html\ndata: {"html": "<p onclick=\\"hacked=1\\">a<img src=x onerror=hacked=1><a href=\\"'
            'javascript:hacked=1\\">b</a><code class=\\"launcher\\">c</code></p></div></div><style>*{}</style>"}\n\n'
        )
        tester.page.route(
            "**/api/chat",
            lambda route: route.fulfill(
                body=event,
                content_type="text/event-stream",
                headers={"access-control-allow-origin": tester.site.origin},
            ),
        )
        tester.box.fill(QUESTION)
        tester.page.keyboard.press("Enter")
        answer = tester.find(".answer")
        expect(answer).to_contain_text("<img src=x onerror=hacked=1>")
        assert answer.evaluate("(it) => it.innerHTML").count("javascript:") == 0
        assert (
            answer.evaluate("(it) => it.querySelectorAll('[onclick], [href], [class], img, style').length")
            == 0
        )
        assert tester.page.evaluate("window.hacked") is None

    def test_question_that_is_not_in_the_documents_says_so(self, tester: Visitor) -> None:
        """A question about nothing of ours is refused without a source."""
        turn = tester.ask(UNANSWERABLE, "refused")
        expect(turn.locator(".sources")).to_have_count(0)
