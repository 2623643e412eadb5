"""One ranking from several."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.knowledge.fusion import fuse_hits, fuse_rankings
from chatbot.knowledge.index import Hit
from chatbot.knowledge.passages import Passage
from chatbot.knowledge.vectors import Nearness

PASSAGES = [Passage(name, "tea.md", "Tea", "Tea", "", "en", name) for name in "abcd"]


def make_nearness(*cosines: float) -> Nearness:
    """Give the nearness of the passages, in their order."""
    count = len(cosines)
    rows = {passage.passage_id: row for row, passage in enumerate(PASSAGES[:count])}
    return Nearness(np.arange(count), np.array(cosines, np.float32), rows)


def test_reciprocal_ranks_add_up() -> None:
    """A passage that two rankings have near the top comes before one that a single ranking has first."""
    fused = fuse_rankings([["a", "b"], ["c", "b"]], k=60)
    assert [passage_id for passage_id, _ in fused] == ["b", "a", "c"]
    assert fused[0][1] == pytest.approx(2 / 62)


def test_offset_below_one_is_refused() -> None:
    """With an offset below 1 the first rank could divide by zero."""
    with pytest.raises(ValueError, match="k=0"):
        fuse_rankings([["a"]], k=0)


def test_scores_are_added_by_their_share_of_the_best() -> None:
    """A score counts as a share of the best of its kind: 0.8 by meaning, 0.2 by words."""
    hits = [Hit(PASSAGES[1], 8.0), Hit(PASSAGES[0], 2.0)]
    fused = fuse_hits(hits, PASSAGES, make_nearness(0.5, 0.2, -0.1))
    assert [hit.passage.passage_id for hit in fused] == ["a", "b", "c"]
    assert [hit.score for hit in fused] == pytest.approx(
        [0.8 + 0.2 * 0.25, 0.8 * 1.2 / 1.5 + 0.2, 0.8 * 0.9 / 1.5]
    )


def test_words_decide_where_all_is_equally_near() -> None:
    """A model that tells nothing apart leaves the order of the search by words."""
    hits = [Hit(PASSAGES[2], 3.0), Hit(PASSAGES[0], 1.0)]
    fused = fuse_hits(hits, PASSAGES, make_nearness(0.61, 0.60, 0.60))
    assert [hit.passage.passage_id for hit in fused] == ["c", "a", "b"]


def test_passage_that_one_search_found_is_kept() -> None:
    """What has no word of the question is found by meaning, what has no vector by words."""
    fused = fuse_hits([Hit(PASSAGES[3], 5.0)], PASSAGES, make_nearness(0.9, 0.1, 0.0))
    assert {hit.passage.passage_id for hit in fused} == set("abcd")
    assert fuse_hits([], PASSAGES, make_nearness(0.1, 0.9))[0].passage.passage_id == "b"
    assert [hit.score for hit in fuse_hits([Hit(PASSAGES[3], 5.0)], PASSAGES, make_nearness())] != []
