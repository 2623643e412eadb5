"""What a tester meets first where there are several assistants: the documentation is asked at once, links lead on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.apps.chat.conftest import Service, make_session_settings, run_service
from tests.apps.chat.test_page_browser import Visitor, open_browser, other_tab
from tests.conftest import find_chromium

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(240)]

PATIENCE_MS = 60_000
# How far the words of a card that cannot be used stand from its edges, and its picture from the words.
MEASURE = """(card) => {
  const box = card.getBoundingClientRect();
  const words = [...card.children].map((one) => one.getBoundingClientRect());
  const sign = getComputedStyle(card, "::before");
  return {
    left: Math.min(...words.map((one) => one.left)) - box.left,
    below: Math.min(...words.map((one) => one.top)) - box.top - parseFloat(sign.top) - parseFloat(sign.height),
    bottom: box.bottom - Math.max(...words.map((one) => one.bottom)),
  };
}"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the house's own assistants without a model: stories cannot be had."""
    with make_session_settings(tmp_path_factory.mktemp("door")) as settings, run_service(settings) as service:
        yield service


@pytest.fixture(scope="module")
def visitor(service: Service) -> Iterator[Visitor]:
    """Give a tester who has come in and agreed."""
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        visitor = open_browser(browser, service.url)
        visitor.page.context.set_default_timeout(PATIENCE_MS)
        yield visitor.come_in().agree()
        assert visitor.complaints == []
        browser.close()


def test_documentation_is_asked_at_once(visitor: Visitor) -> None:
    """Nothing is to be chosen first: the default assistant greets, its examples are there, the box is ready."""
    visitor.see(".welcome .chooser .assistant[data-assistant=support][aria-pressed=true]")
    expect(visitor.page.locator(".welcome .example:visible")).to_have_count(4)
    visitor.focus_on("#box textarea")
    visitor.ask()
    expect(visitor.page.locator("#brand h1")).to_have_text("Documentation assistant")


def test_card_of_what_is_not_there_is_read(visitor: Visitor) -> None:
    """An assistant that cannot be used has a card like the others: its words keep clear of edge and picture."""
    visitor.page.click("#fresh")
    card = visitor.see(".assistant.is-away.is-story")
    measured = card.evaluate(MEASURE)
    assert min(measured["left"], measured["bottom"]) >= 10
    assert measured["below"] >= 0


def test_link_to_an_assistant_opens_it(visitor: Visitor) -> None:
    """A link that names an assistant begins with it, whatever was talked about before; a refresh keeps it."""
    tab = other_tab(visitor)
    tab.arrive("/?assistant=letters")
    for _ in range(2):
        tab.see(".assistant[data-assistant=letters][aria-pressed=true]")
        expect(tab.page.locator("#brand h1")).to_have_text("Letters and mails")
        expect(tab.turns()).to_have_count(0)
        tab.page.reload()
    tab.arrive("/")
    expect(tab.turns("complete")).to_have_count(1)
    tab.page.close()
