"""Letters that the tests lay out: French, English, hostile, and the drafts of all kinds that ship."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from pypdf import PdfReader

from chatbot.assistants.definition import Assistant, DocumentKind, parse_assistant
from chatbot.assistants.form import check_form
from chatbot.assistants.wording import write_wording
from chatbot.letters.letter import Letter, build_letter, write_draft
from chatbot.markup import escape_markdown
from chatbot.writing import prepare_values
from tests.chatbot.letters.forms import SENDER, fill_form
from tests.conftest import ROOT

TODAY = date(2026, 11, 22)
FRENCH_DRAFT = """**Objet :** Résiliation du contrat n° 4711-B

Madame, Monsieur,

Je vous informe de ma décision de **résilier** ce contrat au *31 décembre 2026*. Je vous prie donc :

- de me confirmer la date de fin ;
- de cesser tout prélèvement
  1. sur mon compte courant,
  2. sur mon livret.

Je vous prie d'agréer, Madame, Monsieur, l'expression de mes salutations distinguées.
"""
ENGLISH_DRAFT = """**Subject:** Complaint about order no. 88-120

Dear Ms Hargreaves,

On 3 November I ordered a **kettle**. It does *not* heat.

1. I have followed the manual.
2. I have tried another socket.

Please replace it by 30 November 2026.

Yours sincerely,
"""
HOSTILE = "<b>x</b> &lt; <w:p/> ]]> {{ 7*7 }} \x00\ud800\x07\x85\ufffe\u202eevil 😀 漢字 العربية שלום"
LONG_WORD = "x" * 60_000


def make_french(**changes: str) -> Letter:
    """Give a French letter with all its parts; changes are values of the form."""
    values = {
        "recipient_name": "Assurances du Rhône",
        "recipient_address": "Service clients\n12, rue de la République\n69002 LYON",
        "place": "Lyon",
        "date": "2026-12-01",
        "reference": "AR-2291",
        "enclosures": "Copie du contrat\nRelevé d'identité bancaire",
    }
    return build_letter(FRENCH_DRAFT, values | changes, SENDER["fr"], "fr")


def make_english(**changes: str) -> Letter:
    """Give an English letter with all its parts; changes are values of the form."""
    values = {
        "recipient_name": "Ms Joan Hargreaves",
        "recipient_address": "Teapots & Kettles Ltd\n4 Harbour Street\nLEEDS\nLS1 4AB",
        "date": "2026-11-22",
        "reference": "TK-88",
        "enclosures": "Copy of the invoice",
    }
    return build_letter(ENGLISH_DRAFT, values | changes, SENDER["en"], "en")


def make_hostile() -> Letter:
    """Give a letter in which every part holds what breaks files, and a word of 60,000 characters."""
    values = dict.fromkeys(("recipient_name", "place", "reference", "enclosures"), HOSTILE)
    values |= {"recipient_address": f"{LONG_WORD}\n{HOSTILE}", "date": "2026-13-45"}
    sender = {"sender_name": HOSTILE, "sender_address": HOSTILE}
    draft = f"**Subject:** {HOSTILE}\n\nDear all,\n\n{HOSTILE}\n\n{LONG_WORD}\n\nYours,"
    return build_letter(draft, values, sender, "en")


@cache
def read_writer() -> Assistant:
    """Give the assistant that ships with the product."""
    source = ROOT / "data" / "assistants" / "letters.yaml"
    return parse_assistant(source.read_text(encoding="utf-8"), "letters")


def draft_kind(
    document: DocumentKind, language: str, *, is_full: bool = True, **changes: str
) -> tuple[str, dict[str, str]]:
    """Give the offline draft of a kind and the checked values of its form.

    Args:
        is_full: every field is filled in; else only those that are required.
        changes: values of the form, such as `tone`.
    """
    fields = read_writer().list_fields(document)
    filled: Mapping[str, Any] = {**fill_form(document.name, language), **changes}
    given = {
        field.name: filled[field.name]
        for field in fields
        if field.name in filled and (is_full or field.required or field.name in changes)
    }
    values = {entry.field: entry.value for entry in check_form(fields, given, language, today=TODAY)}
    known = {
        name: escape_markdown(value) if isinstance(value, str) else value
        for name, value in prepare_values(fields, values, language, today=TODAY).items()
    }
    subject = write_wording(document.subject["fr" if language == "fr" else "en"], known)
    body = write_wording(document.text["fr" if language == "fr" else "en"], known)
    return write_draft(subject, body, language), values


def read_pdf_pages(data: bytes) -> list[str]:
    """Give the text of each page."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]


def squeeze(text: str) -> str:
    """Give text without differences of white space, for comparing what formats break into lines differently."""
    return " ".join(text.split())


def find_place(data: bytes, start: str) -> tuple[int, float, float]:
    """Find where a line of a PDF begins.

    Returns:
        Page from 1; millimetres from the left edge, and from the top edge to the baseline.
    """
    for number, page in enumerate(PdfReader(io.BytesIO(data)).pages, 1):
        found: list[tuple[float, float]] = []

        def visit(text: str, user: Any, matrix: Any, _font: Any, _size: Any, found: Any = found) -> None:
            if text.strip().startswith(start):
                x = matrix[4] * user[0] + user[4]
                found.append((x / 72 * 25.4, 297 - (matrix[5] * user[3] + user[5]) / 72 * 25.4))

        page.extract_text(visitor_text=visit)
        if found:
            return number, *found[0]
    raise AssertionError(f"no line begins with {start!r}")
