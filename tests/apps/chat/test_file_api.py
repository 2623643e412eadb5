"""Files of drafts over HTTP: what comes back, for whom, and what is refused."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from chatbot.store import forms
from tests.apps.chat.conftest import NOWHERE, Client, Service, read_code
from tests.apps.chat.test_assistant_api import FORM, start, write_letter
from tests.chatbot.letters.samples import read_pdf_pages

SENDER = {
    "sender_name": "Zebulon Frobozz",
    "sender_address": "9 Mill Lane\nYORK",
    "sender_email": "z@example.org",
}
MAIL = {
    "document": "information_request",
    "topic": "your evening courses",
    "questions": "When do they begin?",
    "recipient_name": "Quuxworth School",
    "recipient_email": "desk@example.com",
}


@pytest.fixture
def draft(tester: Client) -> str:
    """Give the id of a draft of the tester's."""
    return str(write_letter(tester)[1]["message_id"])


def fetch(client: Client, message_id: str, format: str = "pdf", **values: Any) -> Any:
    """Ask for a file."""
    return client.post(f"/api/messages/{message_id}/file", json={"format": format} | values)


@pytest.mark.parametrize(
    ("format", "media_type", "beginning"),
    [
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK"),
        ("odt", "application/vnd.oasis.opendocument.text", b"PK"),
        ("pdf", "application/pdf", b"%PDF"),
    ],
)
def test_letter_comes_as_a_file(
    tester: Client, draft: str, service: Service, format: str, media_type: str, beginning: bytes
) -> None:
    """Each format comes as an attachment of its kind, named for the kind of letter, and is recorded."""
    response = fetch(tester, draft, format, sender=SENDER)
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert response.headers["content-disposition"] == f'attachment; filename="cancellation.{format}"'
    assert response.headers["cache-control"] == "no-store"
    assert response.content.startswith(beginning)
    thread_id = tester.get("/api/threads").json()[0]["thread_id"]
    (recorded,) = service.services.store.read(forms.list_files, thread_id)
    assert (recorded.format, recorded.bytes, recorded.is_edited) == (format, len(response.content), False)


def test_sender_and_edited_text_are_in_the_file(tester: Client, draft: str) -> None:
    """What the browser keeps and what was changed by hand are in the file; without them it is the draft."""
    edited = "**Subject:** Mine\n\nDear all,\n\nChanged by hand.\n\nYours,"
    mine = read_pdf_pages(fetch(tester, draft, sender=SENDER, text=edited).content)[0]
    assert all(words in mine for words in ("Zebulon Frobozz", "9 Mill Lane", "Changed by hand.", "Mine"))
    plain = read_pdf_pages(fetch(tester, draft).content)[0]
    assert "Xyzzy-4711" in plain and "Frobozz" not in plain and "Changed" not in plain


def test_mail_comes_as_a_message(tester: Client) -> None:
    """A kind that is sent by mail can be had as one that mail programs open."""
    _, reply = write_letter(tester, MAIL)
    assert "eml" in reply["draft"]["formats"]
    response = fetch(tester, reply["message_id"], "eml", sender=SENDER)
    assert response.headers["content-type"] == "message/rfc822"
    assert b"To: Quuxworth School <desk@example.com>" in response.content
    assert b"From: Zebulon Frobozz <z@example.org>" in response.content


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"format": "exe"}, (400, "invalid_request")),
        ({"format": "eml"}, (400, "invalid_request")),
        ({"format": "x" * 100}, (400, "invalid_request")),
        ({"format": None}, (400, "invalid_request")),
        ({"text": "   "}, (400, "invalid_request")),
        ({"text": 7}, (400, "invalid_request")),
        ({"text": "x" * 20_001}, (400, "message_too_long")),
        ({"text": "x" * 70_000}, (413, "body_too_large")),
        ({"sender": {"sender_email": "nobody"}}, (400, "invalid_request")),
        ({"sender": {"contract": "x"}}, (400, "invalid_request")),
        ({"sender": {"sender_name": ["x"]}}, (400, "invalid_request")),
        ({"sender": "Anne"}, (400, "invalid_request")),
    ],
)
def test_what_cannot_be_made_is_refused(
    tester: Client, draft: str, values: dict[str, Any], code: tuple[int, str]
) -> None:
    """Wrong formats, texts and senders are named by their code; none is our failure."""
    response = fetch(tester, draft, **({"format": "pdf"} | values))
    assert read_code(response) == code
    if code[1] == "message_too_long":
        assert response.json()["error"]["limit"] == 20_000


@pytest.mark.parametrize(
    "body",
    [
        '{"format": "pdf", "sender": {"\\ud800": 7}}',
        '{"format": "pdf", "sender": {"\\ud800": "x"}}',
        '{"format": "\\ud800"}',
        '{"format": NaN}',
        '{"format": "pdf", "sender": {"sender_name": NaN}}',
        '{"format": "pdf", "text": "\\ud800\\u0000"}',
        "[]",
    ],
)
def test_hostile_body_is_an_error_that_can_be_read(tester: Client, draft: str, body: str) -> None:
    """Whatever is sent, the answer is a 400 in JSON."""
    headers = {"content-type": "application/json"}
    response = tester.post(f"/api/messages/{draft}/file", content=body.encode(), headers=headers)
    assert read_code(response) == (400, "invalid_request")


def test_wrong_sender_is_named_at_its_field(tester: Client, draft: str) -> None:
    """A fault in the sender's block comes back at its field, in the reader's language."""
    tester.headers["accept-language"] = "fr"
    fields = fetch(tester, draft, sender={"sender_email": "nobody"}).json()["error"]["fields"]
    assert fields["sender_email"].startswith("« nobody » n'est pas une adresse électronique")


def test_hostile_text_is_laid_out_as_it_reads(tester: Client, draft: str) -> None:
    """Markup, fields and signs that no file holds are no more than text, in every format."""
    hostile = "<b>x</b> {{ 7*7 }} ]]> &lt; \x00\u202e\ufffe ${x} =1+1"
    for format in ("docx", "odt", "pdf"):
        response = fetch(
            tester, draft, format, text=f"Dear all,\n\n{hostile}", sender={"sender_name": hostile}
        )
        assert response.status_code == 200
        if format != "pdf":
            with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
                assert archive.testzip() is None


def test_only_ones_own_drafts_become_files(service: Service, tester: Client, draft: str) -> None:
    """Another tester's draft, a question, a refusal and what never was are 404."""
    other = service.tester()
    for message_id in (draft, NOWHERE, "no-id"):
        assert read_code(fetch(other, message_id)) == (404, "unknown_message")
    thread_id, _ = write_letter(tester)
    refused = tester.ask(thread_id, "Mention my cat.").json()["message_id"]
    question = tester.list_messages(thread_id)[0]["message_id"]
    answer = tester.ask(tester.start_chat()).json()["message_id"]
    for message_id in (refused, question, answer):
        assert read_code(fetch(tester, message_id)) == (404, "unknown_message")


def test_files_are_limited(service: Service) -> None:
    """Sixty files a minute are enough for a tester; the next is 429 with the time to wait, another's is not."""
    tester = service.tester()
    begun = start(tester, FORM).json()
    message_id = tester.ask(begun["thread_id"], begun["message"]).json()["message_id"]
    # Refused ones count too, and cost nothing.
    codes = [fetch(tester, message_id, "exe").status_code for _ in range(60)]
    assert set(codes) == {400}
    limited = fetch(tester, message_id)
    assert read_code(limited) == (429, "rate_limited")
    assert int(limited.headers["retry-after"]) > 0
    assert read_code(fetch(service.tester(), message_id)) == (404, "unknown_message")
