"""What a tester may ask of a draft by a click, and what there is of a draft to show: its files, its subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.assistants.definition import Format
from chatbot.assistants.texts import Texts, say
from chatbot.text import fold

_NO_WORD = re.compile(r"[\W_]+")
# Folded words that change nothing of a wish: courtesy, "make it", "the letter", "a bit".
_COURTESY = (
    *(
        "please",
        "can you",
        "could you",
        "thank you",
        "thanks",
        "i would like",
        "make",
        "it",
        "the",
        "a bit",
        "a little",
    ),
    *(
        "s il te plait",
        "s il vous plait",
        "stp",
        "svp",
        "merci",
        "peux tu",
        "pouvez vous",
        "je voudrais",
        "un peu",
    ),
    *(
        "rends",
        "rendez",
        "rendre",
        "fais",
        "faites",
        "faire",
        "le",
        "la",
        "les",
        "un",
        "une",
        "cette",
        "ce",
        "this",
    ),
    *("letter", "mail", "email", "text", "version", "lettre", "courriel", "texte"),
)
_FILLERS = re.compile(rf"(?<= )(?:{'|'.join(sorted(_COURTESY, key=len, reverse=True))})(?= )")


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish that is known by its words, whether clicked or typed; `synonyms` are never shown."""

    name: str
    texts: Texts
    synonyms: tuple[str, ...] = ()

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
    """Give the wish that a message is; None where it is in words of its own.

    Case, accents and punctuation do not count, nor do words of courtesy and what is plainly meant: "Please make the
    letter a bit shorter." is the wish "Shorter".
    """
    asked = {_fold(text), _fold(_strip(text))}
    for wish in wishes:
        if asked & {_fold(words) for words in (*wish.texts.values(), *wish.synonyms)}:
            return wish
    return None


def _strip(text: str) -> str:
    return _FILLERS.sub(" ", f" {_fold(text)} ")


def _fold(text: str) -> str:
    return _NO_WORD.sub(" ", fold(text)).strip()
