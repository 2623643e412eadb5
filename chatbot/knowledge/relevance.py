"""Whether the passages found can answer at all, decided without a model."""

from __future__ import annotations

import math
from collections.abc import Mapping

_A_THIRD = 1 / 3
_TWO_THIRDS = 2 / 3


def is_covered(weights: Mapping[str, float], passage_terms: frozenset[str], passages: int) -> bool:
    """Tell whether one passage holds enough of a question to be its answer.

    Two quantities of information retrieval, both weighted by idf: the *share* of the question's terms that the
    passage has (terms that no document has count in full, being the rarest), and the *evidence*, what the shared
    terms weigh in units of the rarest term possible. A passage answers when it covers two thirds of the question,
    or when share x evidence reaches a third: one unique word out of three, two out of twelve. Plain thirds, not
    fitted to any question set.

    Args:
        weights: the question's terms with their idf.
        passage_terms: the terms of the passage with its breadcrumb.
        passages: how many passages the idf was counted over.
    """
    asked = sum(weights.values())
    if asked <= 0 or passages <= 0:
        return False
    shared = sum(weight for term, weight in weights.items() if term in passage_terms)
    share = shared / asked
    evidence = shared / math.log(1 + (passages + 0.5) / 0.5)
    return share >= _TWO_THIRDS or share * evidence >= _A_THIRD
