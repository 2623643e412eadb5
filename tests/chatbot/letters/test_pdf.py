"""A letter's PDF has every part in its place, numbers its pages, and lets nothing break it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from chatbot.errors import ReportFailed
from chatbot.letters.letter import Letter
from chatbot.letters.pdf import render_letter_pdf
from tests.chatbot.letters.samples import (
    find_place,
    make_english,
    make_french,
    make_hostile,
    read_pdf_pages,
    squeeze,
)

FILLER = "\n\n".join(
    ["Four of the six lamps have been out since the third of October, and nobody came. " * 4] * 12
)


@pytest.mark.parametrize(
    ("letter", "recipient_mm", "date_mm", "signature_mm"),
    [(make_french(), 110, 110, 110), (make_english(), 25, 110, 25)],
)
def test_parts_stand_where_the_country_has_them(
    letter: Letter, recipient_mm: float, date_mm: float, signature_mm: float
) -> None:
    """The recipient is seen through an envelope's window; date and signature are on their sides."""
    data = render_letter_pdf(letter)
    first = find_place(data, letter.recipient[0])
    last = find_place(data, letter.recipient[-1] if letter.language == "en" else "12, rue")
    assert first[1] == last[1] == pytest.approx(recipient_mm, abs=0.5)
    assert 55 < first[2] < last[2] < 83
    assert find_place(data, "Lyon, le" if letter.language == "fr" else "22 November")[1] == pytest.approx(
        date_mm, abs=0.5
    )
    reader = PdfReader(io.BytesIO(data))
    signature = letter.signature
    text = reader.pages[0].extract_text()
    assert text.count(signature) == 2
    assert text.rindex(signature) > text.index("sincerely" if letter.language == "en" else "distinguées")


def test_pages_are_numbered_from_the_second() -> None:
    """A letter of one page has no number, a longer one has them below all pages but the first."""
    assert not read_pdf_pages(render_letter_pdf(make_english()))[0].rstrip().endswith("1 / 1")
    letter = replace(make_english(), body=f"Dear Ms Hargreaves,\n\n{FILLER}\n\nYours sincerely,")
    pages = read_pdf_pages(render_letter_pdf(letter))
    assert len(pages) == 2
    assert "1 / 2" not in pages[0]
    assert pages[1].rstrip().endswith("2 / 2")


@pytest.mark.parametrize("lines", range(20, 44, 3))
def test_signature_never_stands_alone_on_a_page(lines: int) -> None:
    """The closing formula, the name and a few enclosures are on one page, wherever the text ends."""
    body = "Dear all,\n\n" + "\n\n".join(["A line."] * lines) + "\n\nYours sincerely,"
    last = read_pdf_pages(render_letter_pdf(replace(make_english(), body=body)))[-1]
    assert last.index("Yours sincerely") < last.index("Alex Morgan", last.index("Yours sincerely"))
    assert "Enc." in last


@pytest.mark.parametrize(("letter", "locale"), [(make_french(), "fr-FR"), (make_english(), "en-GB")])
def test_language_and_metadata_are_the_letters_own(letter: Letter, locale: str) -> None:
    """Readers speak it in the letter's language; title and author are set."""
    reader = PdfReader(io.BytesIO(render_letter_pdf(letter)))
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == (letter.subject, letter.signature)
    assert reader.trailer["/Root"]["/Lang"] == locale


def test_hostile_text_stays_text() -> None:
    """What looks like markup is drawn as it is; a word of 60,000 characters flows over pages."""
    pages = read_pdf_pages(render_letter_pdf(make_hostile()))
    assert "<b>x</b> &lt; <w:p/> ]]> {{ 7*7 }} evil" in squeeze(pages[0])
    assert sum(page.count("x" * 20) for page in pages) > 2_000


def test_layout_that_takes_too_long_is_given_up() -> None:
    """A deadline ends it, and the message names the remedy."""
    with pytest.raises(ReportFailed, match="Shorten it"):
        render_letter_pdf(make_hostile(), deadline_s=0)
