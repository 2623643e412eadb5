"""One ranking from several: by words and by meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chatbot.knowledge.index import Hit
from chatbot.knowledge.passages import Passage

DEPTH = 200


def fuse_rankings(rankings: Sequence[Sequence[str]], *, k: int = 60) -> list[tuple[str, float]]:
    """Merge ranked lists of passage ids by reciprocal rank fusion.

    Args:
        rankings: one list per retriever, best first; an id at most once per list.
        k: rank offset, no unit; larger flattens the lead of the top ranks.

    Returns:
        (passage_id, score), best first; score = sum of 1 / (k + rank), ranks from 1. Equal scores keep the order in
        which the ids came first.

    Raises:
        ValueError: k is below 1.

    Source: Cormack, Clarke, Buettcher, SIGIR 2009.
    """
    if k < 1:
        raise ValueError(f"k={k}: at least 1 is allowed")
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, passage_id in enumerate(ranking, start=1):
            scores[passage_id] = scores.get(passage_id, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda item: -item[1])


def fuse_hits(
    hits: Sequence[Hit],
    passages: Sequence[Passage],
    meant: tuple[NDArray[np.intp], NDArray[np.float32]],
) -> list[Hit]:
    """Merge what was found by words with what is near by meaning.

    Both rankings are cut at `DEPTH`, their scores brought to the range from 0 to 1, and added with equal weight; a
    passage that is not in one of them has 0 there. Scores tell more than ranks do: how far the best are ahead.

    Args:
        hits: by words, best first; scores above 0.
        passages: those of the index.
        meant: positions within `passages` and cosines, as `MeaningSearch.score` gives them.

    Returns:
        Hits, best first, with a score from 0 to 1.

    Source: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023.
    """
    positions, cosines = meant
    by_id = {hit.passage.passage_id: hit.passage for hit in hits[:DEPTH]}
    scores: dict[str, float] = {}
    best_score = max((hit.score for hit in hits), default=0.0)
    for hit in hits[:DEPTH]:
        scores[hit.passage.passage_id] = hit.score / best_score / 2
    count = min(DEPTH, len(positions))
    if count:
        nearest = np.argpartition(-cosines, count - 1)[:count]
        nearest = nearest[np.lexsort((nearest, -cosines[nearest]))]
        lowest, highest = float(cosines[nearest[-1]]), float(cosines[nearest[0]])
        spread = highest - lowest or 1.0
        for row in nearest:
            passage = passages[positions[row]]
            by_id.setdefault(passage.passage_id, passage)
            gained = (float(cosines[row]) - lowest) / spread / 2
            scores[passage.passage_id] = scores.get(passage.passage_id, 0.0) + gained
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    return [Hit(by_id[passage_id], score) for passage_id, score in ordered]


def spread_sections(hits: Sequence[Hit], k: int) -> list[Hit]:
    """Take the best of each section before the second of any: five passages of one section answer one question.

    Args:
        hits: best first.
        k: how many are taken.

    Source: Carbonell, Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998, with sections for similarity.
    """
    seen: set[tuple[str, str]] = set()
    firsts: list[Hit] = []
    others: list[Hit] = []
    for hit in hits:
        section = (hit.passage.source, hit.passage.heading)
        (others if section in seen else firsts).append(hit)
        seen.add(section)
    return [*firsts, *others][:k]
