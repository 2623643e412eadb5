"""A .docx has the letter's parts in named styles, real lists, its language and its metadata."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from zipfile import ZipFile

import pytest
from docx import Document
from docx.shared import Mm
from docx.text.paragraph import Paragraph

from chatbot.letters.docx import write_docx
from chatbot.letters.letter import Letter
from tests.chatbot.letters.samples import LONG_WORD, make_english, make_french, make_hostile


def read(letter: Letter) -> list[Paragraph]:
    """Write a letter and read its paragraphs back."""
    return Document(io.BytesIO(write_docx(letter))).paragraphs


def test_parts_are_in_styles_of_their_names() -> None:
    """Whoever edits the letter changes a style, and with it all that looks alike."""
    styles = {paragraph.style.name: paragraph.text for paragraph in read(make_french()) if paragraph.style}
    assert styles["Destinataire"] == "69002 LYON"
    assert styles["Lieu et date"] == "Lyon, le 1er décembre 2026"
    assert styles["Objet"] == "Objet\u00a0: Résiliation du contrat n° 4711-B"
    assert styles["Signataire"] == "Camille Dupré"
    assert "Letter subject" in {paragraph.style.name for paragraph in read(make_english()) if paragraph.style}


def test_page_is_a4_with_numbers_from_the_second_page() -> None:
    """A4, margins of 2.5 and 2 cm; the first page has a footer of its own, which is empty."""
    section = Document(io.BytesIO(write_docx(make_french()))).sections[0]
    assert section.page_width and abs(section.page_width - Mm(210)) < Mm(0.2)
    assert section.page_height and abs(section.page_height - Mm(297)) < Mm(0.2)
    assert section.left_margin and abs(section.left_margin - Mm(25)) < Mm(0.2)
    assert section.top_margin and abs(section.top_margin - Mm(20)) < Mm(0.2)
    assert section.different_first_page_header_footer
    assert section.first_page_footer.paragraphs[0].text == ""
    assert "PAGE" in section.footer._element.xml


@pytest.mark.parametrize(("letter", "locale"), [(make_french(), "fr-FR"), (make_english(), "en-GB")])
def test_language_and_metadata_are_the_letters_own(letter: Letter, locale: str) -> None:
    """The spelling is checked in the letter's language; title and author are set, the library is not named."""
    data = write_docx(letter)
    properties = Document(io.BytesIO(data)).core_properties
    assert (properties.title, properties.author) == (letter.subject, letter.signature)
    assert (properties.language, properties.comments) == (locale, "")
    assert letter.date and properties.created and properties.created.date() == letter.date
    with ZipFile(io.BytesIO(data)) as archive:
        assert f'w:lang w:val="{locale}"' in archive.read("word/styles.xml").decode()


def test_lists_are_lists_and_each_begins_anew() -> None:
    """Two numbered lists have two numberings, each from its own first number; bold and italic are runs."""
    letter = replace(make_english(), body="1. a\n2. b\n\ntext **bold** *italic*\n\n5. c\n6. d\n\n- e")
    paragraphs = read(letter)
    numberings = {}
    for paragraph in paragraphs:
        properties = paragraph._p.pPr.numPr if paragraph._p.pPr is not None else None
        if properties is not None and properties.numId is not None:
            numberings[paragraph.text] = properties.numId.val
    assert numberings["a"] == numberings["b"] != numberings["c"] == numberings["d"] != numberings["e"]
    numbering = Document(io.BytesIO(write_docx(letter))).part.numbering_part.element.xml
    assert re.findall(r'w:startOverride w:val="(\d+)"', numbering) == ["1", "5"]
    runs = {run.text: run for paragraph in paragraphs for run in paragraph.runs}
    assert runs["bold"].bold and runs["italic"].italic and not runs["text "].bold


def test_hostile_text_stays_text() -> None:
    """What looks like markup or cannot be in XML neither breaks the file nor becomes part of it."""
    texts = [paragraph.text for paragraph in read(make_hostile())]
    assert LONG_WORD in texts
    assert any("<b>x</b> &lt; <w:p/> ]]> {{ 7*7 }} evil 😀 漢字 العربية שלום" in text for text in texts)
    assert not any(re.search("[\x00-\x08\ud800-\udfff\ufffe\u202e]", text) for text in texts)
