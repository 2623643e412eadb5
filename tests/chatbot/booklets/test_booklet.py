"""What a story's titles and texts hold is made fit for a page, whatever the model wrote."""

from __future__ import annotations

from chatbot.booklets.booklet import MAX_TITLE, Booklet, Chapter, language_of, list_chapters, title_of


def test_chapters_without_a_title_are_numbered() -> None:
    """A chapter whose title would not be seen is named by its number, in the story's language."""
    chapters = (Chapter("Un", "a"), Chapter(" \u200b", "b"), Chapter("\x00\x08", "c"))
    titles = [
        [chapter.title for chapter in list_chapters(Booklet("T", "", tag, chapters))] for tag in ("fr", "en")
    ]
    assert titles == [["Un", "Chapitre 2", "Chapitre 3"], ["Un", "Chapter 2", "Chapter 3"]]


def test_texts_are_cleaned_of_what_no_file_holds() -> None:
    """Control characters, lone surrogates, non-characters and what turns the order of signs go; all else stays."""
    text = "\u202ea\r\nb\rc\x0b\x00\x1b\ufffe\ud800\td 中文 🌙"
    assert list_chapters(Booklet("T", "", "en", (Chapter("C", text),)))[0].text == "a\nb\nc\n\td 中文 🌙"


def test_titles_fit_a_page() -> None:
    """Titles are one line of bounded length; an empty one is replaced."""
    long = title_of(Booklet("long " * 200, "", "en", ()))
    assert len(long) <= MAX_TITLE
    assert long.endswith("…")
    assert title_of(Booklet(" \u200b", "", "fr", ())) == "Une histoire"
    assert title_of(Booklet("a\nb", "", "en", ())) == "a b"


def test_language_is_a_tag() -> None:
    """What is no language's tag is English."""
    tags = [language_of(Booklet("a", "", tag, ())) for tag in ("fr", "pt-BR", "", "français", 'fr"')]
    assert tags == ["fr", "pt-BR", "en", "en", "en"]
