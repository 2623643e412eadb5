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
    """placeholder"""
    return list(hits)
