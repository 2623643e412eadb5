"""An automated check of page, login and widget by axe-core: what it finds serious is a fault."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.apps.chat.conftest import PASSWORD, Service, make_session_settings, run_service
from tests.apps.chat.widget_host import Site, Visitor, open_site

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]

QUESTION = "How do I install Teapot with Docker?"
REFUSED = "Does Teapot cook soup?"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Serve a site that embeds the widget."""
    with Site().run() as site:
        yield site


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Service]:
    """Run a service with the offline model; two messages end a conversation."""
    folder = tmp_path_factory.mktemp("accessibility")
    with (
        make_session_settings(folder, allowed_origins=site.origin, max_messages=2) as settings,
        run_service(settings) as service,
    ):
        site.service = service.url
        yield service


def find_faults(page: Page, within: str = "html") -> list[str]:
    """Give what axe-core finds serious or critical, with the elements."""
    page.evaluate(f"() => {{ {AXE} }}")
    found: dict[str, Any] = page.evaluate(
        "(within) => axe.run(within, { resultTypes: ['violations'] })", within
    )
    return [
        f"{fault['id']}: {fault['help']}: {[node['html'][:160] for node in fault['nodes'][:3]]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    """The check itself sees a button without a name, in a shadow root too."""
    page = browser.new_page()
    page.set_content("<html lang='en'><title>t</title><main><h1>t</h1><p id='host'></p></main></html>")
    page.evaluate(
        "document.querySelector('#host').attachShadow({ mode: 'open' }).append(document.createElement('button'))"
    )
    assert [fault.partition(":")[0] for fault in find_faults(page)] == ["button-name"]


@pytest.mark.parametrize("theme", THEMES)
def test_login_is_accessible(browser: Browser, house: Service, theme: Any) -> None:
    """The login page, with its error too."""
    page = browser.new_context(color_scheme=theme, reduced_motion="reduce").new_page()
    page.goto(f"{house.url}/login")
    assert find_faults(page) == []
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#fault")
    assert find_faults(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_page_is_accessible(browser: Browser, house: Service, theme: Any) -> None:
    """The page: empty, with an answer and an opened source, with a refusal and at its end."""
    page = browser.new_context(color_scheme=theme, reduced_motion="reduce", locale="en-GB").new_page()
    page.goto(house.url)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("body.is-ready")
    assert find_faults(page) == []
    page.click("#accept")
    page.wait_for_selector("body:not(.needs-notice)")
    for question, status in ((QUESTION, "complete"), (REFUSED, "refused")):
        page.fill("#box textarea", question)
        page.keyboard.press("Enter")
        expect(page.locator(f".turn[data-state={status}]")).to_have_count(1, timeout=60_000)
        page.locator(".turn summary").last.click()
        page.locator(".turn .thumb[data-value='-1']").last.click()
    assert find_faults(page) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("color", ["", "gold", "#7a1fa2"])
def test_widget_is_accessible(browser: Browser, house: Service, site: Site, theme: Any, color: str) -> None:
    """The widget in every state, in the colour of its own and in those that a site may choose."""
    site.options = f'data-color="{color}"'
    visitor = open_site(browser, site, color_scheme=theme).arrive()
    assert find_faults(visitor.page) == []
    visitor.launcher.click()
    visitor.find(".login input").fill(PASSWORD)
    assert find_faults(visitor.page) == []
    visitor.page.keyboard.press("Enter")
    expect(visitor.find("[data-do=accept]")).to_be_visible()
    assert find_faults(visitor.page) == []
    visitor.find("[data-do=accept]").click()
    turn = visitor.ask(QUESTION)
    turn.locator("summary").first.click()
    turn.locator("[data-do=judge]").last.click()
    expect(turn.locator(".verdict")).to_be_visible()
    turn.locator("[data-do=reason]").first.click()
    visitor.find("[data-do=menu]").click()
    assert find_faults(visitor.page) == []
    visitor.find(".tool[data-do=enlarge]").click()
    visitor.ask(REFUSED, "refused")
    expect(visitor.find(".over")).to_be_visible()
    assert find_faults(visitor.page) == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_demo_page_is_accessible(browser: Browser, house: Service, language: str) -> None:
    """The page to try the widget on, dark too."""
    page = browser.new_page()
    page.goto(f"{house.url}/widget-demo?language={language}")
    assert find_faults(page) == []
    page.locator("[data-toggle=dark]").click()
    page.locator("[data-call=open]").click()
    expect(page.locator("guichet-widget .login")).to_be_visible()
    assert find_faults(page) == []


def test_phone_is_accessible(browser: Browser, house: Service, site: Site) -> None:
    """On a phone too, where the panel is the whole screen."""
    phone: Visitor = open_site(browser, site, viewport={"width": 360, "height": 700}).arrive().come_in()
    phone.ask(QUESTION)
    assert find_faults(phone.page) == []
