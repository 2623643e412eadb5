"""Scores by character n-grams: what they see, whom they score, and the grams on disk."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from chatbot.knowledge.gram_scores import GramScores, build_gram_scores

TEXTS = ["Unbanning an address", "The database is replicated", "", "Ports the service listens on"]


def score(
    question: str, grams: GramScores | None = None, places: tuple[int, ...] = (0, 1, 2, 3)
) -> list[float]:
    """Score passages by their positions."""
    grams = grams or build_gram_scores(TEXTS, "en")
    return grams.score(question, "en", np.array(places, np.intp)).tolist()


def test_other_forms_of_a_word_are_seen() -> None:
    """No stemmer joins `unban` and `unbanning`, nor `replication` and `replicated`."""
    assert int(np.argmax(score("unban"))) == 0
    assert int(np.argmax(score("replication"))) == 1


def test_only_the_passages_asked_for_are_scored_in_their_order() -> None:
    """Scores come in the order of the positions."""
    assert score("database ports", places=(3, 1)) == [score("database ports")[3], score("database ports")[1]]
    assert score("anything", places=()) == []


@pytest.mark.parametrize("question", ["", "the of and", "zzzqqq"])
def test_nothing_shared_scores_nothing(question: str) -> None:
    """Function words have no grams; an empty passage scores 0."""
    assert score(question) == [0, 0, 0, 0]


def test_one_question_leaves_nothing_for_the_next() -> None:
    """Questions asked one after the other or at once do not see each other's grams."""
    before = score("database")
    score("ports address service")
    assert score("database") == before
    results: list[list[float]] = []
    threads = [threading.Thread(target=lambda: results.append(score("database"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [before] * 4


def test_grams_read_from_disk_score_alike(tmp_path: Path) -> None:
    """Saved and mapped again, for the same number of passages only."""
    build_gram_scores(TEXTS, "en").save(tmp_path / "grams")
    assert score("database", GramScores.load(tmp_path / "grams", 4)) == score("database")
    with pytest.raises(ValueError, match="does not cover 3 passages"):
        GramScores.load(tmp_path / "grams", 3)


def test_no_passages_at_all() -> None:
    """An empty index answers too."""
    assert score("database", build_gram_scores([], "en"), places=()) == []


def test_batches_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are counted some at a time to bound the memory; grams and weights are the same."""
    whole = build_gram_scores(TEXTS, "en")
    monkeypatch.setattr("chatbot.knowledge.gram_scores._BATCH", 2)
    parts = build_gram_scores(TEXTS, "en")
    for name in ("starts", "grams", "counts", "norms", "idf"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()
