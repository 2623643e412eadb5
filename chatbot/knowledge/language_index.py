"""The passages of one language and all that they are found by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.knowledge.bm25 import FieldedBM25, build_bm25
from chatbot.knowledge.gram_scores import GramScores, build_gram_scores
from chatbot.knowledge.passages import Passage
from chatbot.knowledge.thesaurus import load_thesaurus
from chatbot.knowledge.variants import TermVariants
from chatbot.text import tokenize

# How many of those found by terms are ordered again: beyond them the grams of one word would decide.
_CANDIDATES = 100
# What a stand-in counts of a question's term, less where the documents have the term itself. These shares and that of
# the grams were chosen on 180 questions on three other documentations, written for it.
_VARIANT_SHARE = 0.5
_RELATED_SHARE = 0.5
_RELATED_SHARE_OF_UNKNOWN = 0.8
_GRAM_SHARE = 0.3
# A term that no document has is a typing error of one that shares so many of its trigrams.
_LEAST_OF_CORRECTION = 0.7
_QUESTIONS_KEPT = 64
# Documents of which one is the peak, where the best are looked for.
_LAYERS = 16
_TERMS, _GRAMS = "terms", "grams"


@dataclass(frozen=True, slots=True)
class QuestionTerm:
    """A term of a question, how often it occurs, its idf, and what stands for it in the documents.

    `shares` gives by term of the documents from 0 to 1 how much of the question's term it is: 1 for itself. `same`
    are those that are the term: itself, else what it is a typing error or a translation of.
    """

    term: str
    count: int
    weight: float
    shares: Mapping[str, float]
    same: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found and its score, comparable within one question and language only."""

    passage: Passage
    score: float


class LanguageIndex:
    """Finds passages of one language.

    Args:
        language: one of `LANGUAGES`, or another, whose words are not stemmed.
    """

    def __init__(
        self, language: str, passages: Sequence[Passage], matrix: FieldedBM25, grams: GramScores
    ) -> None:
        self.language = language
        self.passages = passages
        self.matrix = matrix
        self.grams = grams
        self._terms = list(matrix.vocabulary)
        self._variants = TermVariants(self._terms)
        self._questions: dict[tuple[str, str], tuple[QuestionTerm, ...]] = {}
        self._outside: dict[tuple[str, ...], NDArray[np.bool_]] = {}

    @classmethod
    def build(cls, language: str, passages: Sequence[Passage]) -> LanguageIndex:
        """Index the passages by headings, the section's own again, and text."""
        fields = (
            (tokenize(passage.heading, language) for passage in passages),
            (tokenize(passage.heading.rsplit(" > ", 1)[-1], language) for passage in passages),
            (tokenize(passage.text, language) for passage in passages),
        )
        matrix = build_bm25(fields, (1.0, 1.0, 1.0))
        grams = build_gram_scores((f"{passage.heading}\n{passage.text}" for passage in passages), language)
        return cls(language, passages, matrix, grams)

    @classmethod
    def load(cls, folder: Path, language: str, passages: Sequence[Passage]) -> LanguageIndex:
        """Read the index of these passages.

        Raises:
            OSError, ValueError: it is missing or not theirs.
        """
        count = len(passages)
        matrix = FieldedBM25.load(folder / _TERMS, count)
        return cls(language, passages, matrix, GramScores.load(folder / _GRAMS, count))

    def save(self, folder: Path) -> None:
        """Write all but the passages into a new folder."""
        folder.mkdir()
        self.matrix.save(folder / _TERMS)
        self.grams.save(folder / _GRAMS)

    def has_term(self, term: str) -> bool:
        """Tell whether any passage has the term."""
        return term in self.matrix.vocabulary

    def read_question(self, question: str, asked_in: str) -> tuple[QuestionTerm, ...]:
        """List a question's terms with what stands for each in these documents."""
        # A turn reads its question several times: to search, to judge, and to judge again. An `lru_cache` of this
        # method would hold the index, and with it all of a replaced one's memory, until the garbage collector comes by.
        terms = self._questions.get((question, asked_in))
        if terms is None:
            if len(self._questions) >= _QUESTIONS_KEPT:
                self._questions.clear()
            terms = self._questions[question, asked_in] = self._read_question(question, asked_in)
        return terms

    def _read_question(self, question: str, asked_in: str) -> tuple[QuestionTerm, ...]:
        counts: dict[str, int] = {}
        for term in tokenize(question, self.language, asked_in):
            counts[term] = counts.get(term, 0) + 1
        language = asked_in or self.language
        related = load_thesaurus().find_related(question, counts, language, self.language)
        is_translated = language != self.language
        return tuple(
            self._read_term(term, count, related.get(term, ()), is_translated)
            for term, count in counts.items()
        )

    def search(self, question: str, k: int, asked_in: str, within: tuple[str, ...] = ()) -> list[Hit]:
        """Find the passages nearest to a question, best first; of the folders and files of `within` alone, if any."""
        scores = np.zeros(len(self.passages), np.float32)
        for term in self.read_question(question, asked_in):
            shares = [
                (self.matrix.vocabulary[name], share * term.count) for name, share in term.shares.items()
            ]
            self.matrix.add_best(scores, shares)
        if within:
            scores[self._find_outside(within)] = 0
        candidates = _take_best(scores, max(k, _CANDIDATES))
        if not len(candidates):
            return []
        fused = scores[candidates] / scores[candidates[0]]
        gram_scores = self.grams.score(question, self.language, candidates[:_CANDIDATES])
        if gram_scores.max() > 0:
            fused *= 1 - _GRAM_SHARE
            fused[:_CANDIDATES] += _GRAM_SHARE * gram_scores / gram_scores.max()
        order = np.argsort(-fused, kind="stable")
        return [Hit(self.passages[candidates[place]], float(fused[place])) for place in order[:k]]

    def _find_outside(self, within: tuple[str, ...]) -> NDArray[np.bool_]:
        """Mark the passages that lie outside of folders and files; kept, for an assistant asks in the same ones."""
        outside = self._outside.get(within)
        if outside is None:
            outside = self._outside[within] = mark_outside(self.passages, within)
        return outside

    def _read_term(self, term: str, count: int, related: Iterable[str], is_translated: bool) -> QuestionTerm:
        vocabulary = self.matrix.vocabulary
        is_known = term in vocabulary
        share = _RELATED_SHARE if is_known else _RELATED_SHARE_OF_UNKNOWN
        shares = {name: share for name in related if name in vocabulary}
        same = set() if is_known or not is_translated else set(shares)
        for number, similarity in self._variants.find(term):
            name = self._terms[number]
            is_correction = not is_known and similarity >= _LEAST_OF_CORRECTION
            shares[name] = max(similarity * (1 if is_correction else _VARIANT_SHARE), shares.get(name, 0))
            if is_correction:
                same.add(name)
        if is_known:
            shares[term] = 1.0
            same = {term}
        # What is taken for the term weighs as it: a rare word of one language may be a common one of the other.
        return QuestionTerm(term, count, self.matrix.weigh_alternatives(same), shares, frozenset(same))


def mark_outside(passages: Sequence[Passage], within: Sequence[str]) -> NDArray[np.bool_]:
    """Give by passage whether it is of none of the folders and files, which are named relative to the knowledge."""
    return np.array([not is_within(passage.source, within) for passage in passages], np.bool_)


def is_within(source: str, within: Sequence[str]) -> bool:
    """Tell whether a document is one of the files, or lies in one of the folders."""
    return any(source == place or source.startswith(f"{place.rstrip('/')}/") for place in within)


def _take_best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """List the documents with the highest scores above 0, best first, those alike in their order."""
    least = np.float32(0)
    width = len(scores) // _LAYERS
    if width >= count > 0:
        # So many different documents reach the peaks of so many groups: what lies below them is not among the best.
        peaks = scores[: width * _LAYERS].reshape(_LAYERS, width).max(axis=0)
        least = np.partition(peaks, width - count)[width - count]
    found = np.flatnonzero(scores >= least if least > 0 else scores > 0)
    return found[np.argsort(-scores[found], kind="stable")[:count]]
