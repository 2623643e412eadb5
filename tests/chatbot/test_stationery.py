"""Files made of drafts: every format of every kind, the sender in the file alone, the office's templates."""

from __future__ import annotations

import email
import io
import zipfile
from collections.abc import Sequence
from datetime import date
from email import policy
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from openpyxl import load_workbook

from chatbot.assistants.catalogue import Assistants
from chatbot.errors import InvalidForm, InvalidRequest, MessageTooLong, UnknownAssistant, UnknownMessage
from chatbot.letters.letter import read_draft
from chatbot.office.template import read_template
from chatbot.stationery import LAYOUTS, LONGEST_TEXT, MadeFile, Order, Stationery, list_template_fields
from chatbot.store import forms, templates, threads
from chatbot.store.engine import Store
from chatbot.store.forms import FormEntry
from chatbot.store.records import Message
from chatbot.store.templates import NewTemplate
from chatbot.writing import list_formats
from tests.chatbot.letters.forms import SENDER
from tests.chatbot.letters.samples import draft_kind, read_pdf_pages, read_writer
from tests.chatbot.log.rows import write_thread, write_turn
from tests.chatbot.office.files import make_document, make_workbook
from tests.conftest import ROOT, Clock

TESTER = "alpha-1"
BEGINNINGS = {"docx": b"PK", "odt": b"PK", "pdf": b"%PDF", "eml": b"X-Unsent: 1"}
NOTES = """kind: writer
title: {en: Notes}
prompt: Write notes.
form:
  - {name: sender_name, label: {en: Your name}, stays_in_browser: true}
  - {name: day, type: date, label: {en: Day}}
  - {name: amount, type: number, label: {en: Amount}}
  - {name: paid, type: checkbox, label: {en: Paid}}
  - name: tone
    type: choice
    label: {en: Tone}
    choices: [{value: warm, label: {en: Very warm}}]
documents:
  - name: note
    title: {en: Note}
    formats: [docx, xlsx, pdf]
    template: our_note
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of assistants: those that ship, and one whose kind has a template."""
    path = tmp_path / "assistants"
    path.mkdir()
    for name in ("letters", "support"):
        (path / f"{name}.yaml").symlink_to(ROOT / "data" / "assistants" / f"{name}.yaml")
    (path / "notes.yaml").write_text(NOTES, encoding="utf-8")
    return path


@pytest.fixture
def assistants(folder: Path, store: Store) -> Assistants:
    """Give those assistants."""
    return Assistants(folder, store)


@pytest.fixture
def stationery(store: Store, assistants: Assistants) -> Stationery:
    """Give what makes the files."""
    return Stationery(store, assistants)


def add_draft(
    store: Store, entries: Sequence[FormEntry], text: str, *, assistant: str = "letters", **values: Any
) -> str:
    """Write a thread with a form and a draft; gives the draft's id."""
    thread_id = write_thread(store, store.clock(), assistant=assistant, language=values.pop("language", "en"))
    store.write(forms.add_form, thread_id, entries)
    return write_turn(store, thread_id, store.clock(), "Go", text, **values)


def add_kind(store: Store, kind: str, language: str = "en") -> str:
    """Write the offline draft of a kind that ships; gives its id."""
    document = read_writer().find_document(kind)
    assert document is not None
    text, values = draft_kind(document, language)
    kinds = {field.name: field.type for field in read_writer().list_fields(document)}
    entries = [FormEntry(name, value, kinds[name]) for name, value in values.items()]
    return add_draft(store, [FormEntry("document", kind, "choice"), *entries], text, language=language)


def make(stationery: Stationery, message_id: str, format: str, **values: Any) -> MadeFile:
    """Have a file made for the draft's tester."""
    values = {"tester": TESTER, "language": "en"} | values
    return stationery.make_file(Order(message_id, format=format, **values))


def list_files(store: Store, message_id: str) -> list[tuple[str, bool, str | None, int | None]]:
    """Give what is recorded of a draft's files: format, whether edited, template and version."""
    rows = store.read(forms.list_files, read(store, message_id).thread_id)
    return [(row.format, row.is_edited, row.template, row.template_version) for row in rows]


def read(store: Store, message_id: str) -> Message:
    """Give a draft as it is stored."""
    return store.read(threads.read_message, message_id)


def publish(store: Store, kind: str, content: bytes, base: int | None = None) -> int:
    """Publish an office template under the name that the notes want."""
    fields = read_template(content, f"note.{kind}").fields
    template = NewTemplate(kind, f"note.{kind}", content, fields)
    version = store.write(templates.add_version, "our_note", template, "anne", "", store.clock(), base=base)
    store.write(templates.publish, "our_note", version, "anne", store.clock())
    return version


def test_every_kind_becomes_every_file_it_can(store: Store, stationery: Stationery) -> None:
    """Each kind that ships is made into each of its formats, named for the kind, and recorded with its size."""
    for document in read_writer().documents:
        message_id = add_kind(store, document.name, "fr")
        for format in document.formats:
            made = make(stationery, message_id, format, sender=SENDER["fr"], language="fr")
            assert made.data.startswith(BEGINNINGS[format])
            assert made.name == f"{document.name.replace('_', '-')}.{format}"
            assert "/" in made.media_type
        recorded = set(list_files(store, message_id))
        assert recorded == {(format, False, None, None) for format in document.formats}
    assert {format for document in read_writer().documents for format in document.formats} >= set(LAYOUTS)


def test_sender_is_in_the_file_and_nowhere_else(store: Store, stationery: Stationery, settings: Any) -> None:
    """What the browser keeps is placed in the file; no byte of the store, its journal or its log has it."""
    message_id = add_kind(store, "cancellation")
    sender = {
        "sender_name": "Zebulon Quuxworth",
        "sender_address": "9 Xyzzy Lane",
        "sender_email": "zq@plugh.example",
    }
    text = "\n".join(read_pdf_pages(make(stationery, message_id, "pdf", sender=sender).data))
    assert all(value in text for value in sender.values())
    files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    assert files
    for path in files:
        data = path.read_bytes()
        assert not any(word in data for word in (b"Quuxworth", b"Xyzzy", b"plugh")), path


def test_edited_text_is_what_is_laid_out(store: Store, stationery: Stationery) -> None:
    """A draft that was changed by hand goes into the file as it was changed; the draft itself stays."""
    message_id = add_kind(store, "cancellation")
    edited = "**Subject:** Mine\n\nDear all,\n\nI have changed my mind about *this*.\n\nYours,"
    text = "\n".join(read_pdf_pages(make(stationery, message_id, "pdf", text=edited).data))
    assert "Mine" in text and "changed my mind" in text and "hereby cancel" not in text
    assert list_files(store, message_id) == [("pdf", True, None, None)]


def test_text_sent_as_it_was_is_not_edited(store: Store, stationery: Stationery) -> None:
    """Who sends the draft's own text has changed nothing."""
    message_id = add_kind(store, "cancellation")
    make(stationery, message_id, "docx", text=read(store, message_id).content + "\n")
    assert list_files(store, message_id) == [("docx", False, None, None)]


def test_draft_without_a_subject_takes_the_forms(store: Store, stationery: Stationery) -> None:
    """Where the text names no subject, the file has that of the form."""
    message_id = add_kind(store, "cancellation")
    made = make(stationery, message_id, "docx", text="Dear all,\n\nNo subject here.\n\nYours,")
    paragraphs = [paragraph.text for paragraph in Document(io.BytesIO(made.data)).paragraphs]
    assert any("Cancellation of contract no." in text for text in paragraphs)


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"format": "eml"}, InvalidRequest, "can become docx, odt, pdf"),
        ({"format": "exe"}, InvalidRequest, "can become docx, odt, pdf"),
        ({"text": " \u200b"}, InvalidRequest, "text: it is empty"),
        ({"text": "x" * (LONGEST_TEXT + 1)}, MessageTooLong, "20,?000"),
        ({"sender": {"sender_email": "anne"}}, InvalidForm, "Your e-mail"),
        ({"sender": {"contract": "x"}}, InvalidForm, "contract"),
        ({"tester": "alpha-2"}, UnknownMessage, "no message"),
        ({"message_id": "nothing"}, UnknownMessage, "no message"),
    ],
)
def test_what_cannot_be_made_is_refused(
    store: Store, stationery: Stationery, values: dict[str, Any], error: type[Exception], words: str
) -> None:
    """A wrong format, text or sender, and another's draft, are refused by name, and nothing is recorded."""
    message_id = add_kind(store, "cancellation")
    wanted = {"message_id": message_id, "format": "pdf"} | values
    with pytest.raises(error, match=words):
        make(stationery, wanted.pop("message_id"), wanted.pop("format"), **wanted)
    assert list_files(store, message_id) == []


@pytest.mark.parametrize("status", ["refused", "failed", "interrupted"])
def test_what_is_no_draft_makes_no_file(store: Store, stationery: Stationery, status: str) -> None:
    """Neither a refusal nor a failed answer is a letter; nor is an answer from the documentation."""
    message_id = add_draft(store, [], "Dear all,", status=status)
    with pytest.raises(UnknownMessage):
        make(stationery, message_id, "pdf")


def test_answer_from_the_documents_makes_no_file(store: Store, stationery: Stationery, folder: Path) -> None:
    """An assistant that writes no drafts has no files; of one that is gone nothing is made."""
    with pytest.raises(UnknownMessage):
        make(stationery, add_draft(store, [], "It is 4180.", assistant="support"), "pdf")
    with pytest.raises(UnknownAssistant):
        make(stationery, add_draft(store, [], "Dear all,", assistant="gone"), "pdf")


def test_stopped_draft_is_a_letter_as_far_as_it_goes(store: Store, stationery: Stationery) -> None:
    """What was stopped can be kept; of nothing there is no file. A kind that is gone is laid out as a letter."""
    entries = [FormEntry("document", "gone", "choice"), FormEntry("recipient_name", "Anne Quux", "text")]
    message_id = add_draft(store, entries, "**Subject:** Half\n\nDear", status="stopped")
    made = make(stationery, message_id, "pdf")
    assert made.name == "letter.pdf"
    assert "Half" in read_pdf_pages(made.data)[0] and "Anne Quux" in read_pdf_pages(made.data)[0]
    with pytest.raises(InvalidRequest, match="empty"):
        make(stationery, add_draft(store, entries, "", status="stopped"), "pdf")


def test_published_template_is_what_is_filled(store: Store, stationery: Stationery, clock: Clock) -> None:
    """With a template in force its format is the filled file, under its version; other formats are laid out as ever."""
    entries = [
        FormEntry("document", "note", "choice"),
        FormEntry("day", "2026-12-01", "date"),
        FormEntry("amount", "12.5", "number"),
        FormEntry("paid", "true", "checkbox"),
        FormEntry("tone", "warm", "choice"),
    ]
    message_id = add_draft(store, entries, "**Subject:** Tea\n\nDear *all*,\n\nCome.", assistant="notes")
    head = "{{ sender_name }}|{{ subject }}|{{ day }}|{{ tone }}|{{ tone_label }}|{{ signature }}"
    publish(store, "docx", make_document(head, "{{ body }}"))
    made = make(stationery, message_id, "docx", sender={"sender_name": "Anne"})
    texts = [paragraph.text for paragraph in Document(io.BytesIO(made.data)).paragraphs]
    assert texts[0] == "Anne|Tea|1 December 2026|warm|Very warm|Anne"
    assert texts[1].split() == ["Dear", "all,", "Come."]
    assert make(stationery, message_id, "pdf").data.startswith(b"%PDF")
    with pytest.raises(InvalidRequest, match="no template is published"):
        make(stationery, message_id, "xlsx")
    cells = {"A1": "{{ amount }}", "B1": "{{ day }}", "C1": "{{ paid }}", "D1": "{{ today }}"}
    clock.advance(minutes=1)
    publish(store, "xlsx", make_workbook(cells), base=1)
    clock.advance(minutes=1)
    sheet = load_workbook(io.BytesIO(make(stationery, message_id, "xlsx").data)).active
    assert sheet is not None
    assert sheet["A1"].value == 12.5
    assert sheet["B1"].value.date() == date(2026, 12, 1)
    assert sheet["D1"].value.date() == clock().date()
    # The template in force is a workbook now: the document is laid out again.
    assert zipfile.ZipFile(io.BytesIO(make(stationery, message_id, "docx").data)).testzip() is None
    recorded = sorted(list_files(store, message_id), key=str)
    assert recorded == sorted(
        [
            ("docx", False, "our_note", 1),
            ("pdf", False, None, None),
            ("xlsx", False, "our_note", 2),
            ("docx", False, None, None),
        ],
        key=str,
    )


async def test_workbook_is_offered_while_there_is_one(store: Store, assistants: Assistants) -> None:
    """A draft is not said to become a workbook before one to be filled in is published."""
    (document,) = assistants.get("notes").documents
    assert await list_formats(store, document) == ("docx", "pdf")
    publish(store, "docx", make_document("{{ body }}"))
    assert await list_formats(store, document) == ("docx", "pdf")
    publish(store, "xlsx", make_workbook({"A1": "{{ amount }}"}), base=1)
    assert await list_formats(store, document) == ("docx", "xlsx", "pdf")
    assert await list_formats(store, None) == ("docx", "odt", "pdf")


def test_value_of_another_type_is_a_text(store: Store, stationery: Stationery) -> None:
    """Of a thread that is older than the form's types what was filled in goes into the template as it stands."""
    entries = [
        FormEntry("document", "note", "choice"),
        FormEntry("day", "soon", "text"),
        FormEntry("amount", "a lot", "text"),
    ]
    message_id = add_draft(store, entries, "Dear all,", assistant="notes")
    publish(store, "docx", make_document("{{ day }}, {{ amount }}"))
    made = make(stationery, message_id, "docx")
    assert Document(io.BytesIO(made.data)).paragraphs[0].text == "soon, a lot"


def test_templates_may_name_every_field(assistants: Assistants) -> None:
    """A template's fields may be those of all forms, the sender's too, a choice's words, and the letter's parts."""
    names = list_template_fields(assistants)
    expected = {
        "contract_number",
        "sender_name",
        "recipient_name",
        "tone",
        "tone_label",
        "body",
        "subject",
        "today",
    }
    assert expected <= names
    assert "contract_number_label" not in names


def test_subject_is_read_back(store: Store, stationery: Stationery) -> None:
    """The subject of a mail is the draft's own."""
    message_id = add_kind(store, "information_request", "fr")
    made = make(stationery, message_id, "eml", sender=SENDER["fr"], language="fr")
    mail = email.message_from_bytes(made.data, policy=policy.default)
    assert mail["Subject"] == read_draft(read(store, message_id).content)[0]
    assert SENDER["fr"]["sender_email"] in mail["From"]
