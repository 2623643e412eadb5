"""What testers, models and documents write is shown on the page, and never run; nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.apps.chat.conftest import PASSWORD, Service, make_session_settings, run_service
from tests.conftest import find_chromium
from tests.openai_server import Answer, OpenAIServer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(240)]

PAYLOAD = (
    "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script><svg onload='window.hacked=1'></svg>"
    "[x](javascript:window.hacked=1) ![pixel](https://evil.example/p.png) <iframe src=//evil.example></iframe>"
    "</template></textarea><style>@import url(//evil.example/s.css)</style>"
)
DOCUMENT = f"# Strainers {PAYLOAD}\n\n## Clean the strainer\n\nRinse the strainer with water. {PAYLOAD}\n"
LETTER = {
    "document": "thanks",
    "occasion": PAYLOAD[:150],
    "effect": PAYLOAD,
    "recipient_name": PAYLOAD[:110],
}


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    """Give a model whose every answer holds the payloads."""
    with OpenAIServer() as server:
        server.default = Answer(f"Rinse it. [1] {PAYLOAD}\n\n```html\n{PAYLOAD}\n```")
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model: OpenAIServer) -> Iterator[Service]:
    """Run a service with a document that holds the payloads in its title and its text."""
    folder = tmp_path_factory.mktemp("payloads")
    options = {"chat_model": "openai:fake", "openai_base_url": model.url, "openai_api_key": "sk-test"}
    with make_session_settings(folder, **options) as settings:
        (settings.knowledge_dir / "en" / "strainer.md").write_text(DOCUMENT, encoding="utf-8")
        with run_service(settings) as service:
            yield service


@pytest.fixture(scope="module")
def page(service: Service) -> Iterator[Page]:
    """Open the page; at the end nothing may have run, and nothing may have been asked of another host."""
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_context(locale="en-GB").new_page()
        page.set_default_timeout(90_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
        page.goto(service.url)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("body.is-ready")
        page.click("#accept")
        page.wait_for_selector("body:not(.needs-notice)")
        yield page
        assert page.evaluate("window.hacked") is None
        assert [url for url in asked if not url.startswith((service.url, "data:", "blob:"))] == []
        browser.close()


def test_question_answer_and_passage_stay_text(page: Page) -> None:
    """Each payload is there as the characters it is made of, as it comes and after a refresh."""
    page.goto(page.url.split("?", maxsplit=1)[0])
    page.fill("#box textarea", f"How do I clean the strainer? {PAYLOAD}")
    page.keyboard.press("Enter")
    turn = page.locator(".turn[data-state=complete]")
    for _ in range(2):
        expect(turn.locator(".bubble")).to_contain_text("<img src=x onerror=")
        expect(turn.locator(".answer-text").first).to_contain_text("<iframe")
        expect(turn.locator("pre code").first).to_contain_text("<script>")
        turn.locator("sup.cite a").first.click()
        expect(turn.locator("details.source[open] .passage").first).to_contain_text("<script>")
        assert turn.locator(":is(img, script, iframe, style)").count() == 0
        links = turn.locator("a").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
        assert not any(link.lower().startswith("javascript") for link in links if link)
        page.reload()


def test_form_and_letter_stay_text(page: Page, service: Service) -> None:
    """What was filled into a form is shown with its letter, and is nothing but text."""
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "guichet")
    client = service.client(headers={"cookie": f"guichet={cookie['value']}"})
    started = client.post("/api/start_chat", json={"assistant": "letters", "form": LETTER})
    assert started.status_code == 201, started.text
    thread = started.json()["thread_id"]
    assert client.ask(thread, started.json()["message"]).status_code == 200
    page.goto(f"{service.url}/?thread={thread}")
    turn = page.locator(".turn[data-state=complete]")
    expect(turn.locator(".answer-text").first).to_contain_text("<iframe")
    assert page.locator("#log :is(img, script, iframe, style)").count() == 0
    expect(page.locator("#threads")).to_be_attached()
