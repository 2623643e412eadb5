"""The messages of a story become chapters, whatever shape the model gave them."""

from __future__ import annotations

from chatbot.booklets.booklet import MAX_TITLE, Booklet, Chapter, language_of, read_chapters, title_of


def test_each_message_is_a_chapter() -> None:
    """Its heading is the title, in plain text; the rest is the text."""
    chapters = read_chapters(["## The *old* `fox`\n\nOnce.\n\nThen.\n", "\n\nSecond\n---\nAfter."])
    assert chapters == (Chapter("The old fox", "Once.\n\nThen."), Chapter("Second", "After."))


def test_message_without_heading_gets_a_number() -> None:
    """A chapter without a title is named by its number, in the story's language."""
    assert [chapter.title for chapter in read_chapters(["a", "## B\n\nb", "c"])] == [
        "Chapter 1",
        "B",
        "Chapter 3",
    ]
    assert read_chapters(["a"], language="fr")[0].title == "Chapitre 1"


def test_several_chapters_in_a_message() -> None:
    """A message of several headings is several chapters; a title with nothing below it is none."""
    text = "# The book\n\n## One\n\na\n\n### Part\n\nb\n\n## Two\n\n```\n## no heading\n```\n\n> ## quoted\n"
    chapters = read_chapters([text])
    assert chapters == (
        Chapter("One", "a\n\n### Part\n\nb"),
        Chapter("Two", "```\n## no heading\n```\n\n> ## quoted"),
    )


def test_text_before_the_first_heading_is_kept() -> None:
    """What a model says before the heading is a chapter of its own, not lost."""
    assert [chapter.text for chapter in read_chapters(["Here it is:\n\n## One\n\na"])] == ["Here it is:", "a"]


def test_empty_messages_are_left_out() -> None:
    """White space and headings alone make no chapter."""
    assert read_chapters(["", " \n\u200b", "## Alone", "## \n\nx"]) == (Chapter("Chapter 1", "x"),)


def test_titles_fit_a_page() -> None:
    """Titles are one line of bounded length, without control characters; an empty one is replaced."""
    chapter = read_chapters(["## " + "long " * 200 + "\x00\x08\n\nx"])[0]
    assert len(chapter.title) <= MAX_TITLE
    assert chapter.title.endswith("…")
    assert title_of(Booklet(" \u200b", "", "fr", ())) == "Une histoire"
    assert title_of(Booklet("a\nb", "", "en", ())) == "a b"


def test_language_is_a_tag() -> None:
    """What is no language's tag is English."""
    tags = [language_of(Booklet("a", "", tag, ())) for tag in ("fr", "pt-BR", "", "français", 'fr"')]
    assert tags == ["fr", "pt-BR", "en", "en", "en"]
