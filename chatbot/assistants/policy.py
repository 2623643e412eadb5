"""What an assistant declines to write, and how a request for it is found before any model is called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from chatbot.assistants.texts import Language, Texts, say
from chatbot.text import fold

REFUSALS = {
    "en": "This assistant does not write about {topic}.",
    "fr": "Cet assistant n'écrit rien sur {topic}.",
}
REFUSALS_BELOW_AGE = {
    "en": "This assistant does not write about {topic} for readers younger than {age}.",
    "fr": "Cet assistant n'écrit rien sur {topic} pour des lecteurs de moins de {age} ans.",
}
_WORD = re.compile(r"\w+")


class Declined(BaseModel):
    """One thing that is declined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: Texts = Field(min_length=1, description="What it is, as it stands after “does not write about”.")
    words: dict[Language, list[str]] = Field(
        default={},
        description="Words or phrases that ask for it, whatever their case and accents; the model is told the topic "
        "and declines what they miss.",
    )
    below_age: int | None = Field(
        default=None, ge=1, le=21, description="Declined only for readers younger than this; empty = for all."
    )

    def applies(self, age: int | None) -> bool:
        """Tell whether it is declined for a reader of this age; of an unknown age only what is declined for all."""
        return self.below_age is None or (age is not None and age < self.below_age)

    def refuse(self, language: str) -> str:
        """Say that it is declined."""
        topic = say(self.topic, language)
        if self.below_age is None:
            return say(REFUSALS, language).format(topic=topic)
        return say(REFUSALS_BELOW_AGE, language).format(topic=topic, age=self.below_age)


class Policy(BaseModel):
    """All that an assistant declines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    declines: tuple[Declined, ...] = ()

    def find(self, texts: Iterable[str], age: int | None = None) -> Declined | None:
        """Give the first thing declined that any of the texts asks for by name, in whichever language."""
        asked = [_list_words(text) for text in texts]
        for declined in self.declines:
            if not declined.applies(age):
                continue
            phrases = [_fold_phrase(phrase) for words in declined.words.values() for phrase in words]
            if any(f" {phrase} " in f" {text} " for phrase in phrases if phrase for text in asked):
                return declined
        return None

    def list_topics(self, language: str, age: int | None = None) -> list[str]:
        """Give what is declined for a reader, for the prompt."""
        return [say(declined.topic, language) for declined in self.declines if declined.applies(age)]


def _list_words(text: str) -> str:
    return " ".join(_WORD.findall(fold(text)))


# A story is looked through sentence by sentence while it is written, for the same phrases each time.
_fold_phrase = lru_cache(maxsize=4_096)(_list_words)
