"""A thread is shown as the tester saw it, with what happened behind, and never as markup of the tester's."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from apps.admin.exports import make_pdf
from apps.admin.frame import Visit
from apps.admin.services import get_services
from apps.admin.texts import ENGLISH
from apps.admin.thread_view import render_head, render_messages
from chatbot.store.records import Message, PassageUsed, Thread, Transcript
from chatbot.store.schema import audit
from chatbot.store.threads import read_transcript

from .conftest import House, go, read_text

ZONE = ZoneInfo("Europe/Paris")
NOON = datetime(2025, 7, 1, 12, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    '<img src="https://evil.example/p.png">',
    "![pixel](https://evil.example/p.png)",
    '"><svg onload=alert(1)>',
    "<style>body{display:none}</style>",
    "</div></article><h1>out</h1>",
    "[click](javascript:alert(1))",
    "<iframe src='https://evil.example'></iframe>",
]
TAGS = {
    *(
        "a",
        "article",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "footer",
        "h1",
    ),
    *("header", "li", "ol", "p", "pre", "small", "span", "strong", "summary", "sup", "time", "ul"),
}
ATTRIBUTES = {"class", "href", "data-cite", "target", "rel", "id", "start"}


class Shown(HTMLParser):
    """What a browser would make of HTML: tags, attributes, links, text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def make_transcript(question: str, answer: str, **fields: object) -> Transcript:
    """Give a thread of one question and one answer."""
    thread = Thread("t-1", "support", "page", question[:40], None, None, None, NOON)
    asked = Message("m-1", "t-1", 0, "user", question, NOON)
    answered = Message("m-2", "t-1", 1, "bot", answer, NOON, **fields)  # type: ignore[arg-type]
    return Transcript(thread, (asked, answered), {})


def passage(number: int, *, cited: bool, text: str = "Use the code.") -> PassageUsed:
    """Give a passage."""
    return PassageUsed(number, 1.0, "en/login.md", f"Login > Part {number}", text, number, cited)


def open_thread(house: House, thread_id: str) -> AppTest:
    """Log in and open a thread by its address."""
    return go(house.log_in(), "thread", thread=thread_id)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_no_markup(text: str) -> None:
    """A tester's, a model's and a document's text adds no tag, no attribute and no link that runs or loads."""
    transcript = make_transcript(text, text, passages=(passage(1, cited=True, text=text),))
    for source in (render_messages(transcript, ENGLISH, ZONE), render_head(transcript, ENGLISH, ZONE)):
        shown = Shown(source)
        assert shown.tags <= TAGS
        assert shown.attributes <= ATTRIBUTES
        assert all(link.startswith(("https://", "#cite-")) for link in shown.links)


@pytest.mark.parametrize("text", HOSTILE)
def test_testers_text_is_shown_as_its_characters(text: str) -> None:
    """What a tester wrote is read back exactly as it was written."""
    assert text in Shown(render_messages(make_transcript(text, ""), ENGLISH, ZONE)).text


def test_testers_markdown_is_not_rendered() -> None:
    """A tester's text is plain text, not Markdown."""
    shown = Shown(render_messages(make_transcript("**bold** # head", ""), ENGLISH, ZONE))
    assert "**bold** # head" in shown.text
    assert "strong" not in shown.tags


def test_hostile_thread_is_shown_on_the_page(house: House) -> None:
    """The page as a whole puts hostile text nowhere else than into the escaped HTML."""
    text = '<img src="https://evil.example/p.png"> ![p](https://evil.example/q.png)'
    app = open_thread(house, house.add_thread(text, text, tester="beta-1"))
    assert not app.exception
    assert not any("evil.example" in element.value for element in (*app.markdown, *app.title, *app.caption))
    for element in app.html:
        assert "<img" not in element.value


def test_answers_citations_lead_to_their_passages() -> None:
    """A mark leads to the passage of its own answer; one without a passage stays text."""
    transcript = make_transcript(
        "How?",
        "Use the code [1], not [9].",
        passages=(passage(1, cited=True), passage(2, cited=False)),
    )
    source = render_messages(transcript, ENGLISH, ZONE)
    assert 'href="#cite-1-1"' in source
    assert 'id="cite-1-1"' in source
    assert "Cited passages (1)" in source
    assert "Found, not cited (1)" in source
    assert "not [9]" in Shown(source).text


def test_failed_answer_says_whose_error_it_was() -> None:
    """A failure names its side and its code, and keeps the text that had come."""
    transcript = make_transcript(
        "How?",
        "Use the",
        status="failed",
        error_origin="provider",
        error_code="provider_timeout",
    )
    text = Shown(render_messages(transcript, ENGLISH, ZONE)).text
    assert "Failed: the provider's side (provider_timeout)" in text
    assert "Use the" in text


def test_declined_letter_is_not_called_undocumented() -> None:
    """Of a letter or a story a refusal is named as declined."""
    transcript = make_transcript("Insult them", "I decline.", status="refused", is_personal=True)
    text = Shown(render_messages(transcript, ENGLISH, ZONE)).text
    assert "Declined" in text and "Not documented" not in text


def test_empty_answer_and_cut_answer_are_marked() -> None:
    """An answer without text and one cut at the model's limit say so."""
    stopped = make_transcript("How?", "", status="stopped")
    assert "Nothing had been written." in render_messages(stopped, ENGLISH, ZONE)
    assert "Cut at the model's limit" in Shown(
        render_messages(make_transcript("How?", "x", is_cut=True), ENGLISH, ZONE)
    ).text  # fmt: skip


def test_times_are_local_with_their_zone_named() -> None:
    """Times are the team's, and the zone is written beside the first."""
    transcript = make_transcript("How?", "So.")
    assert "2025-07-01 14:00 (Europe/Paris)" in render_head(transcript, ENGLISH, ZONE)
    assert "14:00:00" in render_messages(transcript, ENGLISH, ZONE)


def test_measures_and_verdict_are_beside_the_answer(house: House) -> None:
    """Model, versions, tokens, timings and the tester's verdict are shown with the answer."""
    thread_id = house.add_thread(
        verdict="It is <b>wrong</b>",
        model="openai:small",
        assistant_version=3,
        index_version="abcdef0123456789",
        prompt_tokens=1200,
        completion_tokens=80,
        cost_usd=0.0123,
        first_token_ms=350,
        total_ms=2400,
        trace_id="trace-1",
    )
    text = read_text(open_thread(house, thread_id))
    for part in (
        "openai:small",
        "version 3",
        "index abcdef012345",
        "1,200 + 80 tokens in + out",
        "350 ms first word",
        "2.4 s in all",
        "cost 0.0123 $",
        "trace trace-1",
        "Not helpful · wrong",
        "It is &lt;b&gt;wrong&lt;/b&gt;",
    ):
        assert part in text


def test_thread_is_read_from_the_store_at_once(house: House) -> None:
    """A thread is shown before it is published."""
    thread_id = house.add_thread("not yet published")
    assert "not yet published" in read_text(open_thread(house, thread_id))


@pytest.mark.parametrize(
    "thread_id", ["nothing", "![x](https://evil.example/p.png)", "' OR 1=1 --", "é" * 500]
)
def test_unknown_thread_is_a_sentence(house: House, thread_id: str) -> None:
    """An id without a thread is said in one sentence, its characters shown as they are."""
    app = open_thread(house, thread_id)
    assert "There is no thread" in app.warning[0].value
    assert "](" not in app.warning[0].value
    assert not app.exception


def test_page_without_an_id_leads_to_the_list(house: House) -> None:
    """Without an id the page says to choose a thread."""
    assert "Choose a thread from the list." in read_text(house.log_in("thread"))


def test_reading_is_recorded_once_per_session_and_thread(house: House) -> None:
    """Who read which thread is in the audit, once however often the page is drawn."""
    first, second = house.add_thread(), house.add_thread(tester="beta-2")
    app = open_thread(house, first)
    app = go(go(app, "thread", thread=second), "thread", thread=first)
    open_thread(house, first)
    statement = (
        select(audit.c.actor, audit.c.target).where(audit.c.action == "thread.read").order_by(audit.c.change)
    )
    rows = house.store.read(lambda connection: connection.execute(statement).all())
    assert [tuple(row) for row in rows] == [("anne", first), ("anne", second), ("anne", first)]


def test_pdf_has_the_threads_text(house: House) -> None:
    """The PDF holds question and answer, and its button names the thread."""
    thread_id = house.add_thread("How do I log in?", "With a **code**.")
    app = open_thread(house, thread_id)
    assert app.download_button(key="download_pdf").label == "PDF"
    transcript = house.store.read(read_transcript, thread_id)
    assert transcript
    account = house.accounts.list_accounts()[0]
    data = make_pdf(Visit(account, get_services(), ENGLISH), transcript)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    assert "How do I log in?" in text
    assert "With a code." in text
