"""Two runs: what changed in the figures and at each question, over the questions of both."""

from __future__ import annotations

from typing import Any

import pytest

from chatbot.comparison import Comparison, compare
from chatbot.outcomes import Dump, Outcome
from tests.chatbot.runs import make_outcome

OUTSIDE = {"out_of_scope": True, "rank": None}


def put_together(before: list[Outcome], after: list[Outcome], **counts: int) -> Comparison:
    """Compare two runs."""
    return compare(
        after, Dump(tuple(before), counts.get("unknown", 0), counts.get("reworded", 0)), "old.jsonl"
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"rank": 3}, {"rank": 1}, "better"),
        ({"rank": 1}, {"rank": None}, "worse"),
        ({"answer": "?"}, {}, "better"),
        ({"refused": True}, {}, "better"),
        ({"refused": True, **OUTSIDE}, OUTSIDE, "worse"),
        ({"rank": 3}, {"rank": 1, "answer": "?"}, "mixed"),
        ({"rank": 7, "answer": "?"}, {"rank": 7, "answer": "?", "refused": True}, "mixed"),
    ],
)
def test_question_changes_by_rank_verdict_and_answer(
    before: dict[str, Any], after: dict[str, Any], expected: str
) -> None:
    """Better is where something rose and nothing fell; another verdict that is no better is mixed."""
    found = put_together([make_outcome(**before)], [make_outcome(**after)])
    assert [change.direction for change in found.changes] == [expected]


def test_question_that_is_judged_as_before_is_no_change() -> None:
    """Another wording or another cost of the same verdict, rank and content is not listed."""
    before, after = make_outcome(), make_outcome(answer="The second drawer!", prompt_tokens=9)
    assert put_together([before], [after]).changes == ()


def test_figures_are_compared_over_the_questions_of_both() -> None:
    """A question of one run alone is counted and changes no figure."""
    before = [make_outcome("a", rank=1), make_outcome("b", rank=None), make_outcome("gone", rank=None)]
    after = [make_outcome("a", rank=1), make_outcome("b", rank=2), make_outcome("new", rank=None)]
    found = put_together(before, after, unknown=2, reworded=1)
    assert (found.shared, found.only_here, found.only_before, found.reworded) == (2, 1, 3, 1)
    hits = found.figures["hit@5"]
    assert (hits.before, hits.after, hits.difference) == (0.5, 1.0, 0.5)
    assert (hits.gained, hits.lost, hits.p) == (1, 0, 1.0)
    assert found.figures["mrr@10"].test == "randomisation"
    assert (found.figures["failed"].difference, found.figures["failed"].p) == (0, None)


def test_tokens_that_are_not_known_are_not_nought() -> None:
    """Beside rows without tokens those of today are no rise."""
    tokens = put_together([make_outcome()], [make_outcome(prompt_tokens=900)]).figures["prompt_tokens_mean"]
    assert (tokens.before, tokens.after, tokens.difference) == (None, 900, None)


def test_clear_change_is_unlikely_by_chance() -> None:
    """Ten questions that all got their passage have a small p, for shares and for ranks."""
    names = [f"q{number}" for number in range(10)]
    found = put_together(
        [make_outcome(name, rank=None) for name in names], [make_outcome(name, rank=1) for name in names]
    )
    for name in ("hit@5", "mrr@10"):
        p = found.figures[name].p
        assert p is not None
        assert p < 0.01


def test_runs_without_a_common_question_are_compared_over_none() -> None:
    """Nothing in common is a comparison of nothing, not an error."""
    found = put_together([make_outcome("a")], [make_outcome("b")])
    document = found.as_dict()
    assert (document["questions"], document["only_here"], document["only_in_baseline"]) == (0, 1, 1)
    assert document["better"] == document["worse"] == []
