"""Passages in parts, their vectors, and the nearest ones to a question's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chatbot.knowledge.passages import Passage
from chatbot.knowledge.vector_cache import Vector
from chatbot.knowledge.vectors import PART, VectorIndex, list_keys, split_passage

PASSAGE = Passage("1", "tea.md", "Tea", "Tea > <b>Green</b> tea", "green", "en", "Brew it at 80 degrees.")


def make_index(passages: list[Passage], vectors: dict[str, tuple[float, ...]]) -> VectorIndex:
    """Build an index over passages of one part each, with vectors by the passage's text."""
    keys = [list_keys(split_passage(passage)) for passage in passages]
    known: dict[bytes, Vector] = {
        key: np.array(vectors[passage.text], np.float32)
        for passage, (key,) in zip(passages, keys, strict=True)
        if passage.text in vectors
    }
    return VectorIndex(passages, keys, known)


def test_passage_is_embedded_under_its_breadcrumb() -> None:
    """The text that is embedded begins with the breadcrumb as a reader sees it."""
    assert split_passage(PASSAGE) == ["Tea > Green tea\nBrew it at 80 degrees."]


def test_long_passage_is_embedded_in_parts_of_about_equal_length() -> None:
    """A part has at most the length a model reads, is cut between words, and loses nothing."""
    words = [f"word{n}" for n in range(200)]
    parts = split_passage(replace(PASSAGE, text=" ".join(words)))
    bodies = [part.removeprefix("Tea > Green tea\n") for part in parts]
    assert len(parts) > 1
    assert all(len(body) <= PART + len(words[-1]) for body in bodies)
    assert max(map(len, bodies)) < 2 * min(map(len, bodies))
    assert " ".join(bodies).split() == words


def test_text_without_spaces_is_cut_all_the_same() -> None:
    """Where there is no space to cut at, a part ends at its full length."""
    bodies = [part.partition("\n")[2] for part in split_passage(replace(PASSAGE, text="x" * (3 * PART)))]
    assert "".join(bodies) == "x" * (3 * PART)
    assert all(len(body) <= PART for body in bodies)


def test_passages_of_the_language_are_scored() -> None:
    """A passage's score is the cosine of its vector; those of another language are left out."""
    passages = [
        replace(PASSAGE, passage_id="one", text="one"),
        replace(PASSAGE, passage_id="deux", text="deux", language="fr"),
        replace(PASSAGE, passage_id="three", text="three"),
    ]
    index = make_index(passages, {"one": (1, 0), "deux": (0, 1), "three": (0.6, 0.8)})
    nearness = index.score(np.array([0, 1], np.float32), "en")
    assert nearness.find_nearest(5) == [2, 0]
    assert nearness.find_nearest(1) == [2]
    np.testing.assert_allclose(
        [nearness.look_up(name) for name in ("one", "three", "deux")], [0, 0.8, 0], atol=1e-6
    )
    assert index.score(np.array([1, 0], np.float32), "de").find_nearest(5) == []


def test_best_part_speaks_for_the_passage() -> None:
    """A passage of several parts scores as its best one does."""
    long = replace(PASSAGE, text="water " * PART)
    keys = [list_keys(split_passage(long)), list_keys(split_passage(PASSAGE))]
    known = dict.fromkeys(keys[0], np.array([0, 1], np.float32)) | {
        keys[1][0]: np.array([0.6, 0.8], np.float32)
    }
    known[keys[0][-1]] = np.array([1, 0], np.float32)
    nearness = VectorIndex([long, PASSAGE], keys, known).score(np.array([1, 0], np.float32), "en")
    np.testing.assert_allclose(nearness.cosines, [1, 0.6], atol=1e-6)


@pytest.mark.parametrize(("embedded", "is_enough"), [(0, False), (8, False), (9, True), (10, True)])
def test_ranking_needs_vectors_of_most_passages(embedded: int, is_enough: bool) -> None:
    """Below nine tenths those that have a vector would be favoured."""
    passages = [replace(PASSAGE, text=str(n)) for n in range(10)]
    index = make_index(passages, {str(n): (1, 0) for n in range(embedded)})
    assert (index.embedded, index.is_enough) == (embedded, is_enough)
