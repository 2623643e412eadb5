"""Every kind of letter and mail reads well in both languages, and nothing of its form is lost in any file."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import product

import pytest
from docx import Document
from odfdo import Document as OdfDocument

from apps.chat.writing_texts import WORDS
from chatbot.assistants.definition import DocumentKind
from chatbot.letters.dates import read_date, write_date
from chatbot.letters.docx import write_docx
from chatbot.letters.letter import Letter, build_letter
from chatbot.letters.mail import write_eml
from chatbot.letters.odt import write_odt
from chatbot.letters.pdf import render_letter_pdf
from chatbot.writing import WISHES
from tests.chatbot.letters.forms import KINDS, SENDER
from tests.chatbot.letters.samples import draft_kind, read_pdf_pages, read_writer
from tests.conftest import ROOT

DOCUMENTS = read_writer().documents
LANGUAGES = ("en", "fr")
LENGTHS = ("normal", "short")
TONES = ("formal", "neutral", "friendly")
HEADERS = frozenset({"recipient_name", "recipient_address", "recipient_email", "place", "date", "reference"})
CLOSINGS = {
    "en": {"Yours sincerely,", "Yours faithfully,", "Kind regards,", "Best wishes,"},
    "fr": {"Bien cordialement,", "Cordialement,", "Salutations distinguées,"},
}
# What a template leaves behind where a value was missing or an expression went wrong.
BLEMISHES = {
    "a place that was not filled in": r"\{\{|\}\}|\{%|%\}|None|Undefined",
    "two blanks": r"(?<!\n)[ \u00a0]{2,}",
    "a blank before a comma or full stop": r"[ \u00a0][,.](?!\w)",
    "a blank at the end of a line": r"[ \u00a0]+\n",
    "empty brackets": r"\(\s*\)|°\s*[,.)]",
    "two full stops or commas": r"\.\.|,,|,\.|\?\.|:\.",
    "an empty item": r"(?m)^-\s*$",
    "two empty lines": r"\n\n\n",
}


def pack(text: str) -> str:
    """Give text without white space, which each format breaks into lines in its own way."""
    return "".join(text.split())


def list_values(document: DocumentKind, values: dict[str, str], language: str) -> Iterator[str]:
    """Give what must be found of a form: dates written out, long texts by lines; choices have words of their own."""
    for field in read_writer().list_fields(document):
        value = values.get(field.name, "")
        if not value or field.type in ("choice", "checkbox") or field.name == "recipient_email":
            continue
        if field.type == "date":
            day = read_date(value)
            assert day is not None
            yield write_date(day, language)
        else:
            yield from value.split("\n")


def read_files(letter: Letter) -> Iterator[tuple[str, str]]:
    """Write a letter in every format and give the text that a reader of the file finds."""
    document = Document(io.BytesIO(write_docx(letter)))
    yield "docx", "\n".join(paragraph.text for paragraph in document.paragraphs)
    odf = OdfDocument(io.BytesIO(write_odt(letter)))
    yield "odt", "\n".join(paragraph.text_recursive for paragraph in odf.body.paragraphs)
    yield "pdf", "\n".join(read_pdf_pages(render_letter_pdf(letter)))


def read_mail(letter: Letter) -> str:
    """Write a mail and give its subject and its text."""
    message = message_from_bytes(write_eml(letter), policy=default)
    assert isinstance(message, EmailMessage)
    plain = message.get_body(("plain",))
    assert plain is not None
    return f"{message['Subject']}\n{message['To']}\n{plain.get_content()}"


def test_forms_of_the_tests_are_those_of_the_kinds() -> None:
    """A new kind is tested: it has a form in `forms.py`."""
    assert tuple(document.name for document in DOCUMENTS) == KINDS
    assert len(KINDS) >= 12


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_value_of_the_form_is_in_every_file(document: DocumentKind, language: str) -> None:
    """Subject, places, salutation, each value, closing formula and name are there, in this order."""
    text, values = draft_kind(document, language)
    letter = build_letter(text, values, SENDER[language], language)
    wanted = [pack(value) for value in list_values(document, values, language)]
    salutation = pack("Dear Ms Hargreaves," if language == "en" else "Madame la Directrice,")
    closing = pack(letter.body.split("\n")[-1])
    assert letter.subject
    for name, found in read_files(letter):
        packed = pack(found)
        assert [value for value in wanted if value not in packed] == [], name
        assert packed.count(pack(letter.subject)) >= 1, name
        for line in SENDER[language]["sender_address"].split("\n"):
            assert pack(line) in packed, name
        places = [packed.find(salutation), packed.rfind(closing), packed.rfind(pack(letter.signature))]
        assert -1 < places[0] < places[1] < places[2], name
    mail = pack(read_mail(letter))
    own = [pack(value) for value in list_values(document, values, language)]
    headers = {pack(line) for name in HEADERS for line in values.get(name, "").split("\n")}
    headers |= {pack(line) for line in values.get("enclosures", "").split("\n")} | {
        pack(write_date(letter.date, language)) if letter.date else ""
    }
    assert [value for value in own if value not in mail and value not in headers] == []
    assert salutation in mail and pack(letter.signature) in mail


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_drafts_have_no_blemish_however_the_form_is_filled_in(document: DocumentKind, language: str) -> None:
    """Full or with the least, in each tone and length, to anybody: no gap, no double blank, no lone sign."""
    faults = []
    for is_full, tone, length in product((True, False), TONES, LENGTHS):
        for civility, addressee in (("unknown", ""), ("ms", "Lee"), ("unknown", "Sam")):
            changes = {"tone": tone, "length": length, "civility": civility, "addressee": addressee}
            draft, _ = draft_kind(document, language, is_full=is_full, **changes)
            faults += [
                f"{name}: {found[0]!r} in {changes}"
                for name, pattern in BLEMISHES.items()
                if (found := re.search(pattern, draft))
            ]
    assert faults == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_tone_and_length_are_heard(document: DocumentKind, language: str) -> None:
    """Three tones are three texts, and the short one is shorter than the normal one, however the form is filled in."""
    for is_full in (True, False):
        drafts = {
            (tone, length): draft_kind(document, language, is_full=is_full, tone=tone, length=length)[0]
            for tone in TONES
            for length in LENGTHS
        }
        assert len(set(drafts.values())) == len(drafts)
        for tone in TONES:
            assert len(drafts[tone, "short"]) < len(drafts[tone, "normal"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_salutation_and_closing_go_together(document: DocumentKind) -> None:
    """In English a name asks for "sincerely"; in French the closing formula takes up the words of the salutation."""
    for civility, addressee, dear in (("ms", "Lee", "Dear Ms Lee,"), ("mr", "", "Dear Sir,")):
        draft, _ = draft_kind(document, "en", tone="formal", civility=civility, addressee=addressee)
        lines = draft.split("\n")
        assert dear in lines
        expected = "Yours sincerely," if addressee else "Yours faithfully,"
        assert lines[-1] == ("Kind regards," if document.layout == "mail" else expected)
    for tone in TONES:
        for civility, addressee, appel in (
            ("mr", "le Maire", "Monsieur le Maire,"),
            ("unknown", "", "Madame, Monsieur,"),
        ):
            draft, _ = draft_kind(document, "fr", tone=tone, civility=civility, addressee=addressee)
            lines = draft.split("\n")
            if tone == "friendly":
                assert f"Bonjour {addressee}".strip() + "," in lines
            else:
                assert appel in lines
            assert lines[-1] in CLOSINGS["fr"] or f"agréer, {appel}" in lines[-1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_french_has_its_no_break_spaces(document: DocumentKind) -> None:
    """No line of a French draft can end before a sign of two parts, or within quotation marks."""
    for tone in TONES:
        draft, _ = draft_kind(document, "fr", is_full=False, tone=tone)
        # What a tester typed is his; the layout sees to it.
        assert (
            re.findall(r" [;:!?»]|« | €|n° ", draft.replace("Quel est leur prix ?", "").replace("ils ?", ""))
            == []
        )


def test_every_kind_is_described_in_both_languages() -> None:
    """Titles, descriptions, labels, help and choices: a reader of either language misses nothing."""
    writer = read_writer()
    fields = [*writer.form, *(field for document in writer.documents for field in document.form)]
    texts = [
        *(writer.title, writer.description, writer.greeting),
        *(text for document in DOCUMENTS for text in (document.title, document.description)),
        *(text for document in DOCUMENTS for text in (document.subject, document.text)),
        *(field.label for field in fields),
        *(field.help for field in fields if field.help),
        *(choice.label for field in fields for choice in field.choices),
    ]
    assert [text for text in texts if set(text) != set(LANGUAGES)] == []
    assert all(document.instructions for document in DOCUMENTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_for_testers_names_what_they_see(language: str) -> None:
    """What stands in bold on the knowledge's page of letters is a title, a wish or a button."""
    text = (ROOT / "data" / "knowledge" / language / "letters.md").read_text(encoding="utf-8")
    named = {" ".join(label.split()) for label in re.findall(r"\*\*(.+?)\*\*", text, re.DOTALL)}
    seen = {*WORDS[language].values(), *(wish.say(language) for wish in WISHES)}
    assert named
    assert named <= {*seen, read_writer().title["fr" if language == "fr" else "en"]}
