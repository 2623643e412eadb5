"""The whole way in a browser: a tester asks, an admin reads, the PDF says the same. `SHOTS=FOLDER` keeps pictures."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.conftest import ROOT
from tests.ports import find_free_port

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]

PASSWORD = "four words of ours"
QUESTION = "How can I query the conversation log with DuckDB?"
REFUSED = "How tall is the Eiffel tower in cubits?"
HOSTILE = 'How tall is it in ells? <img src=x onerror="window.hacked=1"> ![p](https://evil.example/p.png)'
# The service promises 5 s; a machine busy with other tests gets more, for this proves what arrives, not how soon.
PATIENCE_S = 60.0
COUNT_THREADS = """
import duckdb, sys
log = duckdb.connect(sys.argv[1], read_only=True)
print(log.execute(
    "SELECT count(DISTINCT thread_id) FROM messages WHERE created_at >= now() - INTERVAL 24 HOUR"
).fetchall()[0][0])
"""
# A second program, as a data person would write it.
READ_LOG = """
import duckdb, json, sys
log = duckdb.connect(sys.argv[1], read_only=True)
rows = log.execute(
    "SELECT t.thread_id::VARCHAR, m.origin, m.status, m.content FROM messages m JOIN threads t USING (thread_id) "
    "WHERE t.created_at > now() - INTERVAL 10 MINUTE ORDER BY t.created_at, m.position"
).fetchall()
print(json.dumps(rows))
"""


@dataclass(frozen=True)
class House:
    """Both services, started as `make run` starts them."""

    chat: str
    admin: str
    data: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Start `python -m apps` on a folder of its own with some weeks of use, on the product's own documentation."""
    data = tmp_path_factory.mktemp("data")
    ports = {"CHAT_PORT": str(find_free_port()), "ADMIN_PORT": str(find_free_port())}
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment = {**inherited, **ports, "DATA_DIR": str(data), "BETA_PASSWORD": PASSWORD}
    sample = ["sample-log", "--messages", "3000", "--days", "14", "--seed", "7"]
    subprocess.run(
        [sys.executable, "-m", "chatbot", *sample], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "apps"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        found = House(
            f"http://127.0.0.1:{ports['CHAT_PORT']}", f"http://127.0.0.1:{ports['ADMIN_PORT']}", data
        )
        wait_for(f"{found.chat}/health/ready")
        wait_for(f"{found.admin}/_stcore/health")
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 0


def wait_for(address: str, timeout_s: float = 90) -> None:
    """Wait until an address answers."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own server
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def keep(page: Page, name: str, folder: Path) -> None:
    """Keep a picture of what a person would see."""
    target = Path(os.environ.get("SHOTS") or folder)
    page.screenshot(path=target / f"{name}.png")


def open_counter(browser: Browser, house: House, **options: Any) -> Page:
    """Come to the counter by link and password, and agree to the notice."""
    page = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
    ).new_page()
    page.set_default_timeout(90_000)
    page.goto(house.chat)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("body.is-ready")
    page.click("#accept")
    page.wait_for_selector("body:not(.needs-notice)")
    return page


def ask(page: Page, question: str, state: str) -> None:
    """Ask, and wait for the answer's end."""
    count = page.locator(f".turn[data-state={state}]").count()
    page.fill("#box textarea", question)
    page.keyboard.press("Enter")
    expect(page.locator(f".turn[data-state={state}]")).to_have_count(count + 1, timeout=60_000)


def read_log(house: House) -> list[list[str]]:
    """Read the page's messages from the published log, by another process."""
    rows: list[list[str]] = json.loads(run_reader(house, READ_LOG))
    return rows


def run_reader(house: House, program: str) -> str:
    """Give what another program, with the published log open, prints."""
    command = [sys.executable, "-c", program, str(house.data / "conversations.duckdb")]
    return subprocess.check_output(command, text=True)


def wait_for_log(house: House, text: str) -> str:
    """Give the id of the thread in which a text was asked, once it is published."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        asked = [
            thread for thread, origin, _, content in read_log(house) if origin == "user" and content == text
        ]
        if asked:
            return asked[0]
        assert time.monotonic() < deadline, "the log does not hold the question in time"
        time.sleep(0.2)


def open_office(browser: Browser, house: House) -> Page:
    """Log in to the admin with the password of the first start, or one known from before."""
    page = browser.new_context(
        viewport={"width": 1280, "height": 1300}, locale="en-GB", accept_downloads=True
    ).new_page()
    page.set_default_timeout(90_000)
    page.goto(house.admin)
    page.get_by_role("textbox", name="Name").fill("admin")
    password = (house.data / "private" / "first-admin-password").read_text().strip()
    page.get_by_role("textbox", name="Password").fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=90_000)
    return page


def test_a_question_goes_all_the_way(browser: Browser, house: House, tmp_path: Path) -> None:
    """A tester's question is answered with a citation, survives a refresh, and is in log, admin and PDF."""
    elsewhere: list[str] = []
    counter = open_counter(browser, house)
    counter.on("request", lambda request: request.url.startswith(house.chat) or elsewhere.append(request.url))
    ask(counter, QUESTION, "complete")
    thread_id = wait_for_log(house, QUESTION)

    turn = counter.locator(".turn[data-state=complete]")
    expect(turn.locator("pre code").first).to_contain_text("duckdb")
    turn.locator("sup.cite a").first.click()
    source = turn.locator("details.source[open]")
    expect(source).to_contain_text("en/conversation-log.md")
    expect(source.locator(".passage")).to_contain_text("read-only")
    keep(counter, "chat", tmp_path)
    answer = re.sub(r"\s+", " ", turn.locator(".answer-text").inner_text())

    counter.reload()
    expect(counter.locator(".turn[data-state=complete]")).to_contain_text("read-only", timeout=60_000)
    assert counter.locator(".bubble").inner_text().strip() == QUESTION
    turn.locator(".thumb[data-value='1']").click()
    ask(counter, REFUSED, "refused")
    counter.locator(".nearest summary").first.click()
    keep(counter, "refused", tmp_path)
    counter.emulate_media(color_scheme="dark")
    counter.locator(".request-documentation").click()
    expect(counter.locator(".documented")).to_contain_text("Thank you")
    keep(counter, "chat-dark", tmp_path)
    counter.emulate_media(color_scheme="light")
    ask(counter, HOSTILE, "refused")
    assert elsewhere == []
    wait_for_log(house, REFUSED)

    office = open_office(browser, house)
    office.on("request", lambda request: request.url.startswith(house.admin) or elsewhere.append(request.url))
    assert not (house.data / "private" / "first-admin-password").exists()
    expect(office.locator(".js-plotly-plot").first).to_be_visible(timeout=90_000)
    # A day's threads, give or take those that cross its edge while the page is drawn.
    shown = int(office.get_by_test_id("stMetricValue").first.inner_text())
    assert abs(shown - int(run_reader(house, COUNT_THREADS))) <= 1
    office.get_by_text("7 days", exact=True).click()
    office.wait_for_timeout(3000)
    keep(office, "overview", tmp_path)
    office.get_by_role("link", name="Threads").click()
    expect(office.get_by_text(re.compile(r"1–25 of"))).to_be_visible(timeout=60_000)
    office.wait_for_timeout(1000)
    keep(office, "threads", tmp_path)
    office.get_by_role("textbox", name="Search").fill("eiffel TOWER in cubits")
    office.keyboard.press("Enter")
    expect(office.get_by_text("1–1 of 1", exact=False)).to_be_visible(timeout=60_000)

    office.goto(f"{house.admin}/thread?thread={thread_id}")
    expect(office.get_by_text(QUESTION).first).to_be_visible(timeout=90_000)
    expect(office.get_by_text(REFUSED).first).to_be_visible()
    expect(office.get_by_text("<img src=x onerror=").first).to_be_visible()
    assert office.evaluate("window.hacked") is None
    office.wait_for_timeout(1000)
    keep(office, "thread", tmp_path)
    with office.expect_download(timeout=90_000) as download:
        office.get_by_test_id("stDownloadButton").get_by_role("button").click()
    report = tmp_path / "thread.pdf"
    download.value.save_as(report)
    text = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(report).pages))
    for expected in (QUESTION, REFUSED, thread_id, "Open the file read-only", "en/conversation-log.md"):
        assert expected in text
    assert elsewhere == []
    assert "Open the file read-only" in answer
    keep_pdf(report)


def keep_pdf(report: Path) -> None:
    """Keep a picture of the report's first page, where pictures are wanted."""
    folder = os.environ.get("SHOTS")
    if folder and shutil.which("pdftoppm"):
        subprocess.run(
            ["pdftoppm", "-png", "-singlefile", "-r", "80", str(report), str(Path(folder) / "pdf")],
            check=True,
        )


def test_phone_in_french_and_dark_is_usable(browser: Browser, house: House, tmp_path: Path) -> None:
    """On a phone in French the page speaks French, fits the width, and answers from the French documentation."""
    page = open_counter(
        browser, house, viewport={"width": 390, "height": 844}, locale="fr-FR", color_scheme="dark"
    )
    ask(page, "Comment définir un mot de passe bêta ?", "complete")
    expect(page.locator(".turn[data-state=complete]")).to_contain_text("BETA_PASSWORD")
    expect(page.locator(".turn[data-state=complete] .sources")).to_contain_text("fr/beta-access.md")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(page, "chat-phone", tmp_path)


def open_widget(browser: Browser, house: House, **options: Any) -> Page:
    """Come to the page that stands for a site, open the widget, log in and agree to the notice."""
    page = browser.new_context(
        **{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
    ).new_page()
    page.goto(f"{house.chat}/widget-demo")
    page.locator("guichet-widget .launcher").click()
    page.locator("guichet-widget .login input").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("guichet-widget [data-do=accept]").click()
    return page


def ask_widget(page: Page, question: str, state: str) -> None:
    """Ask in the widget, and wait for the answer's end."""
    page.locator("guichet-widget .composer textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(f"guichet-widget .turn[data-status={state}]")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(400)


def test_widget_answers_on_a_site(browser: Browser, house: House, tmp_path: Path) -> None:
    """On a site the widget answers with sources, on a phone in French and dark too, and refuses with a way on."""
    page = open_widget(browser, house)
    ask_widget(page, QUESTION, "complete")
    expect(page.locator("guichet-widget .sources")).to_contain_text("en/conversation-log.md")
    keep(page, "widget", tmp_path)
    ask_widget(page, REFUSED, "refused")
    keep(page, "widget-refused", tmp_path)
    phone = open_widget(
        browser,
        house,
        viewport={"width": 390, "height": 844},
        locale="fr-FR",
        color_scheme="dark",
        has_touch=True,
    )
    ask_widget(phone, "Comment définir un mot de passe bêta ?", "complete")
    expect(phone.locator("guichet-widget .answer")).to_contain_text("BETA_PASSWORD")
    keep(phone, "widget-phone", tmp_path)
