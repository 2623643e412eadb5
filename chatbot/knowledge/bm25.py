"""BM25 over documents with fields, as a sparse matrix of term weights kept by column."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Source: the defaults of Anserini; Trotman, Puurula, Burgess, "Improvements to BM25 and Language Models
# Examined", ADCS 2014. Measured against k1 1.2 and 1.5 with b 0.75 on eight question sets: better on most.
K1, B = 0.9, 0.4

_VOCABULARY = "vocabulary.json"
_ARRAYS = ("starts", "rows", "weights", "idf")
# So few tell little of how rare a word is: one that is in one of three would count as a common word.
_FEWEST_DOCUMENTS = 25
# Documents counted at once: bounds the memory of building, not its result.
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class FieldedBM25:
    """Term weights of documents: those of term i are `weights[starts[i]:starts[i + 1]]`, for `rows` there.

    Source: Robertson, Zaragoza, Taylor, "Simple BM25 Extension to Multiple Weighted Fields", CIKM 2004: the fields'
    frequencies, each normalised by its own length, are added before they saturate. Its idf is Lucene's, never
    negative.
    """

    vocabulary: Mapping[str, int]
    documents: int
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]
    idf: NDArray[np.float32]

    @property
    def highest_idf(self) -> float:
        """What `weigh_alternatives` gives a word that no document has."""
        return self.weigh_alternatives(())

    def weigh_alternatives(self, terms: Collection[str]) -> float:
        """Give the idf in nats of a word that any of these terms may stand for, each as likely as another.

        Source: Darwish, Oard, "Probabilistic Structured Query Methods", SIGIR 2003: a word has as many documents as
        its translations have on average.
        """
        numbers = [self.vocabulary[term] for term in terms if term in self.vocabulary]
        found = sum(int(self.starts[number + 1] - self.starts[number]) for number in numbers)
        documents = max(self.documents, _FEWEST_DOCUMENTS)
        return float(inverse_frequency(documents, np.array([found / max(1, len(numbers))]))[0])

    def add_best(self, scores: NDArray[np.float32], shares: Sequence[tuple[int, float]]) -> None:
        """Add to each document's score the best weight it has among some terms, each taken by its share.

        Args:
            scores: one per document; changed in place.
            shares: (term id, factor); the terms stand for one word of the question.
        """
        if len(shares) == 1:
            rows, weights = self._column(shares[0])
            scores[rows] += weights
        elif shares:
            best = np.zeros_like(scores)
            for share in shares:
                rows, weights = self._column(share)
                best[rows] = np.maximum(best[rows], weights)
            scores += best

    def _column(self, share: tuple[int, float]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        term, factor = share
        start, end = self.starts[term], self.starts[term + 1]
        return self.rows[start:end], self.weights[start:end] * np.float32(factor)

    def save(self, folder: Path) -> None:
        """Write the matrix into a folder of its own."""
        folder.mkdir()
        (folder / _VOCABULARY).write_text(
            json.dumps(list(self.vocabulary), ensure_ascii=False), encoding="utf-8"
        )
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path, documents: int) -> FieldedBM25:
        """Read the matrix of so many documents.

        Raises:
            OSError, ValueError: it is missing or not one of them.
        """
        terms = json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS}
        rows, starts = arrays["rows"], arrays["starts"]
        if len(starts) != len(terms) + 1 or starts[-1] != len(rows) or rows.max(initial=-1) >= documents:
            raise ValueError(f"{folder.name} does not cover {documents} passages")
        return cls({term: number for number, term in enumerate(terms)}, documents, **arrays)


def build_bm25(fields: Sequence[Iterable[Sequence[str]]], field_weights: Sequence[float]) -> FieldedBM25:
    """Count and weigh the terms of documents.

    Args:
        fields: per field, the terms of each document, in the documents' order.
        field_weights: what an occurrence in the field counts.
    """
    vocabulary: dict[str, int] = {}
    rows: list[NDArray[np.int32]] = []
    terms: list[NDArray[np.int64]] = []
    counts: list[NDArray[np.float32]] = []
    documents = 0
    for field, weight in zip(fields, field_weights, strict=True):
        found = _count_field(field, vocabulary)
        lengths = np.bincount(found[0], weights=found[2], minlength=found[3])
        mean = lengths.mean() if found[3] else 1.0
        norms = weight / (1 - B + B * lengths / max(mean, 1e-9))
        rows.append(found[0])
        terms.append(found[1])
        counts.append((found[2] * norms[found[0]]).astype(np.float32))
        documents = found[3]
    return _weigh(vocabulary, documents, np.concatenate(rows), np.concatenate(terms), np.concatenate(counts))


def _count_field(
    field: Iterable[Sequence[str]], vocabulary: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32], int]:
    """Count each document's terms: the documents' rows, the terms' ids, how often, and the number of documents."""
    keys: list[NDArray[np.int64]] = []
    counts: list[NDArray[np.int64]] = []
    batch: list[int] = []
    lengths: list[int] = []
    first = 0

    def close() -> None:
        nonlocal first
        rows = np.repeat(np.arange(first, first + len(lengths)), lengths)
        found, count = np.unique(rows << 32 | np.array(batch, np.int64), return_counts=True)
        keys.append(found)
        counts.append(count)
        first += len(lengths)
        batch.clear()
        lengths.clear()

    for terms in field:
        batch.extend([vocabulary.setdefault(term, len(vocabulary)) for term in terms])
        lengths.append(len(terms))
        if len(lengths) == _BATCH:
            close()
    close()
    key = np.concatenate(keys)
    return (key >> 32).astype(np.int32), key & 0xFFFFFFFF, np.concatenate(counts).astype(np.float32), first


def _weigh(
    vocabulary: dict[str, int],
    documents: int,
    rows: NDArray[np.int32],
    terms: NDArray[np.int64],
    counts: NDArray[np.float32],
) -> FieldedBM25:
    """Add up the fields' counts of a term in a document, saturate them, and order them by term."""
    order = np.argsort(terms << 32 | rows)
    rows, terms, counts = rows[order], terms[order], counts[order]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (rows[1:] != rows[:-1]) | (terms[1:] != terms[:-1])
    firsts = np.flatnonzero(is_first)
    frequencies = np.add.reduceat(counts, firsts) if len(firsts) else counts
    rows, terms = rows[firsts], terms[firsts]
    found = np.bincount(terms, minlength=len(vocabulary))
    idf = inverse_frequency(documents, found)
    return FieldedBM25(
        vocabulary=vocabulary,
        documents=documents,
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(found)]),
        rows=rows,
        weights=idf[terms] * frequencies / (frequencies + np.float32(K1)),
        idf=idf,
    )


def inverse_frequency(documents: int, found: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float32]:
    """Give the idf, in nats, of what so many of the documents have."""
    idf: NDArray[np.float32] = np.log(1 + (documents - found + 0.5) / (found + 0.5)).astype(np.float32)
    return idf
