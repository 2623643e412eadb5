"""BM25 with fields: the formula, terms that stand for one word, and the matrix on disk."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from chatbot.knowledge.bm25 import K1, B, FieldedBM25, build_bm25

TEXTS = [["ban", "ban", "day"], ["day"], ["port", "port", "port", "day", "open"]]


def score(matrix: FieldedBM25, *shares: tuple[str, float]) -> list[float]:
    """Score all documents by terms that stand for one word."""
    scores = np.zeros(matrix.documents, np.float32)
    matrix.add_best(scores, [(matrix.vocabulary[term], share) for term, share in shares])
    return scores.tolist()


def test_scores_are_those_of_the_formula() -> None:
    """idf x tf / (tf + k1), with the frequency normalised by the field's length before it saturates."""
    matrix = build_bm25([TEXTS], [1.0])
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    frequency = 2 / (1 - B + B * 3 / 3)
    assert score(matrix, ("ban", 1.0)) == pytest.approx([idf * frequency / (frequency + K1), 0, 0])


def test_a_word_weighs_what_its_alternatives_do_on_average() -> None:
    """The idf of the mean of their documents; none known is the rarest word there is."""
    matrix = build_bm25([[*TEXTS, *([["day"]] * 37)]], [1.0])
    assert matrix.weigh_alternatives(["ban"]) == pytest.approx(math.log(1 + (40 - 1 + 0.5) / (1 + 0.5)))
    assert matrix.weigh_alternatives(["ban", "day", "no"]) == pytest.approx(math.log(1 + 20 / 21))
    assert matrix.weigh_alternatives(["no"]) == matrix.highest_idf == pytest.approx(math.log(1 + 40.5 / 0.5))


def test_a_word_of_few_documents_is_no_common_word() -> None:
    """In a folder of three passages one that has a word makes it a third; it is judged as one of many would be."""
    matrix = build_bm25([TEXTS], [1.0])
    assert matrix.weigh_alternatives(["ban"]) > 0.7 * matrix.highest_idf


def test_fields_are_added_before_they_saturate() -> None:
    """A term of weight 2 in the heading counts as two more occurrences, not as a score of its own."""
    matrix = build_bm25([[["ban"], [], []], TEXTS], [2.0, 1.0])
    heading = 2 / (1 - B + B * 1 / (1 / 3))
    body = 2 / (1 - B + B * 3 / 3)
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    total = heading + body
    assert score(matrix, ("ban", 1.0))[0] == pytest.approx(idf * total / (total + K1))


def test_of_terms_for_one_word_the_best_counts_once() -> None:
    """A passage with a word and its stand-in has not said it twice."""
    matrix = build_bm25([TEXTS], [1.0])
    port, opened = score(matrix, ("port", 1.0))[2], score(matrix, ("open", 0.5))[2]
    assert score(matrix, ("port", 1.0), ("open", 0.5))[2] == pytest.approx(max(port, opened))
    assert score(matrix, ("port", 0.1), ("open", 1.0))[2] == pytest.approx(score(matrix, ("open", 1.0))[2])


def test_documents_without_terms_and_no_documents_at_all() -> None:
    """Nothing to count is no error."""
    assert score(build_bm25([[[], ["ban"]]], [1.0]), ("ban", 1.0))[0] == 0
    empty = build_bm25([[]], [1.0])
    assert (empty.documents, dict(empty.vocabulary)) == (0, {})


def test_a_matrix_read_from_disk_scores_alike(tmp_path: Path) -> None:
    """Saved and loaded, for the same number of documents only."""
    matrix = build_bm25([TEXTS], [1.0])
    matrix.save(tmp_path / "terms")
    assert score(FieldedBM25.load(tmp_path / "terms", 3), ("day", 1.0)) == score(matrix, ("day", 1.0))
    with pytest.raises(ValueError, match="does not cover 2 passages"):
        FieldedBM25.load(tmp_path / "terms", 2)


def test_batches_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents are counted some at a time to bound the memory; the matrix is the same."""
    whole = build_bm25([TEXTS], [1.0])
    monkeypatch.setattr("chatbot.knowledge.bm25._BATCH", 2)
    parts = build_bm25([TEXTS], [1.0])
    assert parts.rows.tolist() == whole.rows.tolist()
    assert parts.weights.tolist() == whole.weights.tolist()
