"""An .odt has the letter's parts in named styles, real lists, its language and its metadata."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from odfdo import Document

from chatbot.letters.letter import Letter
from chatbot.letters.odt import write_odt
from tests.chatbot.letters.samples import LONG_WORD, make_english, make_french, make_hostile


def read(letter: Letter) -> Document:
    """Write a letter and read it back."""
    return Document(io.BytesIO(write_odt(letter)))


def test_parts_are_in_styles_of_their_names() -> None:
    """Whoever edits the letter finds its parts among the styles."""
    document = read(make_french())
    found = {}
    for paragraph in document.body.paragraphs:
        style = document.get_style("paragraph", paragraph.style)
        if style is not None and not style.get_attribute("style:display-name"):
            style = document.get_style("paragraph", str(style.get_attribute("style:parent-style-name")))
        if style is not None:
            found[str(style.get_attribute("style:display-name"))] = paragraph.text_recursive
    assert found["Destinataire"] == "69002 LYON"
    assert found["Lieu et date"] == "Lyon, le 1er décembre 2026"
    assert found["Objet"] == "Objet\u00a0: Résiliation du contrat n° 4711-B"
    assert found["Signataire"] == "Camille Dupré"


@pytest.mark.parametrize(("letter", "locale"), [(make_french(), "fr-FR"), (make_english(), "en-GB")])
def test_language_and_metadata_are_the_letters_own(letter: Letter, locale: str) -> None:
    """The spelling is checked in the letter's language; title and author are set."""
    document = read(letter)
    assert (document.meta.title, document.meta.creator) == (letter.subject, letter.signature)
    assert (document.meta.language, document.meta.generator) == (locale, "Guichet")
    text = document.styles.get_element(
        "//style:default-style[@style:family='paragraph']/style:text-properties"
    )
    assert text is not None
    assert f"{text.get_attribute('fo:language')}-{text.get_attribute('fo:country')}" == locale


def test_lists_are_lists_with_their_numbers() -> None:
    """Items are items of lists, nested as in the text, each numbered one with its number."""
    letter = replace(make_english(), body="- a\n\n  5. b\n  6. c\n\ntext **bold**")
    document = read(letter)
    items = document.body.get_elements("//text:list-item[text:p]")
    assert [item.text_recursive.strip() for item in items] == ["a", "b", "c"]
    assert [item.get_attribute("text:start-value") for item in items] == [None, "5", "6"]
    assert len(document.body.get_elements("//text:list/text:list-item/text:list")) == 2
    assert [span.text_recursive for span in document.body.spans][-1] == "bold"


def test_hostile_text_stays_text() -> None:
    """What looks like markup or cannot be in XML neither breaks the file nor becomes part of it."""
    texts = [paragraph.text_recursive for paragraph in read(make_hostile()).body.paragraphs]
    assert LONG_WORD in texts
    assert any("<b>x</b> &lt; <w:p/> ]]> {{ 7*7 }} evil 😀 漢字 العربية שלום" in text for text in texts)
    assert not any(re.search("[\x00-\x08\ud800-\udfff\ufffe\u202e]", text) for text in texts)
