"""A thread's rating, requests for documentation under its answers, and the tester's own copy."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from pypdf import PdfReader

from chatbot.errors import ReportFailed
from tests.apps.chat.conftest import ANSWERABLE, NOWHERE, UNANSWERABLE, Client, Serve, Service, read_code
from tests.conftest import Clock

COPIES = ("transcript.pdf", "transcript.md")


def read_table(service: Service, name: str) -> list[dict[str, object]]:
    """Give a table's rows."""
    query = f"SELECT * FROM {name}"
    return [
        dict(row)
        for row in service.services.store.read(
            lambda connection: connection.exec_driver_sql(query).mappings().all()
        )
    ]


# Rating


def test_rating_is_kept_and_replaced(serve: Serve) -> None:
    """The last question of a thread: 204, shown with its messages, and a later rating replaces it."""
    service = serve()
    tester = service.tester()
    thread = tester.start_chat()
    path = f"/api/thread/{thread}/rating"
    assert tester.post(path, json={"value": 2, "comment": "slow"}).status_code == 204
    assert tester.post(path, json={"value": 5}).status_code == 204
    (row,) = read_table(service, "ratings")
    assert (row["thread_id"], row["value"], row["comment"]) == (thread, 5, None)
    assert tester.get(f"/api/thread/{thread}/messages").json()["rating"] == 5


@pytest.mark.parametrize("value", [0, 6, -1, 2.5, "5", True, None])
def test_ratings_are_whole_numbers_from_1_to_5(tester: Client, value: object) -> None:
    """Anything else is refused."""
    response = tester.post(f"/api/thread/{tester.start_chat()}/rating", json={"value": value})
    assert read_code(response) == (400, "invalid_request")


def test_foreign_threads_are_not_rated_nor_copied(service: Service) -> None:
    """Another tester's thread is not there, nor is one that never was."""
    thread = service.tester().start_chat()
    other = service.tester()
    for wanted in (thread, NOWHERE):
        assert read_code(other.post(f"/api/thread/{wanted}/rating", json={"value": 3})) == (
            404,
            "unknown_thread",
        )
        for copy in COPIES:
            assert read_code(other.get(f"/api/thread/{wanted}/{copy}")) == (404, "unknown_thread")


# Requests for documentation


def test_documentation_is_asked_for_once(serve: Serve) -> None:
    """The button under a refusal: 204, again 204, one row; the messages say that it was pressed."""
    service = serve()
    tester = service.tester()
    thread = tester.start_chat()
    message_id = tester.ask(thread, UNANSWERABLE).json()["message_id"]
    for _ in range(2):
        assert tester.post(f"/api/messages/{message_id}/request_documentation").status_code == 204
    (row,) = read_table(service, "requests")
    assert row["message_id"] == message_id
    assert [message["documentation_requested"] for message in tester.list_messages(thread)] == [False, True]


def test_documentation_is_asked_for_under_ones_own_answers(service: Service) -> None:
    """Another tester's answer, a question, and what never was are not there."""
    tester = service.tester()
    thread = tester.start_chat()
    tester.ask(thread)
    question, answer = (message["message_id"] for message in tester.list_messages(thread))
    calls = [(service.tester(), answer), (tester, question), (tester, NOWHERE)]
    for client, message_id in calls:
        response = client.post(f"/api/messages/{message_id}/request_documentation")
        assert read_code(response) == (404, "unknown_message")


# The tester's own copy


def test_copy_holds_the_conversation(tester: Client) -> None:
    """PDF and Markdown hold question, answer and sources, under names of ours."""
    thread = tester.start_chat()
    tester.ask(thread)
    pdf, markdown = (tester.get(f"/api/thread/{thread}/{copy}") for copy in COPIES)
    assert pdf.headers["content-type"] == "application/pdf"
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf.content)).pages).split())
    for found in (text, markdown.text.replace("\\", "")):
        assert ANSWERABLE in found
        assert "4180" in found
        assert "en/settings.md" in found
    names = [response.headers["content-disposition"] for response in (pdf, markdown)]
    assert names[0].replace(".pdf", "") == names[1].replace(".md", "")
    assert re.fullmatch(r'attachment; filename="\d{4}-\d\d-\d\d_[0-9a-f-]{36}\.pdf"', names[0])
    assert pdf.headers["cache-control"] == "no-store"


def test_copy_is_in_the_readers_language(tester: Client) -> None:
    """`Accept-Language` chooses the labels."""
    thread = tester.start_chat()
    response = tester.get(f"/api/thread/{thread}/transcript.md", headers={"accept-language": "fr"})
    assert "Conversation sans question" in response.text


def test_copy_outlives_the_session(serve: Serve, clock: Clock) -> None:
    """After the session's end the thread is readable, rated and copied until the login ends."""
    service = serve(clock=clock, max_session_duration=60)
    tester = service.tester()
    thread = tester.start_chat()
    tester.ask(thread)
    clock.advance(minutes=2)
    assert read_code(tester.ask(thread)) == (403, "session_expired")
    assert tester.post(f"/api/thread/{thread}/rating", json={"value": 4}).status_code == 204
    for path in ("messages", *COPIES):
        assert tester.get(f"/api/thread/{thread}/{path}").status_code == 200
    clock.advance(days=7)
    for path in ("messages", *COPIES):
        assert read_code(tester.get(f"/api/thread/{thread}/{path}")) == (401, "not_logged_in")


def test_copies_are_limited(serve: Serve) -> None:
    """A tester who asks for copy after copy waits."""
    tester = serve().tester()
    path = f"/api/thread/{tester.start_chat()}/transcript.md"
    assert [tester.get(path).status_code for _ in range(20)] == [200] * 20
    refused = tester.get(path)
    assert read_code(refused) == (429, "rate_limited")
    assert refused.headers["retry-after"]


def test_copy_that_cannot_be_laid_out_is_said(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PDF that fails is our fault, and the answer says where the text is to be had."""

    def fail(*_: object, **__: object) -> bytes:
        raise ReportFailed("too long")

    monkeypatch.setattr("apps.chat.printer.render_thread_pdf", fail)
    tester = service.tester()
    response = tester.get(f"/api/thread/{tester.start_chat()}/transcript.pdf")
    assert read_code(response) == (500, "internal_error")
    assert "Markdown" in response.json()["error"]["message"]
