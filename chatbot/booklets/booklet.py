"""A story as a book: its title, its chapters, read from the messages of a thread."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chatbot import markup
from chatbot.text import clean_text, collapse_space, is_blank

MAX_TITLE = 200
MAX_CHAPTERS = 500

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


def read_chapters(texts: Sequence[str], *, language: str = "en") -> tuple[Chapter, ...]:
    """Read the messages of a story as chapters.

    A chapter begins with each heading of the first or second level; a message without one is a chapter, too, and gets
    a numbered title. Headings without text after them and empty messages are left out.

    Args:
        texts: Markdown, one per message, in reading order.
        language: of the numbered titles.
    """
    chapters: list[Chapter] = []
    for text in texts:
        for title, body in _split(clean(text)):
            if not is_blank(body) and len(chapters) < MAX_CHAPTERS:
                number = len(chapters) + 1
                named = shorten_title(title) or say("chapter", language).format(number=number)
                chapters.append(Chapter(named, body))
    return tuple(chapters)


def clean(text: str) -> str:
    """Give a text without the control characters and non-characters that neither XML nor a page can hold."""
    lines = clean_text(text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        character
        for character in lines
        if character in "\n\t"
        or (unicodedata.category(character) != "Cc" and character not in "\ufffe\uffff")
    )


def shorten_title(text: str) -> str:
    """Give a title in one line, cut where it is too long for a page."""
    line = collapse_space(clean(text))
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rstrip() + "…"


def title_of(booklet: Booklet) -> str:
    """Give the title as it is shown."""
    title = shorten_title(booklet.title)
    return say("untitled", booklet.language) if is_blank(title) else title


def language_of(booklet: Booklet) -> str:
    """Give the language as files name it; English where it is no language's tag."""
    return booklet.language if _LANGUAGE.fullmatch(booklet.language) else "en"


def say(name: str, language: str) -> str:
    """Give a word of ours in French for French books, else in English."""
    return _WORDS["fr" if language.lower().startswith("fr") else "en"][name]


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Cut a text at its headings of the first two levels: (heading, what follows)."""
    lines = text.split("\n")
    title, start = "", 0
    for token in markup.parse(text):
        if token.type == "heading_open" and token.level == 0 and token.tag in ("h1", "h2") and token.map:
            yield title, _join(lines[start : token.map[0]])
            title = markup.plain_text("\n".join(lines[token.map[0] : token.map[1]]))
            start = token.map[1]
    yield title, _join(lines[start:])


def _join(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip("\n")
