"""A letter's Markdown is read into paragraphs and lists; what is no prose keeps its text."""

from __future__ import annotations

from chatbot.letters.prose import Span, read_prose


def test_bold_and_italic_are_kept_and_code_is_text() -> None:
    """Looks of a letter are bold and italic; anything else is the text it shows."""
    (paragraph,) = read_prose("a **b _c_** `d`", "en")
    assert paragraph.spans == (
        Span("a "),
        Span("b ", bold=True),
        Span("c", bold=True, italic=True),
        Span(" "),
        Span("d"),
    )


def test_lists_know_their_numbers_levels_and_beginnings() -> None:
    """Each item carries what it takes to number it without its neighbours."""
    items = read_prose("- a\n\n  3. b\n  4. c\n\n     more\n- d\n\ntext\n\n1. e", "en")
    assert [
        (item.role, item.text, item.level, item.number, item.is_list_start, item.is_continued)
        for item in items
    ] == [
        ("item", "a", 1, None, True, False),
        ("item", "b", 2, 3, True, False),
        ("item", "c", 2, 4, False, False),
        ("item", "more", 2, 4, False, True),
        ("item", "d", 1, None, False, False),
        ("text", "text", 0, None, False, False),
        ("item", "e", 1, 1, True, False),
    ]


def test_nothing_of_a_table_a_link_or_raw_html_is_lost() -> None:
    """What a letter cannot show as such is there as text."""
    texts = [
        paragraph.text
        for paragraph in read_prose(
            "| a | b |\n|---|---|\n| 1 | 2 |\n\n[shop](https://shop.example)\n\n<b>x</b>\n\n> said", "en"
        )
    ]
    assert texts == ["a | b", "1 | 2", "shop (https://shop.example)", "<b>x</b>", "said"]


def test_french_signs_stay_with_their_words() -> None:
    """No line of a French letter ends before a colon or within quotation marks; English is left as it is."""
    source = "Voici : « oui » ; 20 % ? 5 €."
    assert read_prose(source, "fr")[0].text == (
        "Voici\u00a0: «\u00a0oui\u00a0»\u00a0; 20\u00a0%\u00a0? 5\u00a0€."
    )
    assert read_prose(source, "en")[0].text == source
