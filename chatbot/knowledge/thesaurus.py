"""The thesaurus: words of everyday questions beside the words of documentation, in English and French."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from chatbot.text import LANGUAGES, stem_words

_FILE = Path(__file__).with_name("thesaurus.txt")


@dataclass(frozen=True, slots=True)
class Thesaurus:
    """Concepts, and the words and phrases that stand for them.

    Args:
        concepts: per concept and language, its single words as terms.
        entries: per language, a word or phrase as stems, and the concepts it stands for.
    """

    concepts: Sequence[Mapping[str, frozenset[str]]]
    entries: Mapping[str, Mapping[tuple[str, ...], tuple[int, ...]]]

    def find_related(
        self, question: str, terms: Collection[str], language: str, target: str
    ) -> dict[str, frozenset[str]]:
        """Give terms that stand for the same things as those of a question.

        A phrase stands for itself and not for its words: who cannot "log in" asks for no log.

        Args:
            terms: those of the question that are searched for, as the target's.
            language: the question's.
            target: the language of the terms wanted.

        Returns:
            By term of the question, terms of the target; those of a phrase by its first.
        """
        words = stem_words(question, language)
        names = stem_words(question, target)
        known = self.entries.get(language, {})
        related: dict[str, frozenset[str]] = {}
        place = 0
        while place < len(words):
            span = next(
                span for span in (3, 2, 1, 0) if tuple(words[place : place + span]) in known or not span
            )
            concepts = known.get(tuple(words[place : place + span]), ())
            term = next((name for name in names[place : place + span] if name in terms), "")
            found = frozenset().union(*(self.concepts[concept].get(target, ()) for concept in concepts))
            if term:
                related[term] = related.get(term, frozenset()) | (found - {term})
            place += max(1, span)
        return related


@lru_cache(maxsize=1)
def load_thesaurus() -> Thesaurus:
    """Read the thesaurus that ships with the program: one concept a line, `english, words | mots, français`."""
    concepts: list[Mapping[str, frozenset[str]]] = []
    entries: dict[str, dict[tuple[str, ...], tuple[int, ...]]] = {language: {} for language in LANGUAGES}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        words: dict[str, frozenset[str]] = {}
        for language, side in zip(LANGUAGES, line.split("|"), strict=True):
            found = {tuple(stem_words(entry, language)) for entry in side.split(",")} - {()}
            for entry in found:
                entries[language][entry] = (*entries[language].get(entry, ()), len(concepts))
            words[language] = frozenset(entry[0] for entry in found if len(entry) == 1)
        concepts.append(words)
    return Thesaurus(concepts, entries)
