"""What passages share with a question in character n-grams: a second opinion on those found by terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

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
# Texts counted at once: a key of text and gram fits 32 bits.
_BATCH = 1024


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
        numbers = np.array(sorted(asked), np.uint32)
        if not len(numbers) or not len(passages):
            return np.zeros(len(passages), np.float32)
        weights = self.idf[numbers] * np.array([asked[number] for number in numbers.tolist()], np.float32)
        starts, ends = self.starts[passages], self.starts[passages + 1]
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        grams = np.concatenate([self.grams[start:end] for start, end in spans])
        # The low halves tell almost all grams apart, by a table that fits the processor's cache.
        is_asked = np.zeros(1 << 16, bool)
        is_asked[numbers.astype(np.uint16)] = True
        places = np.flatnonzero(is_asked[grams.astype(np.uint16)])
        found = np.minimum(np.searchsorted(numbers, grams[places]), len(numbers) - 1)
        is_shared = numbers[found] == grams[places]
        places, found = places[is_shared], found[is_shared]
        borders = np.cumsum(ends - starts)
        owners = np.searchsorted(borders, places, side="right")
        frequencies = self.counts[places + (ends - borders)[owners]].astype(np.float32)
        saturated = frequencies / (frequencies + self.norms[passages][owners])
        return np.bincount(owners, weights[found] * saturated, minlength=len(passages)).astype(np.float32)

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
        # As plain arrays: taking a slice of a `memmap` costs ten times as much.
        arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
        if len(arrays["starts"]) != documents + 1 or arrays["starts"][-1] != len(arrays["grams"]):
            raise ValueError(f"{folder.name} does not cover {documents} passages")
        return cls(**arrays)


def build_gram_scores(texts: Iterable[str], language: str) -> GramScores:
    """Count the 4-grams of texts in a language; its stop words have none."""
    grams: list[NDArray[np.uint32]] = [np.empty(0, np.uint32)]
    counts: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    sizes: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    lengths: list[NDArray[Any]] = [np.empty(0)]
    documents_with = np.zeros(BUCKETS, np.int64)
    remaining = iter(texts)
    while words := [_list_words(text, language) for text in islice(remaining, _BATCH)]:
        text_of_word = np.repeat(np.arange(len(words), dtype=np.uint32), [len(listed) for listed in words])
        hashes, owners = hash_grams(list(chain.from_iterable(words)), _N)
        keys, count = np.unique(text_of_word[owners] * np.uint32(BUCKETS) + hashes, return_counts=True)
        text, found = np.divmod(keys, np.uint32(BUCKETS))
        grams.append(found)
        counts.append(np.minimum(count, _LARGEST_COUNT).astype(np.uint8))
        sizes.append(np.bincount(text, minlength=len(words)))
        lengths.append(np.bincount(text, count, minlength=len(words)))
        documents_with += np.bincount(found, minlength=BUCKETS)
    length = np.concatenate(lengths)
    mean = max(length.mean(), 1.0) if len(length) else 1.0
    return GramScores(
        starts=np.cumsum(np.concatenate(sizes)),
        grams=np.concatenate(grams),
        counts=np.concatenate(counts),
        norms=(K1 * (1 - B + B * length / mean)).astype(np.float32),
        idf=inverse_frequency(len(length), documents_with),
    )


def _list_words(text: str, language: str) -> list[str]:
    stop_words = STOP_WORDS.get(language, frozenset())
    return [word for word in _WORD.findall(fold(text)) if word not in stop_words]
