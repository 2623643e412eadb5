"""What passages share with a question in character n-grams: a second opinion on those found by terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.knowledge.bm25 import K1, B, inverse_frequency
from chatbot.knowledge.ngrams import BUCKETS, hash_grams, hash_word
from chatbot.stopwords import STOP_WORDS
from chatbot.text import fold

_N = 4
_WORD = re.compile(r"[^\W_]+")
_ARRAYS = ("starts", "grams", "counts", "norms", "idf")
_LARGEST_COUNT = 255

# Tables of weights by gram, all 0, that no question uses just now: as many as ever were used at once.
_tables: list[NDArray[np.float32]] = []


@dataclass(frozen=True, slots=True)
class GramScores:
    """BM25 over the 4-grams of the words of passages, for a few passages at a time.

    Kept by passage and not by gram, for it only orders again what was found: a question costs a look at the grams of
    the candidates alone.

    Args:
        starts: where each passage's grams begin, and the end of the last.
        grams: each passage's different grams.
        counts: how often it has them, at most 255.
        norms: what a passage's length adds to a count before it saturates.
        idf: of each gram, in nats.
    """

    starts: NDArray[np.int64]
    grams: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    norms: NDArray[np.float32]
    idf: NDArray[np.float32]

    def score(self, question: str, language: str, passages: NDArray[np.intp]) -> NDArray[np.float32]:
        """Score some passages, given by their positions; 0 where nothing is shared."""
        asked = Counter(gram for word in _list_words(question, language) for gram in hash_word(word, _N))
        starts, ends = self.starts[passages], self.starts[passages + 1]
        lengths = ends - starts
        owners = np.repeat(np.arange(len(passages)), lengths)
        places = np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        weight_of = _take_table()
        numbers = np.fromiter(asked, np.int64, len(asked))
        weight_of[numbers] = self.idf[numbers] * np.fromiter(asked.values(), np.float32, len(asked))
        weights = weight_of[self.grams[places]]
        weight_of[numbers] = 0
        _tables.append(weight_of)
        shared = np.flatnonzero(weights)
        owners, places = owners[shared], places[shared]
        frequencies = self.counts[places].astype(np.float32)
        saturated = frequencies / (frequencies + self.norms[passages][owners])
        return np.bincount(owners, weights[shared] * saturated, minlength=len(passages)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the grams into a new folder."""
        folder.mkdir()
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path, documents: int) -> GramScores:
        """Read the grams of so many passages; they stay on disk until they are looked at.

        Raises:
            OSError, ValueError: they are missing or not those of so many passages.
        """
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        if len(arrays["starts"]) != documents + 1 or arrays["starts"][-1] != len(arrays["grams"]):
            raise ValueError(f"{folder.name} does not cover {documents} passages")
        return cls(**arrays)


def build_gram_scores(texts: Sequence[str], language: str) -> GramScores:
    """Count the 4-grams of texts in a language; its stop words have none."""
    grams: list[NDArray[np.uint32]] = [np.empty(0, np.uint32)]
    counts: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    starts = np.zeros(len(texts) + 1, np.int64)
    lengths = np.zeros(len(texts))
    documents_with = np.zeros(BUCKETS, np.int64)
    for number, text in enumerate(texts):
        found, count = np.unique(hash_grams(_list_words(text, language), _N)[0], return_counts=True)
        grams.append(found)
        counts.append(np.minimum(count, _LARGEST_COUNT).astype(np.uint8))
        starts[number + 1] = starts[number] + len(found)
        lengths[number] = count.sum()
        documents_with[found] += 1
    mean = max(lengths.mean(), 1.0) if len(texts) else 1.0
    return GramScores(
        starts=starts,
        grams=np.concatenate(grams),
        counts=np.concatenate(counts),
        norms=(K1 * (1 - B + B * lengths / mean)).astype(np.float32),
        idf=inverse_frequency(len(texts), documents_with),
    )


def _take_table() -> NDArray[np.float32]:
    try:
        return _tables.pop()
    except IndexError:
        return np.zeros(BUCKETS, np.float32)


def _list_words(text: str, language: str) -> list[str]:
    stop_words = STOP_WORDS.get(language, frozenset())
    return [word for word in _WORD.findall(fold(text)) if word not in stop_words]
