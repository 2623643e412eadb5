"""What a tester may ask of a draft by a click, and what there is of a draft to show: its files, its subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.assistants.definition import Format
from chatbot.assistants.texts import Texts, say
from chatbot.text import fold

_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish that is known by its words, whether clicked or typed."""

    name: str
    texts: Texts

    def say(self, language: str) -> str:
        """Give its words, as they are sent."""
        return say(self.texts, language)


@dataclass(frozen=True, slots=True)
class DraftInfo:
    """What can be done with a draft.

    `is_template` says that no model wrote it, `language` is the reader's; `formats` are the files it can become.
    """

    layout: str
    subject: str
    is_template: bool
    language: str
    formats: tuple[Format, ...]
    wishes: tuple[Wish, ...]


def find_wish(text: str, wishes: Sequence[Wish]) -> Wish | None:
    """Give the wish that a message is, whatever its case, accents and punctuation; None where it is in free words."""
    asked = _fold(text)
    return next((wish for wish in wishes if asked in map(_fold, wish.texts.values())), None)


def _fold(text: str) -> str:
    return _NO_WORD.sub(" ", fold(text)).strip()
