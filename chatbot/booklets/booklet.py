"""A story as a book: its title and its chapters, as both kinds of file set them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chatbot.letters.letter import clean_block
from chatbot.text import collapse_space, is_blank

MAX_TITLE = 200

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_WORDS = {
    "en": {
        "chapter": "Chapter {number}",
        "contents": "Contents",
        "untitled": "A story",
        "title_page": "Title page",
    },
    "fr": {
        "chapter": "Chapitre {number}",
        "contents": "Table des matières",
        "untitled": "Une histoire",
        "title_page": "Page de titre",
    },
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: its title in plain text, its text in Markdown without it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Booklet:
    """A story that becomes a file.

    Args:
        title: plain text; an empty one is replaced by a plain one of the language.
        author: the line below it, such as who told the story; may be empty.
        language: of the text, `en`, `fr` or another tag of BCP 47.
        chapters: in reading order.
        made_at: when it was made, aware; the file's date.
    """

    title: str
    author: str
    language: str
    chapters: tuple[Chapter, ...]
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def list_chapters(booklet: Booklet) -> list[Chapter]:
    """Give the chapters as they are set: titles in one line, numbered where there is none, texts cleaned."""
    label = say("chapter", booklet.language)
    return [
        Chapter(shorten_title(chapter.title) or label.format(number=number), clean_block(chapter.text))
        for number, chapter in enumerate(booklet.chapters, 1)
    ]


def shorten_title(text: str) -> str:
    """Give a title in one line, cut where it is too long for a page; empty where nothing of it would be seen."""
    line = collapse_space(clean_block(text))
    if is_blank(line):
        return ""
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rstrip() + "…"


def title_of(booklet: Booklet) -> str:
    """Give the title as it is shown."""
    return shorten_title(booklet.title) or say("untitled", booklet.language)


def language_of(booklet: Booklet) -> str:
    """Give the language as files name it; English where it is no language's tag."""
    return booklet.language if _LANGUAGE.fullmatch(booklet.language) else "en"


def say(name: str, language: str) -> str:
    """Give a word of ours in French for French books, else in English."""
    return _WORDS["fr" if language.lower().startswith("fr") else "en"][name]
